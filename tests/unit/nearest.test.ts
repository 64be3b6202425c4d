/** Somebody who misspelt a name is told the one that was probably meant. */

import { expect, test } from "bun:test";
import { nearest, nearestOrAll } from "../../src/nearest.ts";

const FIELDS = ["topic", "event_id", "id", "timestamp", "source", "payload"];

test.each([
  ["tpoic", "topic"],
  ["eventId", "event_id"],
  ["EVENT-ID", "event_id"],
  ["ID", "id"],
  ["time_stamp", "timestamp"],
  ["pay load", "payload"],
  ["sources", "source"],
])("%s is probably %s", (name, meant) => {
  expect(nearest(name, FIELDS)).toBe(meant);
});

test("a name that begins as only one does is that one, however much is missing", () => {
  expect(nearest("token", ["topics", "token-file", "via"])).toBe("token-file");
  expect(nearest("max-event", ["max-events", "max-event-bytes"])).toBe("max-events");
});

test.each(["foo", "constructor", "data", "i", "pt"])(
  "%s is near to none, and what there is is told",
  (name) => {
    expect(nearest(name, FIELDS)).toBeUndefined();
    expect(nearestOrAll(name, ["a", "b"], "`")).toBe("there are `a`, `b`");
    expect(nearestOrAll(name, ["xxxxx"])).toBe("there is xxxxx alone");
  },
);

test("a name that is long, strange or empty is near to none, and without delay", () => {
  const started = performance.now();
  for (const name of ["", "🤷", "__proto__", "x".repeat(10_000_000)])
    expect(nearest(name, FIELDS)).toBeUndefined();
  expect(nearest("topic", [])).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(500);
});
