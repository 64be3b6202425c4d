/** The latest events are kept whole, within a number and a size. */

import { expect, test } from "bun:test";
import { RecentEvents } from "../../../src/storage/sqlite/recent-events.ts";
import { eventRecord } from "../event-records.ts";

const EVENTS_MAX = 65_536;
const BYTES_MAX = 32 * 1024 * 1024;

test("an event comes back as it was added, with its time", () => {
  const recent = new RecentEvents();
  const first = eventRecord("a");
  recent.add(1, first, 1_000);
  recent.add(2, eventRecord("b"), 2_000);
  expect(recent.get(1)).toBe(first);
  expect(recent.receivedAt(2)).toBe(2_000);
  expect([recent.get(0), recent.get(3), recent.get(1 + EVENTS_MAX)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("it may begin anywhere, as after a restart", () => {
  const recent = new RecentEvents();
  recent.add(100, eventRecord("a"), 1);
  expect(recent.get(100)?.eventId).toBe("a");
  expect(recent.get(99)).toBeUndefined();
});

test("the oldest goes when there is one too many", () => {
  const recent = new RecentEvents();
  const event = eventRecord("a");
  for (let seq = 1; seq <= EVENTS_MAX; seq++) recent.add(seq, event, seq);
  expect(recent.get(1)).toBe(event);
  recent.add(EVENTS_MAX + 1, eventRecord("new"), 1);
  expect(recent.get(1)).toBeUndefined();
  expect(recent.get(2)).toBe(event);
  expect(recent.get(EVENTS_MAX + 1)?.eventId).toBe("new");
});

test("the oldest go when they take too many bytes", () => {
  const recent = new RecentEvents();
  const large = (bytes: number) => eventRecord("", { payload: "x".repeat(bytes) });
  recent.add(1, large(BYTES_MAX / 2), 1);
  recent.add(2, large(BYTES_MAX / 2), 1);
  expect([1, 2].map((seq) => recent.get(seq) !== undefined)).toEqual([true, true]);
  recent.add(3, large(1), 1);
  expect([1, 2, 3].map((seq) => recent.get(seq) !== undefined)).toEqual([false, true, true]);
});

test("ids and attributes count as well as payloads", () => {
  const recent = new RecentEvents();
  const half = "x".repeat(BYTES_MAX / 2);
  recent.add(1, eventRecord(half), 1);
  recent.add(2, eventRecord("", { attributes: half, payload: "" }), 1);
  recent.add(3, eventRecord("a"), 1);
  expect([1, 2, 3].map((seq) => recent.get(seq) !== undefined)).toEqual([false, true, true]);
});

test("an event larger than all may be is not kept, and those after it are", () => {
  const recent = new RecentEvents();
  recent.add(1, eventRecord("a"), 1);
  recent.add(2, eventRecord("b", { payload: "x".repeat(BYTES_MAX + 1) }), 1);
  expect([recent.get(1), recent.get(2)]).toEqual([undefined, undefined]);
  recent.add(3, eventRecord("c"), 1);
  expect(recent.get(3)?.eventId).toBe("c");
});

test("a gap begins the collection anew: nothing older is taken for what it is not", () => {
  const recent = new RecentEvents();
  for (let seq = 1; seq <= 10; seq++) recent.add(seq, eventRecord(`a${seq}`), 1);
  recent.add(50, eventRecord("b"), 1);
  expect(recent.get(10)).toBeUndefined();
  expect(recent.get(49)).toBeUndefined();
  expect(recent.get(50)?.eventId).toBe("b");
});
