/** Retention removes the oldest events and nothing else; counters stay, and ids go when they are meant to. */

import { describe, expect, test } from "bun:test";
import { EventStatus } from "../../../src/events/event.ts";
import { DamagedError } from "../../../src/storage/event-reader.ts";
import { KEEP_EVERYTHING, type Retention, ruleFor } from "../../../src/storage/retention.ts";
import { openForReading } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import type { SqliteEventStore } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";
import { verdictsOf } from "./store-bench.ts";

const ALL = "*";

function benchWith(retention: Partial<Retention>): { bench: SqliteBench; store: SqliteEventStore } {
  const bench = new SqliteBench({ retention: { ...KEEP_EVERYTHING, ...retention } });
  bench.restart().open();
  return { bench, store: bench.store };
}

/** Steps until nothing more is due. @returns how many events went. */
function pruneAll(store: SqliteEventStore, now = 0, rowsMax = 100): number {
  for (let removed = 0; ; ) {
    const report = store.prune(now, rowsMax);
    expect(report.removed).toBeLessThanOrEqual(rowsMax);
    removed += report.removed;
    if (report.isDone) return removed;
  }
}

function seqsOf(bench: SqliteBench): number[] {
  return bench.rows().map(({ seq }) => seq);
}

function statusOf(store: SqliteEventStore, eventId: string, topic = "orders", receivedAt = 1_000): number {
  return verdictsOf(store.append({ events: [eventRecord(eventId, { topic })], receivedAt }), 1)[0]!.status;
}

describe("the rule of a topic", () => {
  const rules = ["*", "a*", "a.b*", "a.b.c"].map((pattern, max) => ({ pattern, max }));
  test.each([
    ["x", "*"],
    ["ab", "a*"],
    ["a.b", "a.b*"],
    ["a.b.c", "a.b.c"],
    ["a.b.c.d", "a.b*"],
  ])("%s falls under %s", (topic, pattern) => {
    expect(ruleFor(topic, rules)?.pattern).toBe(pattern);
    expect(ruleFor(topic, rules.toReversed())?.pattern).toBe(pattern);
  });
  test("may be none", () => expect(ruleFor("x", rules.slice(1))).toBeUndefined());
});

describe("by number", () => {
  test("the newest are kept, in steps, and the counters stay", () => {
    const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 10 }] });
    using _bench = bench;
    for (let batch = 0; batch < 40; batch++)
      store.append({ events: eventRecords(25, `${batch}.`), receivedAt: batch });
    expect(pruneAll(store)).toBe(990);
    expect(seqsOf(bench)).toEqual([991, 992, 993, 994, 995, 996, 997, 998, 999, 1_000]);
    const contents = bench.restart().open();
    expect(contents).toMatchObject({ events: 10, topics: [{ received: 1_000, unique_processed: 1_000 }] });
    expect(bench.store.append({ events: [eventRecord("new")], receivedAt: 50 }).verdicts.seq[0]).toBe(1_001);
  });

  test("nothing goes while there is room", () => {
    const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 10 }] });
    using _bench = bench;
    store.append({ events: eventRecords(10, "a"), receivedAt: 1 });
    expect(pruneAll(store)).toBe(0);
    expect(seqsOf(bench)).toHaveLength(10);
  });

  test("topics under one rule share its limit, others have their own, others none", () => {
    const { bench, store } = benchWith({
      events: [
        { pattern: "logs.*", max: 5 },
        { pattern: "logs.audit", max: Number.POSITIVE_INFINITY },
        { pattern: "orders", max: 2 },
      ],
    });
    using _bench = bench;
    const topics = ["logs.a", "logs.b", "logs.audit", "orders", "other"];
    for (let i = 0; i < 20; i++)
      store.append({ events: topics.map((topic) => eventRecord(`${i}`, { topic })), receivedAt: i });
    expect(pruneAll(store, 0, 7)).toBe(35 + 18);
    const kept = Object.groupBy(bench.rows(), ({ topic }) => topic);
    const counts = Object.fromEntries(
      topics.map((topic) => [topic, kept[topic]!.map(({ eventId }) => eventId)]),
    );
    expect(counts.orders).toEqual(["18", "19"]);
    expect([...counts["logs.a"]!, ...counts["logs.b"]!]).toEqual(["18", "19", "17", "18", "19"]);
    expect([counts["logs.audit"]!.length, counts.other!.length]).toEqual([20, 20]);
    expect(bench.restart().open().events).toBe(5 + 2 + 40);
    expect(pruneAll(bench.store)).toBe(0);
  });
});

