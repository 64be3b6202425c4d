/** A read that is limited to some topics gives what a filter over all events gives, and tells nothing of the others. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isMatch } from "../../../src/events/topic-pattern.ts";
import type { EventPage, EventQuery } from "../../../src/storage/event-reader.ts";
import { type FromReader, ReaderClient } from "../../../src/storage/reader-messages.ts";
import { KEEP_EVERYTHING } from "../../../src/storage/retention.ts";
import { openForReading } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { SEGMENT_EVENTS } from "../../../src/storage/sqlite/topic-segments.ts";
import { LISTED_TOPICS_MAX } from "../../../src/storage/sqlite/topic-selection.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { eventRecord } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";

const random = SeededRandom.printed("limited reads");

const BATCH_EVENTS = 4_096;

interface Expected {
  readonly seq: number;
  readonly topic: string;
  readonly source: string | null;
  readonly at: number;
}

/** More topics than are read through their lists begin with `a.`; names of several scripts stand beside them. */
const TOPICS = [
  ...Array.from({ length: LISTED_TOPICS_MAX + 20 }, (_, i) => `a.${i}`),
  ...Array.from({ length: 10 }, (_, i) => `b.${i}`),
  ...["b", "c", "é.x", "é\u{1F600}", "é\u{FFFD}", "lonely"],
];
const PATTERNS = [
  "a.*",
  "a.1*",
  "a.7",
  "a.70",
  "b*",
  "b.*",
  "b.3",
  "c",
  "é*",
  "é.x",
  "lonely",
  "new*",
  "nothing*",
];

/** A store and all that ever was in it. */
class Recorded implements Disposable {
  readonly bench = new SqliteBench({
    retention: {
      ...KEEP_EVERYTHING,
      events: [
        { pattern: "a.*", max: 5_000 },
        { pattern: "b.*", max: 100 },
        { pattern: "lonely", max: 1 },
      ],
    },
  });
  readonly all: Expected[] = [];
  /** Sequence numbers that retention has removed. */
  readonly removed = new Set<number>();
  #newTopics = 0;

  constructor(batches: number) {
    this.bench.restart().open();
    for (let i = 0; i < batches; i++) this.append();
  }

  append(events = BATCH_EVENTS): void {
    const at = 1_000 + this.all.length;
    const from = this.all.length + 1;
    const rows = Array.from({ length: events }, (_, i): Expected => {
      const topic = random.below(3) === 0 ? "c" : TOPICS[random.below(TOPICS.length)]!;
      return { seq: from + i, topic, source: random.below(5) === 0 ? "five" : null, at };
    });
    this.all.push(...rows);
    const records = rows.map(({ seq, topic, source }) => eventRecord(`e${seq}`, { topic, source }));
    this.bench.store.append({ events: records, receivedAt: at });
  }

  appendToNewTopic(): void {
    const topic = `${["new", "a.new", "c.new"][random.below(3)]}${this.#newTopics++}`;
    const [seq, at] = [this.all.length + 1, 1_000 + this.all.length];
    this.all.push({ seq, topic, source: null, at });
    this.bench.store.append({ events: [eventRecord(`e${seq}`, { topic })], receivedAt: at });
  }

  prune(): void {
    this.bench.store.prune(0, 1 + random.below(5_000));
    using db = openForReading(this.bench.path);
    const left = new Set(db.prepare("SELECT seq FROM events").values().flat() as number[]);
    for (const { seq } of this.all) if (!left.has(seq)) this.removed.add(seq);
  }

  reader(now: () => number = () => 0): SqliteEventReader {
    return new SqliteEventReader(openForReading(this.bench.path), now);
  }

  /** All that ever was and may be seen, in the order asked for. */
  covered(query: EventQuery): Expected[] {
    const { order, after, source, since, until } = query;
    const found = this.all.filter(
      (event) =>
        isCovered(event.topic, query) &&
        (source === undefined || event.source === source) &&
        (since === undefined || event.at >= since) &&
        (until === undefined || event.at < until) &&
        (after === undefined || (order === "asc" ? event.seq > after : event.seq < after)),
    );
    return order === "asc" ? found : found.reverse();
  }

  stored(query: EventQuery): number[] {
    return this.covered(query)
      .map(({ seq }) => seq)
      .filter((seq) => !this.removed.has(seq));
  }

