/** The latest events are kept whole, within a number and a size. */

import { expect, test } from "bun:test";
import { PublishScanner } from "../../../src/events/publish-scanner.ts";
import { RecentEvents } from "../../../src/storage/sqlite/recent-events.ts";
import { eventRecord } from "../event-records.ts";

/** The number of the topic that all of them have. */
const TOPIC = 7;

const EVENTS_MAX = 65_536;
const BYTES_MAX = 32 * 1024 * 1024;

test("an event is found by its number, with its key, its payload and its time", () => {
  const recent = new RecentEvents();
  recent.add(1, eventRecord("a", { payload: '{"n":1}' }), TOPIC, 1_000);
  recent.add(2, eventRecord("b", { payload: "[\n]" }), TOPIC, 2_000);
  expect([recent.has(1), recent.has(2)]).toEqual([true, true]);
  expect([recent.payload(1), recent.payload(2)]).toEqual(['{"n":1}', "[\n]"]);
  expect([recent.receivedAt(1), recent.receivedAt(2)]).toEqual([1_000, 2_000]);
  expect([recent.has(0), recent.has(3), recent.has(1 + EVENTS_MAX)]).toEqual([false, false, false]);
});

test("only the same topic, scope and id are the same key", () => {
  const recent = new RecentEvents();
  recent.add(1, eventRecord("ab", { scope: "cd\ne" }), TOPIC, 1);
  expect(recent.hasKeyOf(1, TOPIC, eventRecord("ab", { scope: "cd\ne", payload: "2", source: "s" }))).toBe(
    true,
  );
  for (const other of [
    eventRecord("ab"),
    eventRecord("ab", { scope: "cd\nf" }),
    eventRecord("abc", { scope: "d\ne" }),
    eventRecord("a", { scope: "bcd\ne" }),
    eventRecord("ac", { scope: "cd\ne" }),
    eventRecord("AB", { scope: "cd\ne" }),
  ]) {
    expect(recent.hasKeyOf(1, TOPIC, other)).toBe(false);
  }
  expect(recent.hasKeyOf(1, TOPIC + 1, eventRecord("ab", { scope: "cd\ne" }))).toBe(false);
  expect(recent.hasKeyOf(2, TOPIC, eventRecord("ab", { scope: "cd\ne" }))).toBe(false);
});

test("it may begin anywhere, as after a restart", () => {
  const recent = new RecentEvents();
  recent.add(100, eventRecord("a"), TOPIC, 1);
  expect(recent.hasKeyOf(100, TOPIC, eventRecord("a"))).toBe(true);
  expect(recent.has(99)).toBe(false);
});

test("the oldest goes when there is one too many", () => {
  const recent = new RecentEvents();
  const event = eventRecord("a");
  for (let seq = 1; seq <= EVENTS_MAX; seq++) recent.add(seq, event, TOPIC, seq);
  expect(recent.has(1)).toBe(true);
  recent.add(EVENTS_MAX + 1, eventRecord("new"), TOPIC, 1);
  expect(recent.has(1)).toBe(false);
  expect(recent.hasKeyOf(2, TOPIC, event)).toBe(true);
  expect(recent.hasKeyOf(EVENTS_MAX + 1, TOPIC, eventRecord("new"))).toBe(true);
});

test("the oldest go when they take too many bytes: ids, scopes and payloads", () => {
  const recent = new RecentEvents();
  const half = "x".repeat(BYTES_MAX / 2);
  recent.add(1, eventRecord(half, { payload: "" }), TOPIC, 1);
  recent.add(2, eventRecord("", { scope: half, payload: "" }), TOPIC, 1);
  expect([1, 2].map((seq) => recent.has(seq))).toEqual([true, true]);
  recent.add(3, eventRecord("", { payload: "1" }), TOPIC, 1);
  expect([1, 2, 3].map((seq) => recent.has(seq))).toEqual([false, true, true]);
  recent.add(4, eventRecord("", { payload: half }), TOPIC, 1);
  expect([2, 3, 4].map((seq) => recent.has(seq))).toEqual([false, true, true]);
});

