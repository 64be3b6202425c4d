/** How much a page of events reads, counted and not timed, where it is limited to some topics. */

import { expect, test } from "bun:test";
import { SqliteEventReader } from "../../src/storage/sqlite/sqlite-event-reader.ts";
import { SEGMENT_EVENTS } from "../../src/storage/sqlite/topic-segments.ts";
import { LISTED_TOPICS_MAX } from "../../src/storage/sqlite/topic-selection.ts";
import { eventRecord } from "../unit/event-records.ts";
import { CountedReading, CountedStore } from "./statement-count.ts";

const TOPICS = 200;
const BATCH_EVENTS = 4_096;
const SEGMENTS = 3;

/** Rows that are read by their number before the page is looked at again. */
const ROWS_PER_READ_MAX = 512;

function fill(store: CountedStore): void {
  for (let from = 0; from < SEGMENTS * SEGMENT_EVENTS; from += BATCH_EVENTS)
    store.append(
      Array.from({ length: BATCH_EVENTS }, (_, i) => {
        // One event in a thousand is of a rare topic.
        const isRare = (from + i) % 1_000 === 0;
        return eventRecord(`${from + i}`, { topic: isRare ? `rare${(from + i) % 3_000}` : `t${i % TOPICS}` });
      }),
    );
}

test("a page of a few topics reads their lists and their events, and no others", () => {
  using store = new CountedStore();
  fill(store);
  using reading = new CountedReading(store.path);
  const reader = new SqliteEventReader(reading.db, () => 0);
  for (const order of ["asc", "desc"] as const) {
    // From where the lists begin, in either order.
    const after = order === "asc" ? 0 : 2 * SEGMENT_EVENTS;
    const page = { order, after, limit: 100, topics: ["rare*"] } as const;
    const { rows, runs } = reading.count(() => expect(reader.page(page).count).toBe(100));
    // Three topics in two segments, of which the first has 65 of the 100 events that are asked for.
    expect(runs["FROM topic_segments"]).toBeLessThanOrEqual(3 * 2);
    expect(rows["FROM events"]).toBeLessThanOrEqual(2 * Math.ceil(SEGMENT_EVENTS / 1_000) + 2);
    expect(Object.values(runs).reduce((a, b) => a + b)).toBeLessThanOrEqual(160);
  }
});

test("a page of as many topics as are listed reads as many lists a segment, and one run of events", () => {
  using store = new CountedStore();
  fill(store);
  using reading = new CountedReading(store.path);
  const reader = new SqliteEventReader(reading.db, () => 0);
  const listed = Array.from({ length: LISTED_TOPICS_MAX }, (_, i) => `t${i + 100}`);
  const query = { order: "asc", after: 0, limit: 100 } as const;
  const few = reading.count(() => expect(reader.page({ ...query, topics: listed }).count).toBe(100));
  expect(few.runs["FROM topic_segments"]).toBe(LISTED_TOPICS_MAX);
  expect(few.rows["FROM events"]).toBeLessThanOrEqual(ROWS_PER_READ_MAX + 2);
  // Of one more it reads whatever comes, and no list.
  const many = reading.count(() =>
    expect(reader.page({ ...query, topics: [...listed, "t0"] }).count).toBe(100),
  );
  expect(many.runs["FROM topic_segments"]).toBeUndefined();
  expect(many.rows["FROM events"]).toBeLessThanOrEqual(2 * ROWS_PER_READ_MAX);
  // Which topics there are is not read to the end to know that they are many.
  const all = reading.count(() => reader.page({ ...query, topics: ["t*"] }));
  expect(all.rows["FROM topics"]).toBeLessThanOrEqual(LISTED_TOPICS_MAX + 1);
});

test("a page of many topics of which nothing comes ends when its time is up, after one read", () => {
  using store = new CountedStore();
  fill(store);
  using reading = new CountedReading(store.path);
  let clock = 0;
  const reader = new SqliteEventReader(reading.db, () => (clock += 1_000));
  const topics = ["nothing*", ...Array.from({ length: TOPICS }, (_, i) => `t${i}`)];
  const query = { order: "asc", after: 0, limit: 100, source: "nobody", topics } as const;
  const { rows } = reading.count(() => expect(reader.page(query).next).not.toBeNull());
  expect(rows["FROM events"]).toBeLessThanOrEqual(ROWS_PER_READ_MAX + 2);
});
