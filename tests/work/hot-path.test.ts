/**
 * How much work the way of an event takes, counted and not timed: the same on every machine, however busy. A change that
 * makes the hot path do more fails here; one that makes it do less may lower the figure.
 */

import { heapStats } from "bun:jsc";
import { expect, spyOn, test } from "bun:test";
import { Gate } from "../../src/access/gate.ts";
import { ANYONE } from "../../src/access/grant.ts";
import { decodePublish } from "../../src/events/decode-publish.ts";
import type { EventRecord } from "../../src/events/event.ts";
import { COMMIT_EVENTS_MAX } from "../../src/ingest/group-commit.ts";
import { LedgerClient } from "../../src/ingest/ledger-client.ts";
import { LedgerHost } from "../../src/ingest/ledger-host.ts";
import type { FromLedger, ToLedger } from "../../src/ingest/ledger-messages.ts";
import { Connections } from "../../src/limits/connections.ts";
import { makeRateLimits } from "../../src/limits/rate-limits.ts";
import { Admission } from "../../src/server/admission.ts";
import { OriginPolicy } from "../../src/server/origins.ts";
import type { Services } from "../../src/server/services.ts";
import { edgeSocket } from "../../src/server/sockets.ts";
import { SEGMENT_EVENTS } from "../../src/storage/sqlite/topic-segments.ts";
import { MemoryEventStore } from "../unit/ingest/memory-event-store.ts";
import { HubBench } from "../unit/live/hub-bench.ts";
import { CountedStore } from "./statement-count.ts";

/** An event of about 150 bytes, as the benches send it. */
function event(number: number, topics: number): EventRecord {
  return {
    topic: `orders-${number % topics}`,
    scope: "",
    eventId: `7f3c2a10-5b7e-4c1d-9e2f-${String(number).padStart(12, "0")}`,
    timestamp: "2026-01-15T09:26:53.123Z",
    source: "checkout",
    payload: `{"order":"${number}","amount":129.9,"currency":"EUR","items":3}`,
    attributes: null,
  };
}

function events(from: number, count: number, topics = 8): EventRecord[] {
  return Array.from({ length: count }, (_, i) => event(from + i, topics));
}

test("a commit runs one statement an event, one a topic, and four of its own", () => {
  using store = new CountedStore();
  store.append(events(0, 8));
  expect(store.append(events(100, 1_000))).toEqual({
    BEGIN: 1,
    "INSERT INTO events": 1_000,
    "INSERT INTO fingerprints": 1,
    "INSERT INTO counters": 8,
    COMMIT: 1,
  });
});

test("answers that are kept under keys cost a look-up and a row each, and publishes without a key nothing", () => {
  using store = new CountedStore();
  store.append(events(0, 8));
  const plain = store.append(events(100, 10));
  // The second one looks once how old the oldest is.
  for (const key of ["first", "second"]) store.keep(key);
  const work = store.keep("k");
  expect(work).toEqual({ BEGIN: 1, SELECT: 1, "INSERT OR REPLACE INTO request_keys": 1, COMMIT: 1 });
  expect(store.append(events(200, 10))).toEqual(plain);
});

test("duplicates of the latest events are told without a look at the file", () => {
  using store = new CountedStore();
  store.append(events(0, 1_000));
  expect(store.append(events(0, 1_000))).toEqual({ BEGIN: 1, "INSERT INTO counters": 8, COMMIT: 1 });
});

test("duplicates of older events are read 64 at a time", () => {
  using store = new CountedStore();
  store.append(events(0, 1_000));
  store.forgetRecent();
  const { SELECT } = store.append(events(0, 960));
  expect(SELECT).toBe(960 / 64);
});

test("a commit writes the pages that its rows fill, and five more", () => {
  using store = new CountedStore();
  for (let from = 0; from < 20_000; from += 1_000) store.append(events(from, 1_000));
  // Rows of 180 bytes or so: 22 a page, and a page for 256 fingerprints.
  expect(store.pagesOf(events(20_000, 100))).toBeLessThanOrEqual(100 / 22 + 1 + 5.5);
  expect(store.pagesOf(events(30_000, 2_000))).toBeLessThanOrEqual(2_000 / 22 + 2_000 / 256 + 5.5);
});

test("a thousand topics cost one row a topic and segment, a few at a time", () => {
  using store = new CountedStore();
  const TOPICS = 1_000;
  let [rows, most] = [0, 0];
  for (let from = 0; from < 3 * SEGMENT_EVENTS; from += COMMIT_EVENTS_MAX) {
    const work = store.append(events(from, COMMIT_EVENTS_MAX, TOPICS));
    const segments = work["INSERT INTO topic_segments"] ?? 0;
    rows += segments;
    most = Math.max(most, segments);
    expect(work["INSERT INTO counters"]).toBe(Math.min(TOPICS, COMMIT_EVENTS_MAX));
  }
  expect(rows).toBeLessThanOrEqual(2 * TOPICS);
  expect(rows).toBeGreaterThan(TOPICS);
  // Twice the share of a commit in a segment, so that a segment is written before the next one waits.
  expect(most).toBeLessThanOrEqual(
    Math.max(64, Math.ceil((2 * TOPICS * 2 * COMMIT_EVENTS_MAX) / SEGMENT_EVENTS)),
  );
}, 60_000);

