/** Numbers that a double cannot hold, in texts of any kind: parsed as a reviver would, and in a time that is bounded. */

import { expect, test } from "bun:test";
import { decimal, spelling } from "../../../src/events/decimal.ts";
import { parseJson } from "../../../src/events/exact-json.ts";
import { JsonGrammar } from "../../fuzz/json-grammar.ts";
import { PublishTexts } from "../../fuzz/publish-texts.ts";
import { Random } from "../../simulation/random.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const { rawJSON, parse } = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
};

/** What is to come out, by asking for the source of each value. */
function byReviver(text: string): unknown {
  return parse(text, (_key, value, { source }) => {
    if (typeof value !== "number" || source === undefined) return value;
    const canonical = decimal(source);
    const isExact = !Object.is(value, -0) && Number.isFinite(value) && canonical === decimal(String(value));
    return isExact ? value : rawJSON(spelling(source, canonical));
  });
}

function outcome(run: () => unknown): string {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return (error as Error).name;
  }
}

test("grammatical texts and broken ones: what is parsed, and whether it is", () => {
  const { seed } = SeededRandom.printed("exact-numbers");
  const random = new Random(seed);
  const grammar = new JsonGrammar(random);
  const publishes = new PublishTexts(random);
  for (let i = 0; i < 8_000; i++) {
    random.restart(i);
    const text = random.chance(0.5)
      ? grammar.container([grammar.value(), grammar.number()], "[]")
      : publishes.text("frame").text;
    const parsed = outcome(() => parseJson(text));
    if (parsed !== outcome(() => byReviver(text))) throw new Error(`Parsed as ${parsed}: ${text}`);
  }
});

test.each([
  "{1e400:1}",
  '{"a":1e400:2}',
  "{1e400 :1}",
  "[1e400 1e400]",
  "[1e400.5]",
  "[01e400]",
  "[-1e400-]",
  "[--1e400]",
  '["a"1e400]',
  "tru1e400",
  "[1e400",
  '{"a":1e400,1e400}',
  "1e400,",
  "-",
  '"1e400',
  '[1e400,"\\"]',
])("%s is no JSON", (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});

test.each([
  "1e400",
  "[-0]",
  '{"__proto__":1e400,"constructor":{"__proto__":-0}}',
  '["1e400",1e400,"[1e400]"]',
  '{"1e400":1e400}',
  '["\\"",1e400,"\\\\",1e400]',
  "[9007199254740993,1,0.1]",
])("%s is what it was", (text) => {
  expect(JSON.stringify(parseJson(text))).toBe(text);
});

/** The shortest of a few runs: the machine may be busy with other things. */
function shortestMs(run: () => unknown): number {
  const runs = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    run();
    return performance.now() - startedAt;
  });
  return Math.min(...runs);
}

test("one number that no double can hold among megabytes of short values costs little more than parsing does", () => {
  for (const value of ["1", "[[[[1]]]]", '{"a":1}']) {
    const text = `[${`${value},`.repeat(2_000_000 / (value.length + 1))}1e400]`;
    const parsing = shortestMs(() => JSON.parse(text));
    // Calling a function for each value takes 25 to 70 times as long, and 16 MB of them more than twenty seconds.
    expect(shortestMs(() => parseJson(text)) / parsing).toBeLessThan(10);
  }
});