test("an event that was dropped is not there, and those beside it are", () => {
  const recent = new RecentEvents();
  for (let seq = 1; seq <= 3; seq++) recent.add(seq, eventRecord(`a${seq}`), TOPIC, 1);
  recent.drop(2);
  recent.drop(9);
  expect([1, 2, 3].map((seq) => recent.has(seq))).toEqual([true, false, true]);
  expect(recent.hasKeyOf(2, TOPIC, eventRecord("a2"))).toBe(false);
});

test("whatever is there is what was added, of any length and alphabet, however often the ring comes round", () => {
  const recent = new RecentEvents();
  const payloads: string[] = [];
  let kept = 0;
  for (let seq = 1; seq <= 3_000; seq++) {
    const letter = ["x", "é", "中", "😀"][seq % 4]!;
    payloads[seq] = letter.repeat((seq * 7_919) % 30_000);
    recent.add(seq, eventRecord(`id-${seq}`, { payload: payloads[seq]! }), TOPIC, seq);
    const looked = seq - ((seq * 104_729) % 1_000);
    if (!recent.has(looked)) continue;
    kept++;
    expect(recent.hasKeyOf(looked, TOPIC, eventRecord(`id-${looked}`))).toBe(true);
    expect(recent.payload(looked) === payloads[looked]).toBe(true);
    expect(recent.receivedAt(looked)).toBe(looked);
  }
  expect(kept).toBeGreaterThan(1_000);
  expect(recent.has(1)).toBe(false);
  // So many of this length fit at any time.
  for (let seq = 2_700; seq <= 3_000; seq++) expect(recent.has(seq)).toBe(true);
});

test("an event larger than all may be is not kept, and those after it are", () => {
  const recent = new RecentEvents();
  recent.add(1, eventRecord("a"), TOPIC, 1);
  recent.add(2, eventRecord("b", { payload: "x".repeat(BYTES_MAX + 1) }), TOPIC, 1);
  expect([recent.has(1), recent.has(2)]).toEqual([true, false]);
  recent.add(3, eventRecord("c"), TOPIC, 1);
  expect(recent.hasKeyOf(3, TOPIC, eventRecord("c"))).toBe(true);
});

test("a gap begins the collection anew: nothing older is taken for what it is not", () => {
  const recent = new RecentEvents();
  for (let seq = 1; seq <= 10; seq++) recent.add(seq, eventRecord(`a${seq}`), TOPIC, 1);
  recent.add(50, eventRecord("b"), TOPIC, 1);
  expect(recent.has(10)).toBe(false);
  expect(recent.has(49)).toBe(false);
  expect(recent.hasKeyOf(50, TOPIC, eventRecord("b"))).toBe(true);
});

test("an event does not keep the body that it came in", () => {
  const BODIES = 200;
  const BODY_BYTES = 1_000_000;
  const limits = { eventsMax: 10, eventBytesMax: BODY_BYTES };
  const scanner = new PublishScanner();
  const recent = new RecentEvents();
  const before = process.memoryUsage().rss;
  for (let seq = 1; seq <= BODIES; seq++) {
    const event = `{"event_id":"an-id-of-some-length-${seq}","topic":"t-${seq}","payload":["of some length"]}`;
    const body = Buffer.from(`[${event},{"event_id":"a","payload":"${"x".repeat(BODY_BYTES - 1_000)}"}]`);
    const decoded = scanner.scan(new TextDecoder().decode(body), "body", limits);
    recent.add(seq, decoded!.events[0]!, TOPIC, 1);
    if (seq % 20 === 0) Bun.gc(true);
  }
  expect(recent.payload(BODIES)).toBe('["of some length"]');
  expect(process.memoryUsage().rss - before).toBeLessThan((BODIES * BODY_BYTES) / 2);
});
