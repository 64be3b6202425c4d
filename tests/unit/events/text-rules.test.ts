/** What topics, ids and sources may hold: counted in code points, free of what would part or hide them. */

import { describe, expect, test } from "bun:test";
import { faultOfEventId, faultOfSource, faultOfTopic } from "../../../src/events/text-rules.ts";

const EMOJI = "😀";
const LONE_HIGH = "\ud83d";
const LONE_LOW = "\ude00";

/** First, last and one inside of C0, DEL, and of C1. */
const CONTROLS = ["\0", "\t", "\n", "\x1f", "\x7f", "\x80", "\x85", "\x9f"];

/** Unicode's White_Space beyond the controls. */
const SPACES = [
  " ",
  "\u00a0",
  "\u1680",
  "\u2000",
  "\u2003",
  "\u200a",
  "\u2028",
  "\u2029",
  "\u202f",
  "\u205f",
  "\u3000",
];

const RULES = { topic: faultOfTopic, event_id: faultOfEventId, source: faultOfSource };

describe.each(Object.entries(RULES))("%s", (name, faultOf) => {
  test("has 255 code points at most, however many UTF-16 units they take", () => {
    for (const character of ["a", "é", "世", EMOJI]) {
      expect(faultOf(character.repeat(255))).toBeUndefined();
      expect(faultOf(character.repeat(256))).toBe("must be at most 255 characters");
    }
    expect(faultOf(EMOJI.repeat(127) + "a".repeat(128))).toBeUndefined();
  });

  test("has no lone surrogate", () => {
    for (const text of [
      LONE_HIGH,
      LONE_LOW,
      `a${LONE_HIGH}b`,
      `${LONE_LOW}${LONE_HIGH}`,
      `${EMOJI}${LONE_HIGH}`,
    ]) {
      expect(faultOf(text)).toBe("must not contain a lone surrogate");
    }
  });

  test(name === "source" ? "may be empty" : "is not empty", () => {
    expect(faultOf("")).toBe(name === "source" ? undefined : "must not be empty");
  });

  test.each([
    "orders",
    "a.b/c-d_e:f",
    "@",
    "заказы",
    "注文",
    "طلبات",
    "é",
    "e\u0301",
    EMOJI,
    "\ufeff",
    "__proto__",
  ])("may be %j", (text) => {
    expect(faultOf(text)).toBeUndefined();
  });
});

test.each(CONTROLS)("the control character %j stands in no topic and no id", (control) => {
  for (const text of [control, `a${control}`, `${control}a`, `a${control}b`]) {
    expect(faultOfTopic(text)).toBeDefined();
    expect(faultOfEventId(text)).toBe("must not contain control characters");
    expect(faultOfSource(text)).toBeUndefined();
  }
});

test.each(SPACES)("the white space %j stands in no topic, but may stand in an id", (space) => {
  for (const text of [space, `a${space}`, `a${space}b`]) {
    expect(faultOfTopic(text)).toBe("must not contain white space, control characters, `*` or `,`");
    expect(faultOfEventId(text)).toBeUndefined();
  }
});

test.each(["*", ",", "orders.*", "a,b"])("%s is no topic, since patterns and lists need the sign", (text) => {
  expect(faultOfTopic(text)).toBe("must not contain white space, control characters, `*` or `,`");
  expect(faultOfEventId(text)).toBeUndefined();
});

test("a text of ten million characters is refused without being counted to its end", () => {
  const long = EMOJI.repeat(5_000_000);
  const started = performance.now();
  expect(faultOfTopic(long)).toBeDefined();
  expect(faultOfEventId(long)).toBeDefined();
  expect(performance.now() - started).toBeLessThan(500);
});
