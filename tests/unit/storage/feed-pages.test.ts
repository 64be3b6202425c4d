/** Pages of the feed: put together they are every event that patterns cover, and each says up to where it goes. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { DamagedError, type FeedPage, type FeedQuery } from "../../../src/storage/event-reader.ts";
import { KEEP_EVERYTHING } from "../../../src/storage/retention.ts";
import { openForReading } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { eventRecord } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";

const EVENTS = 90_000;
const TOPICS = ["orders.eu", "orders.us", "pay", "é\u{1F600}", "rare"];
const topicOf = (seq: number): string => (seq % 9_000 === 1 ? "rare" : TOPICS[seq % 4]!);

const ASKED: FeedQuery = { after: 0, limit: 1_000, textMax: 1_000_000, budgetMs: 50, withParts: false };

let bench: SqliteBench;
let reader: SqliteEventReader;
let clock = 0;
let ticksMs = 0;

beforeAll(() => {
  bench = new SqliteBench();
  const store = bench.restart();
  expect(store.open().newest).toBe(0);
  for (let from = 1; from <= EVENTS; from += 1_000) {
    const seqs = Array.from({ length: 1_000 }, (_, i) => from + i);
    const events = seqs.map((seq) => eventRecord(`e${seq}`, { topic: topicOf(seq), payload: `"${seq}"` }));
    store.append({ events, receivedAt: from });
  }
  // A number that each call of the clock adds to is a reader that takes long.
  reader = new SqliteEventReader(openForReading(bench.path), () => (clock += ticksMs));
});
afterAll(() => {
  reader.close();
  bench[Symbol.dispose]();
});

function seqsOf({ events }: Pick<FeedPage, "events">): number[] {
  return (JSON.parse(`[${events}]`) as { seq: number }[]).map(({ seq }) => seq);
}

describe("read one after the other, pages hold what patterns cover, once", () => {
  const random = SeededRandom.printed("feed pages");
  const patterns = [undefined, ["pay"], ["orders.*", "rare"], ["rare"], ["é*"], ["nothing"], ["*"]];
  test.each(patterns.map((topics) => [topics]))("%j", (topics) => {
    const wanted = new TopicPatterns(topics ?? []);
    ticksMs = random.below(30);
    let after = random.below(2) === 0 ? 0 : random.below(EVENTS);
    const first = after;
    const found: number[] = [];
    for (;;) {
      const limit = 1 + random.below(4_000);
      const withParts = random.below(2) === 0;
      const page = reader.feedPage({ ...ASKED, ...(topics && { topics }), after, limit, withParts });
      const seqs = seqsOf(page);
      expect(page.count).toBe(seqs.length);
      expect(page.count).toBeLessThanOrEqual(limit);
      expect(page.gap).toBeUndefined();
      for (const seq of seqs) found.push(seq);
      expect(page.through).toBeGreaterThanOrEqual(found.at(-1) ?? 0);
      if (withParts) expectParts(page, seqs);
      if (page.through === after) break;
      after = page.through;
    }
    ticksMs = 0;
    expect(after).toBe(EVENTS);
    const expected: number[] = [];
    for (let seq = first + 1; seq <= EVENTS; seq++) if (wanted.matches(topicOf(seq))) expected.push(seq);
    expect(found).toEqual(expected);
  });
});

/** Each event can be cut out of the text of the page. */
function expectParts({ events, parts }: FeedPage, seqs: readonly number[]): void {
  const names = parts!.topics === "" ? [] : parts!.topics.split(",");
  expect([...parts!.seqs]).toEqual([...seqs]);
  expect(parts!.gapTopics).toBe("");
  let start = 0;
  for (const [i, end] of parts!.ends.entries()) {
    const event = JSON.parse(events.slice(start, end)) as { seq: number; topic: string };
    expect(event.seq).toBe(seqs[i]!);
    expect(event.topic).toBe(names[parts!.topicPlaces[i]!]!);
    start = end + 1;
  }
}

describe("a page ends", () => {
  test("with the text that it may have, and one event always fits", () => {
    const page = reader.feedPage({ ...ASKED, textMax: 10_000 });
    expect(page.events.length).toBeGreaterThanOrEqual(10_000);
    expect(page.events.length).toBeLessThan(10_500);
    expect(page.through).toBe(page.count);
    expect(reader.feedPage({ ...ASKED, textMax: 1 })).toMatchObject({ count: 1, through: 1 });
  });

  test("with its time, even where it has found nothing: then it says how far it looked", () => {
    ticksMs = 60;
    const page = reader.feedPage({ ...ASKED, topics: ["rar*", "x*"], after: 1 });
    ticksMs = 0;
    expect(page.through).toBeGreaterThan(1);
    expect(page.through).toBeLessThan(EVENTS);
  });

  test("at the end with the newest event, also for patterns that no topic fits", () => {
    expect(reader.feedPage({ ...ASKED, topics: ["nothing"] })).toEqual({
      events: "",
      count: 0,
      through: EVENTS,
    });
    expect(reader.feedPage({ ...ASKED, after: EVENTS })).toEqual({ events: "", count: 0, through: EVENTS });
  });
});

test("what retention removed is told with its topics, and counts as looked at", () => {
  using pruned = new SqliteBench({
    retention: { ...KEEP_EVERYTHING, events: [{ pattern: "logs*", max: 2 }] },
  });
  const store = pruned.restart();
  store.open();
  const events = ["logs.a", "kept", "logs.b", "logs.a", "logs.a", "logs.b"].map((topic, i) =>
    eventRecord(`e${i}`, { topic }),
  );
  store.append({ events, receivedAt: 1 });
  while (!store.prune(2, 100).isDone);
  const reading = new SqliteEventReader(openForReading(pruned.path), () => 0);
  const page = reading.feedPage({ ...ASKED, withParts: true });
  expect(page).toMatchObject({ count: 3, through: 6, gap: { from: 1, to: 4 } });
  expect(page.parts!.gapTopics.split(",").sort()).toEqual(["logs.a", "logs.b"]);
  expect(reading.feedPage({ ...ASKED, topics: ["kept"] }).gap).toBeUndefined();
  expect(reading.feedPage({ ...ASKED, topics: ["logs.b"] }).gap).toEqual({ from: 1, to: 3 });
  reading.close();
  expect(pruned.restart().open().newest).toBe(6);
});

test("what stands before a damaged event is a page; one that would begin with it is not made", () => {
  using damaged = new SqliteBench();
  const store = damaged.restart();
  store.open();
  const events = ["a", "b", "a", "b"].map((topic, i) => eventRecord(`e${i}`, { topic }));
  store.append({ events, receivedAt: 1 });
  damaged.tamper("UPDATE events SET payload = '2' WHERE seq = 3");
  const reading = new SqliteEventReader(openForReading(damaged.path), () => 0);
  try {
    const page = reading.feedPage({ ...ASKED, withParts: true });
    expect([seqsOf(page), page.through, page.parts!.seqs.length]).toEqual([[1, 2], 2, 2]);
    expect(() => reading.feedPage({ ...ASKED, after: 2 })).toThrow(DamagedError);
    const other = reading.feedPage({ ...ASKED, topics: ["a"] });
    expect([seqsOf(other), other.through]).toEqual([[1], 2]);
    expect(seqsOf(reading.feedPage({ ...ASKED, after: 3 }))).toEqual([4]);
  } finally {
    reading.close();
  }
});