test("by age: what was received so long ago goes, and the clock may go back", () => {
  const { bench, store } = benchWith({ ages: [{ pattern: ALL, max: 1_000 }] });
  using _bench = bench;
  for (const receivedAt of [100, 200, 300])
    store.append({ events: eventRecords(3, `${receivedAt}.`), receivedAt });
  expect(pruneAll(store, 1_099)).toBe(0);
  expect(pruneAll(store, 1_200)).toBe(6);
  expect(pruneAll(store, 0)).toBe(0);
  expect(pruneAll(store, 1_300)).toBe(3);
  expect(bench.rows()).toEqual([]);
  store.append({ events: eventRecords(2, "later"), receivedAt: 1_400 });
  expect(pruneAll(store, 2_399)).toBe(0);
  expect(pruneAll(store, 2_400)).toBe(2);
});

test("by size: what is left takes no more, and takes that much", () => {
  const { bench, store } = benchWith({ bytes: [{ pattern: ALL, max: 10_000 }] });
  using _bench = bench;
  const event = { payload: JSON.stringify("é".repeat(200)), source: "s", timestamp: "2026-01-31" };
  for (let i = 0; i < 10; i++) store.append({ events: eventRecords(10, `${i}.`, event), receivedAt: i });
  pruneAll(store);
  const bytes = 48 + 3 + 402 + 1 + 10;
  expect(bench.rows()).toHaveLength(Math.floor(10_000 / bytes));
  // Sizes are counted the same way when they are read back.
  bench.restart().open();
  expect(pruneAll(bench.store)).toBe(0);
  const { stored_bytes } = bench.store.database
    .prepare<{ stored_bytes: number }, []>("SELECT stored_bytes FROM counters")
    .get()!;
  expect(stored_bytes).toBe(Math.floor(10_000 / bytes) * bytes);
});

test("no rule waits for another one to be done", () => {
  const { bench, store } = benchWith({
    events: ["a", "b", "c"].map((pattern) => ({ pattern, max: 10 })),
    dedupWindowMs: 100,
  });
  using _bench = bench;
  for (let i = 0; i < 100; i++)
    store.append({ events: ["a", "b", "c"].map((topic) => eventRecord(`${i}`, { topic })), receivedAt: 0 });
  for (let step = 0; step < 4; step++) store.prune(0, 100);
  const left = Object.groupBy(bench.rows(), ({ topic }) => topic);
  for (const topic of ["a", "b", "c"]) expect(left[topic]!.length).toBeLessThan(100);
});

