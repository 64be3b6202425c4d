/** Which events of a segment belong to which topic: all of them, once, written behind the commits and keeping up. */

import { describe, expect, test } from "bun:test";
import {
  SEGMENT_EVENTS,
  type SegmentRow,
  TopicSegments,
} from "../../../src/storage/sqlite/topic-segments.ts";

/** Takes every step there is; the rows, and up to where they say that topics are indexed. */
function writeAll(segments: TopicSegments): { rows: SegmentRow[]; indexedThrough: number | undefined } {
  const rows: SegmentRow[] = [];
  let indexedThrough: number | undefined;
  for (let step = segments.nextStep(); step !== undefined; step = segments.nextStep()) {
    rows.push(...step.rows);
    indexedThrough = step.indexedThrough ?? indexedThrough;
    segments.keepStep(step);
  }
  return { rows, indexedThrough };
}

function seqsOf({ segment, offsets }: SegmentRow): number[] {
  return [...new Uint16Array(offsets.slice().buffer)].map((offset) => segment * SEGMENT_EVENTS + offset);
}

function fill(segments: TopicSegments, from: number, to: number, topicOf: (seq: number) => number): void {
  for (let seq = from; seq < to; seq++) segments.add(seq, topicOf(seq));
}

test("nothing is written before a segment is full", () => {
  const segments = new TopicSegments(-1);
  fill(segments, 1, SEGMENT_EVENTS, () => 1);
  expect(segments.nextStep()).toBeUndefined();
  segments.add(SEGMENT_EVENTS, 1);
  expect(segments.nextStep()).toBeDefined();
});

test("each event of a full segment is in the list of its topic, in order, and in no other", () => {
  const segments = new TopicSegments(-1);
  const topicOf = (seq: number): number => 1 + ((seq * seq) % 11);
  fill(segments, 1, 2 * SEGMENT_EVENTS + 5, topicOf);
  const { rows, indexedThrough } = writeAll(segments);
  expect(indexedThrough).toBe(2 * SEGMENT_EVENTS - 1);
  const listed = new Map<number, number[]>();
  for (const row of rows) listed.set(row.topicId, [...(listed.get(row.topicId) ?? []), ...seqsOf(row)]);
  const expected = new Map<number, number[]>();
  for (let seq = 1; seq < 2 * SEGMENT_EVENTS; seq++) {
    const list = expected.get(topicOf(seq)) ?? [];
    list.push(seq);
    expected.set(topicOf(seq), list);
  }
  expect([...listed.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [topicId, seqs] of expected) expect(Bun.deepEquals(listed.get(topicId), seqs)).toBe(true);
});

test("a segment that begins again in its middle lists what was added again", () => {
  const segments = new TopicSegments(SEGMENT_EVENTS - 1);
  fill(segments, SEGMENT_EVENTS, 2 * SEGMENT_EVENTS + 1, (seq) => (seq % 2) + 1);
  const { rows, indexedThrough } = writeAll(segments);
  expect(rows.map(({ segment, topicId }) => [segment, topicId])).toEqual([
    [1, 1],
    [1, 2],
  ]);
  expect(rows.flatMap(seqsOf)).toHaveLength(SEGMENT_EVENTS);
  expect(indexedThrough).toBe(2 * SEGMENT_EVENTS - 1);
});

describe("a step", () => {
  test("changes nothing until it is kept: one that failed is offered again", () => {
    const segments = new TopicSegments(-1);
    fill(segments, 1, SEGMENT_EVENTS + 1, (seq) => (seq % 100) + 1);
    expect(segments.nextStep()).toEqual(segments.nextStep()!);
  });

  test("says how far topics are indexed only with the last row of a segment", () => {
    const segments = new TopicSegments(-1);
    fill(segments, 1, SEGMENT_EVENTS + 1, (seq) => (seq % 1_000) + 1);
    const first = segments.nextStep()!;
    segments.keepStep(first);
    let written = first.rows.length;
    for (let step = segments.nextStep(); step !== undefined; step = segments.nextStep()) {
      written += step.rows.length;
      expect(step.indexedThrough).toBe(written === 1_000 ? SEGMENT_EVENTS - 1 : undefined);
      segments.keepStep(step);
    }
    expect(written).toBe(1_000);
  });

  test("is small when commits are small, so that none of them waits for it", () => {
    const segments = new TopicSegments(-1);
    fill(segments, 1, SEGMENT_EVENTS + 1, (seq) => (seq % 1_000) + 1);
    for (let commit = 1; commit <= 10; commit++) {
      const step = segments.nextStep()!;
      expect(step.rows).toHaveLength(64);
      segments.keepStep(step);
      segments.add(SEGMENT_EVENTS + commit, 1);
    }
  });

  test.each([
    ["one event a commit, as many topics as events", 1, SEGMENT_EVENTS],
    ["500 events a commit, 10,000 topics", 500, 10_000],
    ["14,000 events a commit, 10,000 topics", 14_000, 10_000],
    ["100,000 events a commit, 1,000 topics", 100_000, 1_000],
  ])("is large enough to keep up with %s", (_, commitEvents, topics) => {
    const segments = new TopicSegments(-1);
    let indexedThrough = -1;
    const last = commitEvents === 1 ? 3 * SEGMENT_EVENTS : 10 * SEGMENT_EVENTS;
    for (let seq = 1; seq < last; seq += commitEvents) {
      const step = segments.nextStep();
      if (step !== undefined) segments.keepStep(step);
      indexedThrough = step?.indexedThrough ?? indexedThrough;
      fill(segments, seq, seq + commitEvents, (at) => (at % topics) + 1);
      const waiting = seq + commitEvents - indexedThrough;
      if (waiting > 4 * SEGMENT_EVENTS + commitEvents) throw new Error(`${waiting} events are not indexed`);
    }
  });
});