test("all that arrives in a tick crosses in one message, and all that a commit decides in another", () => {
  const toLedger: ToLedger[] = [];
  const fromLedger: FromLedger[] = [];
  const tasks: (() => void)[] = [];
  const host = new LedgerHost({
    store: new MemoryEventStore(),
    limits: { eventsMax: 100, eventBytesMax: 1_000, topicsMax: 10 },
    now: () => 1,
    post: (message) => fromLedger.push(message),
    soon: (task) => tasks.push(task),
    later: () => {},
    probe: () => {},
  });
  const ignore = (): void => {};
  const client = new LedgerClient({
    limits: { queuePublishesMax: 1_000, queueBytesMax: 1_000_000 },
    post: (message) => toLedger.push(message),
    soon: (task) => tasks.push(task),
    events: {
      opened: ignore,
      committed: ignore,
      answersKept: ignore,
      failed: ignore,
      healed: ignore,
      unusable: ignore,
      fault: ignore,
    },
  });
  const settle = (): void => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  };
  host.start();
  for (const message of fromLedger.splice(0)) client.receive(message);
  let answers = 0;
  for (let i = 0; i < 500; i++) {
    const text = `{"event_id":"${i}"}`;
    client.submit({ text, form: "body", wantsResults: false, grant: ANYONE }, () => answers++);
  }
  settle();
  expect(toLedger).toHaveLength(1);
  for (const message of toLedger) host.receive(message);
  settle();
  expect(fromLedger).toHaveLength(1);
  for (const message of fromLedger) client.receive(message);
  expect(answers).toBe(500);
});

test("a tick sends one frame to each subscriber, and makes its text once for all of them", () => {
  const bench = new HubBench();
  const readers = Array.from({ length: 500 }, () => bench.subscribe());
  bench.commit("orders");
  bench.advance(100);
  for (const reader of readers) reader.frames.length = 0;
  const stringify = spyOn(JSON, "stringify");
  bench.commit("orders", "payments");
  bench.advance(100);
  // The name of each topic in a frame, once.
  expect(stringify).toHaveBeenCalledTimes(2);
  stringify.mockRestore();
  expect(readers.every(({ frames }) => frames.length === 1)).toBe(true);
});

test("a decoded event is one object and the strings of its fields", () => {
  const fields = events(0, 1_000).map(({ topic, eventId, timestamp, source, payload }) => ({
    topic,
    event_id: eventId,
    timestamp,
    source,
    payload: JSON.parse(payload) as unknown,
  }));
  const text = JSON.stringify({ events: fields });
  const limits = { eventsMax: 1_000, eventBytesMax: 1_000 };
  const decode = () => decodePublish(text, "frame", limits);
  decode();
  const before = live();
  const decoded = decode();
  const after = live();
  expect(decoded.events).toHaveLength(1_000);
  expect(after.objects - before.objects).toBeLessThanOrEqual(1_000 + 20);
  expect(after.strings - before.strings).toBeLessThanOrEqual(5_000 + 20);
});

/** An admission with the limits of a node that was told nothing, and how often it has asked for an address. */
function defaultAdmission(): { admission: Admission; asked: () => number } {
  let asked = 0;
  const addressOf = (): string => `address ${asked++}`;
  const gate = new Gate({ authenticators: [], anonymousScopes: [] });
  const none = { requests: 0, events: 0 };
  const admission = new Admission({
    gate,
    origins: new OriginPolicy({ allowed: [], isLocalOnly: () => false }),
    connections: new Connections({ max: 65_536, maxPerAddress: 16_384, addressOf }),
    rates: makeRateLimits({ perToken: none, perAddress: none }, () => performance.now()),
    addressOf,
    controlFramesPerSecond: 100,
  });
  return { admission, asked: () => asked };
}

test("a request without rate limits is let in and out without a look at the clock or its address", () => {
  const { admission, asked } = defaultAdmission();
  using clocks = spiedClocks();
  for (let i = 0; i < 10_000; i++) {
    const request = new Request("http://localhost/publish", { method: "POST" });
    void admission.admit(request, "/publish");
    expect(admission.callerOf(request).meter).toBeUndefined();
    admission.leave(request);
  }
  expect([asked(), clocks.calls()]).toEqual([0, 0]);
  expect(admission.connections.open).toBe(0);
});

test("a publish frame without rate limits goes to its channel without a look at the clock", () => {
  const { admission } = defaultAdmission();
  const ignore = (): void => {};
  let frames = 0;
  const text = (): number => {
    frames++;
    return 0;
  };
  const route = edgeSocket({ admission } as Services, {
    path: "/ws/publish",
    takesPublishes: true,
    open: () => ({ text, binary: ignore, refuse: ignore, renewed: () => 0, closed: ignore }),
  });
  const request = new Request("http://localhost/ws/publish");
  void admission.admit(request, "/ws/publish");
  const data = { request, message: (_socket: unknown, _text: string): void => {} };
  const raw = { data };
  route.open({ raw, data });
  const before = live();
  using clocks = spiedClocks();
  for (let i = 0; i < 10_000; i++) data.message(raw, '{"event_id":"1"}');
  expect([frames, clocks.calls()]).toEqual([10_000, 0]);
  expect(live().objects - before.objects).toBeLessThanOrEqual(20);
  route.close({ raw });
  expect(admission.connections.open).toBe(0);
});

function spiedClocks(): Disposable & { calls(): number } {
  const clocks = [spyOn(performance, "now"), spyOn(Date, "now")];
  return {
    calls: () => clocks.reduce((sum, { mock }) => sum + mock.calls.length, 0),
    [Symbol.dispose]: () => {
      for (const clock of clocks) clock.mockRestore();
    },
  };
}

/** What is reachable now, by kind. */
function live(): { objects: number; strings: number } {
  Bun.gc(true);
  const { Object: objects = 0, string: strings = 0 } = heapStats().objectTypeCounts;
  return { objects, strings };
}
