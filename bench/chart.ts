/** Draws a bench's charts as SVG: dark on a light ground of its own, so that it reads on a page of any colour. */

import type { BarShape, Chart, LineShape } from "./bench.ts";
import { linearScale, logarithmicScale, type Scale, shortNumber } from "./drawing/scale.ts";
import { colourOf, escaped, label, pathThrough, pixels } from "./drawing/svg.ts";

const WIDTH = 880;
const HEIGHT = 400;
const GROUND = "#ffffff";
const INK = "#333b44";
const GRID = "#dde1e6";

const LEGEND_ROW_HEIGHT = 18;
const LEGEND_TOP = 52;
/** Around the plot, the legend not counted. */
const MARGIN = { top: 76, right: 28, bottom: 44, left: 72 };
const ROW_HEIGHT = 14;
const PLOT_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const PLOT_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;

const Y_TICKS = 5;
const X_TICKS = 8;

/** What a letter takes at 12 pixels, rather more than less. */
const LETTER_WIDTH = 7;
const LEGEND_GAP = 34;

const BARS_SHARE = 0.8;

/** @throws Error when there is nothing to draw, or a value that has no place. */
export function drawChart({ title, yTitle, shape }: Chart): string {
  const names = (shape.kind === "lines" ? shape.lines : shape.series).map(({ name }) => name);
  const legend = drawLegend(names);
  const plot = shape.kind === "lines" ? drawLines(shape) : drawBars(shape);
  const top = MARGIN.top + legend.height;
  const height = HEIGHT + legend.height + plot.rowsBelow * ROW_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"` +
      ` font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="${GROUND}"/>`,
    label({ x: 24, y: 30 }, title, { size: 16, isBold: true }),
    ...legend.parts,
    label({ x: 24, y: top - 14 }, yTitle),
    `<g transform="translate(${MARGIN.left},${top})">`,
    ...plot.parts,
    "</g>",
    "</svg>\n",
  ].join("\n");
}

interface Plot {
  readonly parts: readonly string[];
  /** Of text under the axis. */
  readonly rowsBelow: number;
}

/** Under the title, as many rows as the names need. One name alone says nothing that the titles do not say. */
function drawLegend(names: readonly string[]): { parts: readonly string[]; height: number } {
  if (names.length < 2) return { parts: [], height: 0 };
  let [x, row] = [24, 0];
  const parts = names.flatMap((name, i) => {
    const width = name.length * LETTER_WIDTH + LEGEND_GAP;
    if (x > 24 && x + width > WIDTH - MARGIN.right) [x, row] = [24, row + 1];
    const y = LEGEND_TOP + row * LEGEND_ROW_HEIGHT;
    const square = `<rect x="${pixels(x)}" y="${y - 10}" width="12" height="12" rx="2" fill="${colourOf(i)}"/>`;
    const text = label({ x: x + 18, y }, name);
    x += width;
    return [square, text];
  });
  return { parts, height: (row + 1) * LEGEND_ROW_HEIGHT };
}

function drawLines({ lines, xTitle, isLogarithmicX, isLogarithmicY }: LineShape): Plot {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const xScale = isLogarithmicX ? logarithmicScale(xs) : linearScale(xs, X_TICKS);
  const yScale = isLogarithmicY ? logarithmicScale(ys) : linearScale(ys, Y_TICKS);
  const xTicks = xScale.ticks.map((tick) => {
    const x = xScale.at(tick) * PLOT_WIDTH;
    const mark = `<path d="M${pixels(x)} ${PLOT_HEIGHT}v5" stroke="${INK}"/>`;
    return mark + label({ x, y: PLOT_HEIGHT + 19 }, shortNumber(tick), { anchor: "middle" });
  });
  const drawn = lines.map((line, i) => {
    const places = line.points.map(([x, y]) => ({ x: xScale.at(x) * PLOT_WIDTH, y: yPlace(yScale, y) }));
    const dots = places.map(
      ({ x, y }) => `<circle cx="${pixels(x)}" cy="${pixels(y)}" r="3" fill="${colourOf(i)}"/>`,
    );
    const path = `<path d="${pathThrough(places)}" fill="none" stroke="${colourOf(i)}" stroke-width="2" stroke-linejoin="round"/>`;
    return path + (places.length <= DOTS_MAX ? dots.join("") : "");
  });
  const title = label({ x: PLOT_WIDTH / 2, y: PLOT_HEIGHT + 42 }, xTitle, { anchor: "middle" });
  return { parts: [...drawYAxis(yScale), ...xTicks, title, ...drawn], rowsBelow: 1 };
}

/** More points than this are a line and nothing else. */
const DOTS_MAX = 40;

function drawBars({ labels, series }: BarShape): Plot {
  for (const { name, values } of series) {
    if (values.length !== labels.length)
      throw new Error(`${name} has ${values.length} values for ${labels.length} labels`);
  }
  const yScale = linearScale(
    series.flatMap(({ values }) => values),
    Y_TICKS,
  );
  const groupWidth = PLOT_WIDTH / labels.length;
  const barWidth = (groupWidth * BARS_SHARE) / series.length;
  const wrapped = labels.map((text) => wrap(text, Math.floor(groupWidth / LETTER_WIDTH)));
  const groups = wrapped.map((rows, group) => {
    const left = group * groupWidth + (groupWidth * (1 - BARS_SHARE)) / 2;
    const bars = series.map(({ values }, i) =>
      drawBar(values[group]!, left + i * barWidth, barWidth, i, yScale),
    );
    const x = (group + 0.5) * groupWidth;
    const names = rows.map((row, i) =>
      label({ x, y: PLOT_HEIGHT + 18 + i * ROW_HEIGHT }, row, { anchor: "middle", size: 11 }),
    );
    return [...bars, ...names].join("\n");
  });
  const rowsBelow = Math.max(...wrapped.map((rows) => rows.length)) - 1;
  return { parts: [...drawYAxis(yScale), ...groups], rowsBelow };
}

function drawBar(value: number, x: number, width: number, series: number, yScale: Scale): string {
  const y = yPlace(yScale, value);
  const text = shortNumber(value);
  // A value that is wider than its bar would run into its neighbour's.
  const size = Math.max(7, Math.min(11, (width / (text.length * LETTER_WIDTH)) * 12));
  const bar = `<rect x="${pixels(x + 1)}" y="${pixels(y)}" width="${pixels(Math.max(width - 2, 1))}" height="${pixels(PLOT_HEIGHT - y)}" fill="${colourOf(series)}"/>`;
  return (
    bar + label({ x: x + width / 2, y: y - 4 }, text, { anchor: "middle", size: Number(size.toFixed(1)) })
  );
}

/** Rows of whole words, none longer than so many letters unless a word is. */
function wrap(text: string, lettersMax: number): string[] {
  const rows: string[] = [];
  for (const word of text.split(" ")) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= lettersMax)
      rows[rows.length - 1] += ` ${word}`;
    else rows.push(word);
  }
  return rows;
}

function drawYAxis(scale: Scale): string[] {
  return scale.ticks.map((tick, i) => {
    const y = yPlace(scale, tick);
    const line = `<path d="M0 ${pixels(y)}H${PLOT_WIDTH}" stroke="${i === 0 ? INK : GRID}"/>`;
    return line + label({ x: -8, y: y + 4 }, shortNumber(tick), { anchor: "end" });
  });
}

function yPlace(scale: Scale, value: number): number {
  return (1 - scale.at(value)) * PLOT_HEIGHT;
}