  gap({ topic, topics, after }: { topic?: string; topics?: readonly string[]; after: number }) {
    let to = 0;
    for (const seq of this.removed)
      if (
        isCovered(this.all[seq - 1]!.topic, {
          ...(topic !== undefined && { topic }),
          topics: topics ?? ["*"],
        })
      )
        to = Math.max(to, seq);
    return to > after ? { from: after + 1, to } : undefined;
  }

  [Symbol.dispose](): void {
    this.bench[Symbol.dispose]();
  }
}

function isCovered(name: string, { topic, topics }: Pick<EventQuery, "topic" | "topics">): boolean {
  if (topic !== undefined && name !== topic) return false;
  return topics === undefined || topics.some((pattern) => isMatch(name, pattern));
}

function somePatterns(): string[] {
  return random.shuffled(PATTERNS).slice(0, 1 + random.below(3));
}

function seqsOf({ events, count }: EventPage): number[] {
  const seqs = (JSON.parse(`[${events}]`) as Expected[]).map(({ seq }) => seq);
  expect(seqs).toHaveLength(count);
  return seqs;
}

/** Follows the cursors to the end. */
function follow(reader: SqliteEventReader, query: EventQuery): { seqs: number[]; pages: number } {
  const seqs: number[] = [];
  let pages = 0;
  let after = query.after;
  for (;;) {
    const page = reader.page({ ...query, ...(after !== undefined && { after }) });
    seqs.push(...seqsOf(page));
    pages++;
    if (page.next === null) return { seqs, pages };
    after = page.next;
  }
}

let recorded: Recorded;
beforeAll(() => {
  // Two segments with their lists, and a tail.
  recorded = new Recorded(34);
});
afterAll(() => recorded[Symbol.dispose]());

describe.each(["asc", "desc"] as const)("in %s order", (order) => {
  test("a page is the beginning of what a filter finds, and says whether there is more", () => {
    const reader = recorded.reader();
    const cursors = [0, 999, SEGMENT_EVENTS - 1, SEGMENT_EVENTS, 2 * SEGMENT_EVENTS + 9, recorded.all.length];
    for (let i = 0; i < 80; i++) {
      const query: EventQuery = {
        order,
        topics: somePatterns(),
        limit: 1 + random.below(40),
        ...(random.below(2) === 0 && { after: cursors[random.below(cursors.length)]! }),
        ...(random.below(4) === 0 && { source: "five" }),
        ...(random.below(4) === 0 && { since: random.below(150_000) }),
        ...(random.below(4) === 0 && { until: random.below(150_000) }),
        ...(random.below(6) === 0 && { topic: TOPICS[random.below(TOPICS.length)]! }),
      };
      const expected = recorded.stored(query);
      const page = reader.page(query);
      expect({ query, seqs: seqsOf(page), hasMore: page.next !== null, gap: page.gap }).toEqual({
        query,
        seqs: expected.slice(0, query.limit),
        hasMore: expected.length > query.limit,
        gap: undefined,
      });
    }
    reader.close();
  });

  test.each([
    { topics: ["b.*", "é*"] },
    { topics: ["a.*"] },
    { topics: ["lonely"] },
    { topics: ["a.1*", "c", "nothing"] },
  ])("the cursors of $topics give everything once, also of pages that looked for too long", ({ topics }) => {
    let clock = 0;
    for (const slow of [false, true]) {
      const reader = recorded.reader(() => (slow ? (clock += 1_000) : clock));
      const query: EventQuery = { order, limit: 5_000, topics };
      const { seqs, pages } = follow(reader, query);
      reader.close();
      expect(Bun.deepEquals(seqs, recorded.stored(query))).toBe(true);
      if (slow) expect(pages).toBeGreaterThan(3);
    }
  });
});

test("who may see no topic, or asks for another than it may see, gets nothing", () => {
  const reader = recorded.reader();
  for (const asked of [{ topics: [] }, { topics: ["b.*"], topic: "c" }, { topics: ["a.*"], topic: "b.1" }]) {
    for (const order of ["asc", "desc"] as const)
      expect(reader.page({ order, limit: 9, after: order === "asc" ? 0 : 1e9, ...asked })).toEqual({
        events: "",
        count: 0,
        next: null,
      });
    expect(reader.conflicts({ limit: 9, ...asked }).count).toBe(0);
  }
  reader.close();
});

