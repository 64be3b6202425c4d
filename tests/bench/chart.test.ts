/** Charts show what they are given: every value has its place, every name is text, and nothing is drawn of nothing. */

import { describe, expect, test } from "bun:test";
import type { Chart, LineShape } from "../../bench/bench.ts";
import { drawChart } from "../../bench/chart.ts";
import { linearScale, logarithmicScale, shortNumber } from "../../bench/drawing/scale.ts";

function lines(points: LineShape["lines"][number]["points"], change: Partial<LineShape> = {}): Chart {
  const shape: LineShape = {
    kind: "lines",
    xTitle: "events a frame",
    lines: [{ name: "a", points }],
    ...change,
  };
  return { name: "a-chart", title: "A chart", yTitle: "events/s", shape };
}

function bars(labels: readonly string[], values: readonly number[]): Chart {
  const shape = { kind: "bars", labels, series: [{ name: "a", values }] } as const;
  return { name: "a-chart", title: "A chart", yTitle: "events/s", shape };
}

/** Throws where SVG is not well-formed; gives the elements of a name with their attributes. */
function elementsIn(svg: string, name: string): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  let depth = 0;
  for (const [, isEnd, tag, attributes, isEmpty] of svg.matchAll(/<(\/?)([a-z]+)([^<>]*?)(\/?)>/g)) {
    depth += isEnd ? -1 : isEmpty ? 0 : 1;
    if (tag === name && !isEnd)
      found.push(
        Object.fromEntries([...attributes!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, k, v]) => [k!, v!])),
      );
  }
  expect(depth).toBe(0);
  return found;
}

test("names and titles are text, whatever they contain", () => {
  const svg = drawChart({ ...bars(['<b>"&'], [1]), title: "a < b & c", yTitle: 'x > "y"' });
  expect(svg).toContain("<title>a &lt; b &amp; c</title>");
  expect(svg).toContain("x &gt; &quot;y&quot;</text>");
  expect(svg).toContain("&lt;b&gt;&quot;&amp;</text>");
  expect(svg).not.toContain("<b>");
  expect(elementsIn(svg, "svg")).toHaveLength(1);
});

test("a line goes through its points, in their order, with a dot at each", () => {
  const svg = drawChart(
    lines([
      [0, 0],
      [5, 100],
      [10, 50],
    ]),
  );
  const dots = elementsIn(svg, "circle").map(({ cx, cy }) => [Number(cx), Number(cy)]);
  expect(dots).toHaveLength(3);
  const [first, second, third] = dots as [number[], number[], number[]];
  expect(second[0]! - first[0]!).toBeCloseTo(third[0]! - second[0]!, 0);
  expect(second[1]!).toBeLessThan(third[1]!);
  expect(third[1]! - second[1]!).toBeCloseTo(first[1]! - third[1]!, 0);
  expect(svg).toContain(`M${first[0]} ${first[1]}L${second[0]} ${second[1]}L${third[0]} ${third[1]}`);
});

test("on a logarithmic axis equal ratios are equal distances, and powers of ten are marked", () => {
  const svg = drawChart(
    lines(
      [
        [1, 10],
        [100, 1_000],
        [10_000, 100_000],
      ],
      { isLogarithmicX: true, isLogarithmicY: true },
    ),
  );
  const [first, second, third] = elementsIn(svg, "circle").map(({ cx, cy }) => [Number(cx), Number(cy)]);
  expect(second![0]! - first![0]!).toBeCloseTo(third![0]! - second![0]!, 0);
  expect(second![1]! - first![1]!).toBeCloseTo(third![1]! - second![1]!, 0);
  for (const tick of ["1", "10", "100", "1,000", "10 k", "100 k"]) expect(svg).toContain(`>${tick}</text>`);
});

test("bars are as high as their values, and say them", () => {
  const svg = drawChart(bars(["one", "two"], [1_000, 250_000]));
  const [, small, large] = elementsIn(svg, "rect").map(({ height }) => Number(height));
  expect(large! / small!).toBeWithin(240, 260);
  expect(svg).toContain(">1,000</text>");
  expect(svg).toContain(">250 k</text>");
});

test("several names have a legend, each in the colour of its bars; one name alone has none", () => {
  const series = ["a", "b"].map((name) => ({ name, values: [3] }));
  const chart = bars(["one"], [1]);
  const both = drawChart({ ...chart, shape: { kind: "bars", labels: ["one"], series } });
  const fills = elementsIn(both, "rect").map(({ fill }) => fill);
  expect(fills.slice(1, 3)).toEqual(fills.slice(3));
  expect(new Set(fills).size).toBe(3);
  expect(elementsIn(drawChart(chart), "rect")).toHaveLength(2);
});

describe("it is an error", () => {
  test.each<[string, Chart, string]>([
    ["to draw nothing", lines([]), "nothing to draw"],
    ["to draw no lines", lines([], { lines: [] }), "nothing to draw"],
    ["to draw no bars", bars([], []), "nothing to draw"],
    ["to draw what is not a number", lines([[1, Number.NaN]]), "not NaN"],
    ["to draw what has no end", bars(["a"], [Number.POSITIVE_INFINITY]), "not Infinity"],
    ["to draw below zero", bars(["a"], [-1]), "not -1"],
    ["to put zero on a logarithmic axis", lines([[0, 1]], { isLogarithmicX: true }), "not 0"],
    ["to give more labels than values", bars(["a", "b"], [1]), "1 values for 2 labels"],
  ])("%s", (_, chart, message) => {
    expect(() => drawChart(chart)).toThrow(message);
  });
});

test.each([[[3]], [[0]], [[0.001, 0.002]], [[1, 2, 999_999_999]]])(
  "an axis for %p reaches from below all values to above them, in round steps",
  (values) => {
    const { at, ticks } = linearScale(values, 5);
    for (const value of values) expect(at(value)).toBeWithin(0, 1 + Number.EPSILON);
    expect(at(ticks.at(-1)!)).toBe(1);
    expect(ticks.length).toBeLessThanOrEqual(6);
    const positive = values.filter((value) => value > 0);
    if (positive.length === 0) return;
    const log = logarithmicScale(positive);
    expect(log.at(log.ticks[0]!)).toBeCloseTo(0, 9);
    expect(log.at(log.ticks.at(-1)!)).toBeCloseTo(1, 9);
  },
);

test.each([
  [0, "0"],
  [0.18345, "0.183"],
  [9_876.5, "9,877"],
  [99_960, "100 k"],
  [999_499, "999 k"],
  [999_600, "1 M"],
  [1_234_567, "1.23 M"],
])("%d is written %s", (value, text) => {
  expect(shortNumber(value)).toBe(text);
});
