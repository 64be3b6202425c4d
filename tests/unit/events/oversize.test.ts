/** A hostile text is recognised by reading it once, before any value is built from it. */

import { describe, expect, test } from "bun:test";
import { PAYLOAD_DEPTH_MAX } from "../../../src/events/event.ts";
import { findOversize } from "../../../src/events/exact-json.ts";

/** White space that makes any text long enough to be looked at. */
const PADDING = " ".repeat(32_768);

/** Frame, array and event around a payload. */
const ENVELOPE_DEPTH = 3;

const DEPTH_MAX = PAYLOAD_DEPTH_MAX + ENVELOPE_DEPTH;

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

function listOf(items: number, item: string): string {
  return `[${Array(items).fill(item).join(",")}]`;
}

describe("depth", () => {
  test("the deepest allowed text passes, one more level does not", () => {
    expect(findOversize(nested(DEPTH_MAX) + PADDING, 10)).toBeUndefined();
    expect(findOversize(nested(DEPTH_MAX + 1) + PADDING, 10)).toEqual({ kind: "deep" });
  });

  test("objects count like arrays", () => {
    const deep = `${'{"a":'.repeat(DEPTH_MAX + 1)}1${"}".repeat(DEPTH_MAX + 1)}`;
    expect(findOversize(deep + PADDING, 10)).toEqual({ kind: "deep" });
  });

  test("what has been closed again counts no more", () => {
    expect(findOversize(`{"a":[${Array(200).fill(nested(100)).join(",")}]}${PADDING}`, 10)).toBeUndefined();
  });

  test("brackets inside strings are text, whatever is escaped before them", () => {
    for (const string of ['"[[["', '"\\"[[["', '"\\\\"', '"\\\\\\"[[["', '"\\u005b["']) {
      const text = `{"a":[${Array(200).fill(string).join(",")}]}${PADDING}`;
      expect(() => JSON.parse(text)).not.toThrow();
      expect(findOversize(text, 10)).toBeUndefined();
    }
  });

  test("a string that never ends is left to the parser", () => {
    expect(findOversize(`["abc\\"${PADDING}`, 10)).toBeUndefined();
  });
});

describe("number of events", () => {
  const LISTS: [string, (items: number) => string][] = [
    ["an array", (items) => listOf(items, "{}")],
    ["an array after white space", (items) => `  \n${listOf(items, "{}")}`],
    ["`events`", (items) => `{"events":${listOf(items, "{}")}}`],
    [
      "`events` spelt with white space",
      (items) => `{ "type" : "publish" , "events" \n: ${listOf(items, "[1,2]")} }`,
    ],
    [
      "`events` after another list",
      (items) => `{"type":[1,2,3,4,5,6,7,8,9,10,11,12],"events":${listOf(items, "{}")}}`,
    ],
  ];

  test.each(LISTS)("as many as allowed pass in %s, one more does not", (_, make) => {
    expect(findOversize(make(10) + PADDING, 10)).toBeUndefined();
    expect(findOversize(make(11) + PADDING, 10)).toEqual({ kind: "many" });
  });

  test.each([
    ["a payload's array", `{"event_id":"a","payload":${listOf(11, "1")}}`],
    [
      "the payload of an event whose topic is called `events`",
      `{"topic":"events","payload":${listOf(11, "1")}}`,
    ],
    ["a payload's own `events`", `{"events":[{"payload":{"events":${listOf(11, "1")}}}]}`],
    ["a list after `events`", `{"events":[1],"more":${listOf(11, "1")}}`],
    [
      "an event's members",
      `{"events":[{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11}]}`,
    ],
  ])("%s holds no events", (_, text) => {
    expect(findOversize(text + PADDING, 10)).toBeUndefined();
  });
});

test("short texts are not looked at: they cannot cost much", () => {
  expect(findOversize(nested(1_000), 10)).toBeUndefined();
  expect(findOversize(listOf(100, "{}"), 10)).toBeUndefined();
});
