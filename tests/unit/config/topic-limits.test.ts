/** Limits by topic are read as they are meant, and what cannot be meant is refused. */

import { describe, expect, test } from "bun:test";
import { parseQuantity } from "../../../src/config/quantity.ts";
import { parseTopicLimits } from "../../../src/config/topic-limits.ts";

describe("a quantity", () => {
  test.each([
    ["0", "duration", 0],
    ["250ms", "duration", 250],
    ["1.5h", "duration", 5_400_000],
    ["30d", "duration", 30 * 86_400_000],
    ["2w", "duration", 14 * 86_400_000],
    ["1000", "events", 1_000],
    ["2M", "events", 2_000_000],
    ["512MiB", "bytes", 512 * 1024 * 1024],
    ["20GB", "bytes", 20_000_000_000],
  ] as const)("%s %s", (text, unit, value) => expect(parseQuantity(text, unit)).toBe(value));

  test.each([
    ["30", "duration"],
    ["", "events"],
    ["-1", "events"],
    ["1e9", "events"],
    ["1 d", "duration"],
    ["1D", "duration"],
    ["5mib", "bytes"],
    ["1__proto__", "bytes"],
    ["1constructor", "bytes"],
    ["999999999999999w", "duration"],
    ["Infinity", "events"],
  ] as const)("not `%s` (%s)", (text, unit) => expect(parseQuantity(text, unit)).toBeUndefined());
});

test("limits are for all topics, or by pattern", () => {
  expect(parseTopicLimits("30d", "duration")).toEqual([{ pattern: "*", max: 30 * 86_400_000 }]);
  expect(parseTopicLimits("a=b=90s,logs.*=unlimited,*=1h", "duration")).toEqual([
    { pattern: "a=b", max: 90_000 },
    { pattern: "logs.*", max: Number.POSITIVE_INFINITY },
    { pattern: "*", max: 3_600_000 },
  ]);
});

test.each([
  ["", "limit like"],
  ["orders=", "limit like"],
  ["=5", "name topics"],
  ["a b=5", "name topics"],
  ["a*b=5", "name topics"],
  ["a=5,a=6", "name `a` once"],
  ["5,6", "name `*` once"],
  ["5,", "limit like"],
])("`%s` is refused and says why", (text, reason) =>
  expect(parseTopicLimits(text, "events")).toContain(reason),
);
