/** Somebody who misspelt a name is told the one that was probably meant. */

import { expect, test } from "bun:test";
import { nearest } from "../../src/nearest.ts";

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

test("any name has a nearest one, however long or strange, without delay", () => {
  const started = performance.now();
  for (const name of ["", "🤷", "__proto__", "x".repeat(10_000_000)])
    expect(FIELDS).toContain(nearest(name, FIELDS));
  expect(performance.now() - started).toBeLessThan(500);
});