test("everything is what `*` covers, whatever stands beside it", () => {
  const reader = recorded.reader();
  const query: EventQuery = { order: "asc", limit: 500, after: 70_000 };
  expect(reader.page({ ...query, topics: ["b.3", "*"] })).toEqual(reader.page(query));
  reader.close();
});

test("with retention and topics that are added meanwhile, a page misses only what its gap tells", () => {
  using living = new Recorded(20);
  const reader = living.reader();
  let [pages, gaps, silent] = [0, 0, 0];
  for (let round = 0; round < 15; round++) {
    const order = round % 3 === 2 ? "desc" : "asc";
    const topics = somePatterns();
    let after = order === "asc" ? random.below(10_000) * random.below(2) : living.all.length + 1;
    for (let step = 0; step < 6; step++) {
      const query: EventQuery = { order, topics, after, limit: 1 + random.below(3_000) };
      const { next, gap, ...page } = reader.page(query);
      const seqs = seqsOf({ ...page, next });
      pages++;
      const stored = living.stored(query);
      expect(Bun.deepEquals(seqs, stored.slice(0, query.limit))).toBe(true);
      expect({ query, gap }).toEqual({
        query,
        gap: order === "asc" ? living.gap({ topics, after }) : undefined,
      });
      if (gap === undefined && order === "asc") {
        const whole = living.covered(query).map(({ seq }) => seq);
        expect(Bun.deepEquals(seqs, whole.slice(0, seqs.length))).toBe(true);
        // Elsewhere something was removed, and nothing is told of it.
        if (living.gap({ after }) !== undefined) silent++;
      } else if (gap !== undefined) gaps++;
      if (next === null) break;
      after = next;
      living.append(random.below(200));
      living.appendToNewTopic();
      living.prune();
    }
  }
  reader.close();
  console.log(`${pages} pages, ${gaps} with a gap, ${silent} beside one of others`);
  expect(gaps).toBeGreaterThan(0);
});

test("what retention removed of other topics is no gap, and of those that may be seen it is", () => {
  using living = new Recorded(1);
  for (let i = 0; i < 3; i++) living.prune();
  const reader = living.reader();
  const gapOf = (topics: readonly string[], topic?: string) =>
    reader.page({ order: "asc", after: 0, limit: 1, topics, ...(topic !== undefined && { topic }) }).gap;
  const [b, all] = [living.gap({ topics: ["b.*"], after: 0 }), living.gap({ after: 0 })];
  expect(b).toBeDefined();
  expect(gapOf(["b.*"])).toEqual(b);
  expect(gapOf(["*"])).toEqual(all);
  expect(gapOf(["c"])).toBeUndefined();
  // More topics than are listed, none of which has lost anything.
  expect(gapOf(["a.*"])).toBeUndefined();
  expect(gapOf(["a.*", "b.*"])).toEqual(b);
  expect(gapOf(["b.*"], "b.3")).toEqual(living.gap({ topics: ["b.3"], after: 0 }));
  expect(gapOf(["b.*"], "lonely")).toBeUndefined();
  reader.close();
});

test("conflicts are those of the topics that may be seen, on the reader's thread as well", async () => {
  using bench = new SqliteBench();
  bench.restart().open();
  const topics = ["orders", "payments", "orders.eu"];
  for (const payload of ["1", "2", "3"])
    bench.store.append({
      events: topics.map((topic) => eventRecord("e", { topic, payload })),
      receivedAt: 1,
    });
  const worker = new Worker(new URL("../../../src/workers/reader-worker.ts", import.meta.url).href);
  const client = new ReaderClient((message) => worker.postMessage(message));
  worker.onmessage = ({ data }: MessageEvent<FromReader>) => client.receive(data);
  worker.postMessage({ databasePath: bench.path });
  const seen = async (patterns: string[], limit = 100) => {
    const { conflicts } = await client.conflicts({ topics: patterns, limit });
    return (JSON.parse(`[${conflicts}]`) as Expected[]).map(({ topic }) => topic);
  };
  expect(await seen(["orders*"])).toEqual(["orders.eu", "orders", "orders.eu", "orders"]);
  expect(await seen(["orders*"], 3)).toEqual(["orders.eu", "orders", "orders.eu"]);
  expect(await seen(["payments", "nothing"])).toEqual(["payments", "payments"]);
  expect(await seen(["*"])).toHaveLength(6);
  const page = await client.page({ order: "asc", limit: 9, topics: ["pay*"] });
  expect(seqsOf(page)).toEqual([2]);
  worker.terminate();
});
