/** Reading by cursor gives what a naive filter over all events gives, whatever is asked for. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EventRecord } from "../../../src/events/event.ts";
import { DamagedError, type EventQuery } from "../../../src/storage/event-reader.ts";
import type { EventStore } from "../../../src/storage/event-store.ts";
import { openForReading, readPragma } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { SEGMENT_EVENTS } from "../../../src/storage/sqlite/topic-segments.ts";
import { eventRecord } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";

const BATCH_EVENTS = 4_096;
/** More than three segments, and a tail that no segment lists yet. */
const EVENTS = 50 * BATCH_EVENTS;

interface Expected {
  readonly seq: number;
  readonly topic: string;
  readonly source: string | null;
  readonly at: number;
}

/** Half of the events are on one topic, the rest on many; one is rare, one is only in the first segment. */
function topicOf(seq: number): string {
  if (seq % 50_000 === 7) return "rare";
  if (seq < 1_000) return "early";
  return seq % 2 === 0 ? "busy" : `t${seq % 97}`;
}

const all: Expected[] = [];
let bench: SqliteBench;
let store: EventStore;
let reader: SqliteEventReader;
let clock = 0;

function appendBatch(): void {
  const from = all.length + 1;
  const at = 1_000 * (1 + Math.floor(from / BATCH_EVENTS));
  const events: EventRecord[] = [];
  for (let seq = from; seq < from + BATCH_EVENTS; seq++) {
    const record = { topic: topicOf(seq), source: seq % 5 === 0 ? "five" : null };
    events.push(eventRecord(`e${seq}`, record));
    all.push({ seq, ...record, at });
  }
  store.append({ events, receivedAt: at });
}

beforeAll(() => {
  bench = new SqliteBench();
  store = bench.restart();
  store.open();
  while (all.length < EVENTS / 2) appendBatch();
  // In the middle of a segment, which is collected again from the file.
  store = bench.restart();
  store.open();
  while (all.length < EVENTS) appendBatch();
  reader = new SqliteEventReader(openForReading(bench.path), () => clock);
});
afterAll(() => {
  reader.close();
  bench[Symbol.dispose]();
});

const byTopic = new Map<string | undefined, readonly Expected[]>();

/** What a query should give, by looking at every event of its topic. */
function filtered({ topic, after, order, source, since, until }: EventQuery): number[] {
  const events = byTopic.get(topic) ?? all.filter((event) => topic === undefined || event.topic === topic);
  byTopic.set(topic, events);
  const seqs: number[] = [];
  for (const event of events) {
    if (source !== undefined && event.source !== source) continue;
    if ((since !== undefined && event.at < since) || (until !== undefined && event.at >= until)) continue;
    if (after === undefined || (order === "asc" ? event.seq > after : event.seq < after))
      seqs.push(event.seq);
  }
  return order === "asc" ? seqs : seqs.reverse();
}

function pageOf(query: EventQuery): { seqs: number[]; next: number | null } {
  const { events, count, next } = reader.page(query);
  const seqs = (JSON.parse(`[${events}]`) as Expected[]).map(({ seq }) => seq);
  expect(seqs).toHaveLength(count);
  return { seqs, next };
}

const TOPICS: [string, { topic?: string }][] = [
  ["all topics", {}],
  ...["busy", "t13", "rare", "early", "unknown"].map((topic): [string, { topic: string }] => [
    topic,
    { topic },
  ]),
];
const FILTERS = [
  {},
  { since: 20_000 },
  { until: 30_000 },
  { since: 17_000, until: 33_000 },
  { since: 999_000 },
  { until: 0 },
  { source: "five" },
  { source: "five", since: 17_000 },
];
const CURSORS = [
  undefined,
  999,
  SEGMENT_EVENTS - 1,
  SEGMENT_EVENTS,
  2 * SEGMENT_EVENTS + 12_345,
  EVENTS,
  Number.MAX_SAFE_INTEGER,
];

