/** A pattern is a topic, or a prefix and one final `*`. */

import { describe, expect, spyOn, test } from "bun:test";
import { faultOfPattern, isMatch, TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

describe("patterns", () => {
  test.each(["*", "orders", "orders.*", "orders*", "a.b/c:*", "注文*", "x".repeat(255)])(
    "%s is one",
    (pattern) => {
      expect(faultOfPattern(pattern)).toBeUndefined();
    },
  );

  test.each(["", "**", "*.orders", "a*b", "orders.**", "a b", "a,b", "a\n*", "\ud83d*", "x".repeat(256)])(
    "%j is none",
    (pattern) => {
      expect(faultOfPattern(pattern)).toBe("must be a topic, or a prefix and one final `*`");
    },
  );
});

const MATCHES: [string[], string[], string[]][] = [
  [[], ["orders", "a.b"], []],
  [["*"], ["orders", "a.b"], []],
  [["orders"], ["orders"], ["orders.eu", "order", "Orders", "xorders"]],
  [["orders.*"], ["orders.eu", "orders.eu.fr", "orders."], ["orders", "ordersXeu", "x.orders.eu"]],
  [["orders*"], ["orders", "orders.eu", "ordersX"], ["order"]],
  [
    ["orders", "pay.*"],
    ["orders", "pay.card"],
    ["pay", "orders.eu"],
  ],
  [["注*"], ["注文"], ["文"]],
  [
    ["a*", "ab*", "abc", "c.*", "b*"],
    ["a", "ab", "abx", "az", "b", "c.1"],
    ["c", "c", "d", "A"],
  ],
  [
    ["a.*", "a*"],
    ["a", "a-", "a.b", "az"],
    ["b", "A"],
  ],
];

test.each(MATCHES)("%j covers %j and not %j", (patterns, covered, others) => {
  const parsed = new TopicPatterns(patterns);
  expect(covered.filter((topic) => !parsed.matches(topic))).toEqual([]);
  expect(others.filter((topic) => parsed.matches(topic))).toEqual([]);
});

test("a thousand prefixes are held against ten thousand topics in no time to speak of", () => {
  const parsed = new TopicPatterns(Array.from({ length: 1_000 }, (_, i) => `a-rather-long-prefix-${i}.*`));
  const topics = Array.from({ length: 10_000 }, (_, i) => `a-rather-long-prefix-${i}.x`);
  const started = performance.now();
  expect(topics.filter((topic) => parsed.matches(topic))).toHaveLength(1_000);
  expect(performance.now() - started).toBeLessThan(50);
});

test("equal sets have equal keys, whatever their order and repetitions; others never", () => {
  const key = (...patterns: string[]): string => new TopicPatterns(patterns).key;
  expect(key("b", "a.*", "b")).toBe(key("a.*", "b"));
  expect(key()).toBe(key("*"));
  const keys = [key(), key("a"), key("a*"), key("a.*"), key("a", "b"), key("ab"), key("a", "b*")];
  expect(new Set(keys).size).toBe(keys.length);
});

test("only `*` covers everything", () => {
  expect(new TopicPatterns([]).matchesAll).toBe(true);
  expect(new TopicPatterns(["a", "*"]).matchesAll).toBe(true);
  expect(new TopicPatterns(["a*"]).matchesAll).toBe(false);
});

test("what two lists both cover is what one covers of the topics that the other covers", () => {
  const random = SeededRandom.printed("topic patterns");
  const word = (): string =>
    Array.from({ length: 1 + random.below(3) }, () => "ab."[random.below(3)]).join("");
  const patternOf = (): string => (random.below(2) === 0 ? word() : `${word()}*`);
  const listOf = (): string[] => Array.from({ length: 1 + random.below(5) }, patternOf);
  for (let round = 0; round < 2_000; round++) {
    const [granted, asked] = [listOf(), listOf()];
    const patterns = new TopicPatterns(granted);
    const both = patterns.intersectionWith(asked);
    expect(both.length).toBeLessThanOrEqual(granted.length + asked.length);
    const covered =
      both.length === 0 ? () => false : (topic: string) => new TopicPatterns(both).matches(topic);
    for (let i = 0; i < 20; i++) {
      const topic = word();
      const isAsked = asked.some((pattern) => isMatch(topic, pattern));
      expect(covered(topic)).toBe(isAsked && patterns.matches(topic));
    }
    for (const pattern of asked)
      expect(patterns.meets(pattern)).toBe(patterns.intersectionWith([pattern]).length > 0);
  }
});

test("a thousand patterns are held against a hundred, each in a few steps", () => {
  const granted = Array.from({ length: 100 }, (_, i) => `area-${i}.`.repeat(10));
  const patterns = new TopicPatterns(granted.map((prefix) => `${prefix}*`));
  const asked = Array.from({ length: 1_000 }, (_, i) => `${granted[i % 100]}${i}`);
  let steps = 0;
  const startsWith = String.prototype.startsWith;
  const counting = spyOn(String.prototype, "startsWith").mockImplementation(function (this: string, ...args) {
    steps++;
    return startsWith.apply(this, args);
  });
  try {
    expect(asked.every((pattern) => patterns.meets(pattern))).toBe(true);
    expect(patterns.intersectionWith(asked)).toHaveLength(1_000);
  } finally {
    counting.mockRestore();
  }
  expect(steps).toBeLessThan(3_000);
});
