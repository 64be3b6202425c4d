/** JSON is exact in value, compared by value, and nothing hostile in it costs more than its text. */

import { describe, expect, test } from "bun:test";
import {
  exactNumberText,
  isContainer,
  isDeeperThan,
  isSameJson,
  parseJson,
} from "../../../src/events/exact-json.ts";

/** Numbers that a double cannot hold come back in the spelling they were sent in. */
const KEPT_AS_TEXT = [
  "9007199254740993",
  "-9007199254740993",
  "12345678901234567890",
  "0.12345678901234567890123",
  "123456789.1234567891",
  "1e400",
  "-1E+400",
  "1e-400",
  "5e-325",
  "1.5e1000000000000000000000",
  "-0",
  "-0.0",
  "-0e0",
];

/** Numbers that a double does hold, however they are spelt. */
const EXACT_AS_DOUBLE = [
  "0",
  "-1",
  "0.1",
  "1.0",
  "1e3",
  "1E-3",
  "1.5e300",
  "9007199254740992",
  "123456789012345",
  "1000000000000000000000",
];

const PLACES: [string, (number: string) => string][] = [
  ["alone", (number) => number],
  ["in an array", (number) => `[1,${number}]`],
  ["after white space", (number) => `[ \n${number} ]`],
  ["in an object", (number) => `{"a":${number}}`],
  ["deep inside", (number) => `{"a":[{"b":[[${number}]]}]}`],
];

describe.each(PLACES)("a number %s", (_, place) => {
  test.each(KEPT_AS_TEXT)("keeps %s as the text it was sent as", (number) => {
    expect(JSON.stringify(parseJson(place(number)))).toBe(place(number).replaceAll(/\s/g, ""));
  });

  test.each(EXACT_AS_DOUBLE)("keeps the value of %s", (number) => {
    expect(JSON.parse(JSON.stringify(parseJson(place(number))))).toEqual(JSON.parse(place(number)));
  });
});

test("a number kept as text is a scalar, an ordinary one needs no text", () => {
  const kept = parseJson("12345678901234567890");
  expect(exactNumberText(kept)).toBe("12345678901234567890");
  expect(isContainer(kept)).toBe(false);
  expect(exactNumberText(parseJson("1"))).toBeUndefined();
  expect(exactNumberText("12345678901234567890")).toBeUndefined();
});

test("digits inside a string stay a string", () => {
  const text = '{"a":"12345678901234567890","b":": 1e400"}';
  expect(JSON.stringify(parseJson(text))).toBe(text);
});

test.each(["", "{", "[1,]", "nul", "01", "1.", ".5", "+1", "NaN", "'a'", "[1e]", '{"a":1e400'])(
  "%s is not JSON",
  (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  },
);

const SAME: [string, string][] = [
  ["1", "1.0"],
  ["1", "10e-1"],
  ["100", "1E2"],
  ["0", "-0"],
  ["0", "0e999999999999999999999"],
  ["0.5", "5e-1"],
  ["12345678901234567890", "12345678901234567890.0"],
  ["12345678901234567890", "1234567890123456789e1"],
  ["1e400", "10e399"],
  ["1e400", "0.1e401"],
  ["null", " null "],
  ['"é"', '"\\u00e9"'],
  ['{"a":1,"b":2}', '{ "b": 2, "a": 1.0 }'],
  ['{"a":{"x":[1,{"y":2}]}}', '{"a":{"x":[1.0,{"y":2}]}}'],
  ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1.0}}'],
  ['{"a":1,"a":2}', '{"a":2}'],
];

const DIFFERENT: [string, string][] = [
  ["1", "2"],
  ["1", '"1"'],
  ["1", "-1"],
  ["0", "false"],
  ["0", "null"],
  ["null", "[]"],
  ["[]", "{}"],
  ["[1,2]", "[2,1]"],
  ["[1]", "[1,1]"],
  ['["a"]', '{"0":"a"}'],
  ['{"a":1}', '{"a":1,"b":1}'],
  ['{"a":1,"b":1}', '{"a":1,"c":1}'],
  ['{"a":null}', "{}"],
  ['{"a":null}', '{"b":null}'],
  ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
  ['{"__proto__":null}', "{}"],
  ['{"__proto__":{}}', '{"a":{}}'],
  ['{"toString":1}', '{"valueOf":1}'],
  ["12345678901234567890", "12345678901234567891"],
  ["[12345678901234567890]", "[12345678901234567891]"],
  ["9007199254740993", "9007199254740992"],
  ["1e400", "1e401"],
  ["1e400", "-1e400"],
  ["1e-400", "0"],
  ["1e400", "null"],
  ["1e400", '"1e400"'],
  ["12345678901234567890", "{}"],
  ["12345678901234567890", '{"rawJSON":"12345678901234567890"}'],
  ['"\\u00e9"', '"e\\u0301"'],
];

describe("two texts have the same value", () => {
  test.each(SAME)("%s and %s", (a, b) => {
    expect([isSameJson(a, b), isSameJson(b, a)]).toEqual([true, true]);
  });
});

describe("two texts have different values", () => {
  test.each(DIFFERENT)("%s and %s", (a, b) => {
    expect([isSameJson(a, b), isSameJson(b, a)]).toEqual([false, false]);
  });
});

test("a value nests as deep as its containers, scalars add nothing", () => {
  expect(isDeeperThan(1, 0)).toBe(false);
  expect(isDeeperThan(parseJson("1e400"), 0)).toBe(false);
  expect(isDeeperThan([], 0)).toBe(true);
  expect(isDeeperThan([1, { a: 1 }], 1)).toBe(true);
  expect(isDeeperThan([1, { a: 1 }], 2)).toBe(false);
});

test("comparing numbers with a million zeros takes no time to speak of", () => {
  const zeros = "0".repeat(500_000);
  const started = performance.now();
  expect(isSameJson(`1${zeros}1${zeros}`, `1${zeros}1${zeros}.0`)).toBe(true);
  expect(performance.now() - started).toBeLessThan(1_000);
});