describe("an id", () => {
  test("is remembered as long as its event, and then it is new again", () => {
    const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 3 }] });
    using _bench = bench;
    store.append({ events: eventRecords(6, "e"), receivedAt: 1 });
    pruneAll(store);
    expect(statusOf(store, "e5")).toBe(EventStatus.duplicate);
    expect(statusOf(store, "e0")).toBe(EventStatus.processed);
    bench.restart().open();
    expect(statusOf(bench.store, "e1")).toBe(EventStatus.processed);
    expect(statusOf(bench.store, "e0")).toBe(EventStatus.duplicate);
  });

  test("outlives its event for the rest of the window, with its first seq and time, also after a restart", () => {
    const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 1 }], dedupWindowMs: 1_000 });
    using _bench = bench;
    store.append({ events: eventRecords(5, "e", { payload: "1" }), receivedAt: 100 });
    pruneAll(store, 100);
    expect(seqsOf(bench)).toEqual([5]);
    for (const again of [store, undefined]) {
      if (again === undefined) bench.restart().open();
      const events = [eventRecord("e1", { payload: "2" }), eventRecord("e9")];
      const [first, second] = verdictsOf(bench.store.append({ events, receivedAt: 500 }), 2);
      // What the payload was is not known any more: a duplicate, never a conflict.
      expect(first).toEqual({ status: EventStatus.duplicate, seq: 2, at: 100 });
      expect(second!.status).toBe(again === undefined ? EventStatus.duplicate : EventStatus.processed);
    }
    expect(pruneAll(bench.store, 1_099)).toBe(1);
    expect(statusOf(bench.store, "e1")).toBe(EventStatus.duplicate);
    pruneAll(bench.store, 1_100);
    expect(statusOf(bench.store, "e1")).toBe(EventStatus.processed);
    expect(statusOf(bench.store, "e9")).toBe(EventStatus.duplicate);
  });

  test("whose event the window has passed over goes with its event", () => {
    const { bench, store } = benchWith({ ages: [{ pattern: ALL, max: 500 }], dedupWindowMs: 100 });
    using _bench = bench;
    store.append({ events: eventRecords(5, "e"), receivedAt: 0 });
    pruneAll(store, 500);
    const { count } = store.database
      .prepare<{ count: number }, []>("SELECT count(*) AS count FROM fingerprints")
      .get()!;
    expect(count).toBe(0);
  });
});

test("a step that fails leaves everything as it was, and is taken again", () => {
  for (const failure of ["full", "lost", "stored"] as const) {
    const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 2 }] });
    using _bench = bench;
    store.append({ events: eventRecords(5, "e"), receivedAt: 1 });
    bench.failNextCommit(failure);
    expect(() => store.prune(1, 100)).toThrow();
    const isStored = failure === "stored";
    if (failure !== "full") bench.restart().open();
    expect(seqsOf(bench)).toHaveLength(isStored ? 2 : 5);
    expect(pruneAll(bench.store)).toBe(isStored ? 0 : 3);
    expect(statusOf(bench.store, "e0")).toBe(EventStatus.processed);
    expect(statusOf(bench.store, "e4")).toBe(EventStatus.duplicate);
  }
});

test("commits are synced again after a step, and after one that failed", () => {
  const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 2 }] });
  using _bench = bench;
  const synchronous = (): unknown => store.database.prepare("PRAGMA synchronous").values()[0];
  store.append({ events: eventRecords(5, "e"), receivedAt: 1 });
  bench.failNextCommit("full");
  expect(() => store.prune(1, 1)).toThrow();
  expect(synchronous()).toEqual([2]);
  pruneAll(store);
  expect(synchronous()).toEqual([2]);
});

function numberFrom(store: SqliteEventStore, sql: string): number {
  return Number(Object.values(store.database.prepare(sql).get() as object)[0]);
}

test("space is given back once most of the file is free", () => {
  const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 100 }] });
  using _bench = bench;
  const payload = JSON.stringify("x".repeat(5_000));
  for (let i = 0; i < 10; i++)
    store.append({ events: eventRecords(500, `${i}.`, { payload }), receivedAt: i });
  const before = numberFrom(store, "PRAGMA page_count");
  pruneAll(store, 100, 10_000);
  expect(numberFrom(store, "PRAGMA page_count")).toBeLessThan(before - 1_000);
  expect(numberFrom(store, "SELECT count(*) FROM fingerprints")).toBe(1);
});

test("lists of removed events go with them, and are not written when the events went first", () => {
  const { bench, store } = benchWith({ events: [{ pattern: ALL, max: 100 }] });
  using _bench = bench;
  const addMany = (name: string): void => {
    for (let i = 0; i < 15; i++) store.append({ events: eventRecords(5_000, `${name}${i}.`), receivedAt: i });
  };
  addMany("a");
  addMany("b");
  expect(numberFrom(store, "SELECT count(*) FROM topic_segments")).toBe(2);
  pruneAll(store, 100, 10_000);
  addMany("c");
  pruneAll(store, 100, 10_000);
  addMany("d");
  expect(numberFrom(store, "SELECT count(*) FROM topic_segments")).toBe(1);
});