describe.each(["asc", "desc"] as const)("a page in %s order", (order) => {
  test.each(TOPICS)("of %s is the beginning of what a filter finds, and says where to go on", (_, topic) => {
    for (const after of CURSORS) {
      for (const filter of FILTERS) {
        const query: EventQuery = {
          order,
          limit: 7,
          ...topic,
          ...filter,
          ...(after === undefined ? {} : { after }),
        };
        const expected = filtered(query);
        const { seqs, next } = pageOf(query);
        expect({ query, seqs, hasMore: next !== null }).toEqual({
          query,
          seqs: expected.slice(0, 7),
          hasMore: expected.length > 7,
        });
      }
    }
  });

  test("of a source that there is not is empty, and has no cursor", () => {
    expect(pageOf({ order, limit: 7, topic: "t13", source: "nobody" })).toEqual({ seqs: [], next: null });
  });

  test.each(["t13", "rare", "early"])(
    "followed by its cursors, gives all of %s once and in order",
    (topic) => {
      const collected: number[] = [];
      let after: number | undefined;
      for (;;) {
        const { seqs, next } = pageOf({
          order,
          limit: 9_999,
          topic,
          ...(after === undefined ? {} : { after }),
        });
        collected.push(...seqs);
        if (next === null) break;
        after = next;
      }
      expect(Bun.deepEquals(collected, filtered({ order, limit: 0, topic }))).toBe(true);
    },
  );

  test("that has looked for too long is sent as it is, and its cursors still give everything once", () => {
    const slow = new SqliteEventReader(openForReading(bench.path), () => (clock += 1_000));
    const query: EventQuery = { order, limit: 100, topic: "rare", source: "five" };
    const collected: number[] = [];
    let pages = 0;
    let after: number | undefined;
    do {
      const page = slow.page({ ...query, ...(after === undefined ? {} : { after }) });
      collected.push(...(JSON.parse(`[${page.events}]`) as Expected[]).map(({ seq }) => seq));
      after = page.next ?? undefined;
      pages++;
    } while (after !== undefined);
    slow.close();
    expect(pages).toBeGreaterThan(3);
    expect(collected).toEqual(filtered(query));
  });
});

test("three segments have their lists, whose topics are not searched row by row", () => {
  using db = openForReading(bench.path);
  const segments = db.prepare("SELECT DISTINCT segment FROM topic_segments ORDER BY segment").values();
  expect(segments).toEqual([[0], [1], [2]]);
  const meta = db
    .prepare<{ value: string }, []>("SELECT value FROM meta WHERE key = 'indexed_through'")
    .get();
  expect(Number(meta?.value)).toBe(3 * SEGMENT_EVENTS - 1);
});

test("an event is what was stored, with the time of receipt where it has no timestamp", () => {
  const [first] = JSON.parse(`[${reader.page({ order: "asc", limit: 1, after: 999 }).events}]`) as unknown[];
  expect(first).toEqual({
    seq: 1_000,
    topic: "busy",
    event_id: "e1000",
    timestamp: "1970-01-01T00:00:01.000Z",
    source: "five",
    payload: null,
    received_at: "1970-01-01T00:00:01.000Z",
  });
});

test("a key is found among its candidates, and only if topic, scope and id are its own", () => {
  const key = { topic: "busy", scope: "", eventId: "e1000" };
  expect(JSON.parse(reader.find(key, [999, 1_000])!)).toMatchObject({ seq: 1_000, event_id: "e1000" });
  expect(reader.find(key, [999])).toBeUndefined();
  // The index only names what was stored.
  expect(() => reader.find(key, [999, EVENTS + 1])).toThrow(DamagedError);
  expect(reader.find(key, [])).toBeUndefined();
  expect(reader.find({ ...key, scope: "s" }, [1_000])).toBeUndefined();
  expect(reader.find({ ...key, topic: "t1" }, [1_000])).toBeUndefined();
});

test("a page of conflicts ends early when they are large, so that it fits in memory", () => {
  using beside = new SqliteBench();
  const conflicting = beside.restart();
  conflicting.open();
  const payload = JSON.stringify("x".repeat(1.25 * 1024 * 1024));
  for (const text of ["1", payload, payload, payload, payload, payload, payload, "2"])
    conflicting.append({ events: [eventRecord("a", { payload: text })], receivedAt: 1 });
  using db = openForReading(beside.path);
  const { conflicts, count } = new SqliteEventReader(db, () => 0).conflicts({ limit: 1_000 });
  expect((JSON.parse(`[${conflicts}]`) as { payload: unknown }[])[0]!.payload).toBe(2);
  expect(count).toBe(5);
});

test("a read sees what was acknowledged before it began", () => {
  const eventId = `e${all.length + 1}`;
  appendBatch();
  const last = JSON.parse(`[${reader.page({ order: "asc", limit: 1, after: EVENTS }).events}]`) as {
    event_id: string;
  }[];
  expect(last.map(({ event_id }) => event_id)).toEqual([eventId]);
  all.length = EVENTS;
});

test("the connection that reads cannot write, and holds no snapshot between two reads", () => {
  using db = openForReading(bench.path);
  expect(() => db.run("DELETE FROM events")).toThrow();
  const beside = new SqliteEventReader(db, () => 0);
  beside.page({ order: "asc", limit: 1 });
  expect(db.inTransaction).toBe(false);
  expect(() =>
    beside.page({
      order: "asc",
      limit: 1,
      get topic(): string {
        throw new Error("a bad query");
      },
    }),
  ).toThrow();
  expect(db.inTransaction).toBe(false);
  expect(readPragma(db, "journal_mode")).toBe("wal");
});