describe("a reader", () => {
  function readerOf(bench: SqliteBench): SqliteEventReader {
    return new SqliteEventReader(openForReading(bench.path), () => 0);
  }

  test("is told of what retention has removed behind its cursor, per topic, and of nothing else", () => {
    const { bench, store } = benchWith({ events: [{ pattern: "logs", max: 2 }] });
    using _bench = bench;
    const reader = readerOf(bench);
    // logs has the odd numbers, orders the even ones.
    for (let i = 0; i < 10; i++)
      store.append({ events: [eventRecord(`${i}`, { topic: "logs" }), eventRecord(`${i}`)], receivedAt: i });
    const page = (query: { topic?: string; after?: number; order?: "desc" }) =>
      reader.page({ limit: 100, order: "asc", ...query });
    expect(page({ after: 0 }).gap).toBeUndefined();
    pruneAll(store);
    expect(page({ after: 4 })).toMatchObject({ gap: { from: 5, to: 15 }, count: 8 + 2, next: null });
    expect(page({ after: 14, topic: "logs" })).toMatchObject({ gap: { from: 15, to: 15 }, count: 2 });
    expect(page({ after: 15 }).gap).toBeUndefined();
    expect(page({ after: 0, topic: "orders" }).gap).toBeUndefined();
    expect(page({ after: 0, topic: "unknown" }).gap).toBeUndefined();
    expect(page({ after: 20, order: "desc" }).gap).toBeUndefined();
    expect(page({}).gap).toBeUndefined();
    reader.close();
  });

  test("is told of an event that is not as it was stored, or not there any more, instead of getting it", () => {
    for (const damage of [
      "UPDATE events SET payload = '[2]' WHERE seq = 20",
      "UPDATE events SET received_at = received_at + 1 WHERE seq = 20",
      "UPDATE events SET topic_id = 2 WHERE seq = 20",
      "DELETE FROM events WHERE seq = 20",
    ]) {
      const { bench, store } = benchWith({});
      using _bench = bench;
      store.append({ events: eventRecords(30, "e", { payload: "[1]" }), receivedAt: 1 });
      store.append({ events: eventRecords(9, "f", { topic: "second" }), receivedAt: 1 });
      store.close();
      bench.tamper(damage);
      const reader = readerOf(bench);
      expect(() => reader.page({ limit: 100, order: "asc" })).toThrow(DamagedError);
      expect(reader.page({ limit: 5, order: "asc" }).count).toBe(5);
      const key = { topic: "orders", scope: "", eventId: "e19" };
      if (damage.startsWith("UPDATE")) expect(() => reader.find(key, [20])).toThrow(DamagedError);
      reader.close();
    }
  });

  test("and a damaged event still makes a duplicate of its id, without a verdict on its payload", () => {
    const { bench, store } = benchWith({});
    using _bench = bench;
    store.append({ events: eventRecords(30, "e", { payload: "[1]" }), receivedAt: 7 });
    store.close();
    bench.tamper("UPDATE events SET payload = '[2]', event_id = 'e00' WHERE seq = 20");
    bench.tamper("DELETE FROM events WHERE seq = 21");
    bench.restart().open();
    const events = ["e19", "e20", "e00"].map((id) => eventRecord(id, { payload: "[3]" }));
    expect(verdictsOf(bench.store.append({ events, receivedAt: 9 }), 3)).toEqual([
      { status: EventStatus.duplicate, seq: 20, at: 7 },
      { status: EventStatus.duplicate, seq: 21, at: 7 },
      { status: EventStatus.processed, seq: 31, at: 9 },
    ]);
  });
});
