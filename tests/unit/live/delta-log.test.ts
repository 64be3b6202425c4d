/** What changed between two revisions that somebody was told of, for as long as it is kept. */

import { beforeEach, describe, expect, test } from "bun:test";
import { DeltaLog, type DeltaRows, RESUME_ROWS_MAX, RESUME_WINDOW_MS } from "../../../src/live/delta-log.ts";
import { INCREMENT_COLUMNS } from "../../../src/storage/event-store.ts";

let log: DeltaLog;
let revision: number;
let now: number;
beforeEach(() => {
  log = new DeltaLog();
  [revision, now] = [0, 0];
});

/** Takes in a commit that received one event on each of these topics. */
function commit(...topicIds: number[]): number {
  log.add(++revision, Float64Array.from(topicIds.flatMap((id) => [id, 1, 1, 0, 0])), now);
  return revision;
}

/** Takes in a commit and tells its revision to somebody. */
function observed(...topicIds: number[]): number {
  commit(...topicIds);
  return log.seal();
}

/** Whether who knows `from` can be told what changed since. */
function reaches(from: number): boolean {
  // The log keeps its last answer, which may be the one that is asked for: this one takes its place.
  const to = log.seal();
  log.sum(to, to);
  return log.sum(from, to) !== undefined;
}

function received(rows: DeltaRows | undefined): Record<number, number> | undefined {
  return rows && Object.fromEntries([...rows].map(([id, counters]) => [id, counters.received]));
}

test("the sum of several commits, topic by topic and counter by counter", () => {
  log.add(1, Float64Array.from([1, 5, 3, 2, 1, 2, 1, 1, 0, 0]), 0);
  log.add(2, Float64Array.from([1, 10, 4, 6, 2]), 0);
  expect(log.seal()).toBe(2);
  expect([...log.sum(0, 2)!]).toEqual([
    [1, { received: 15, unique_processed: 7, duplicate_dropped: 8, conflicts: 3 }],
    [2, { received: 1, unique_processed: 1, duplicate_dropped: 0, conflicts: 0 }],
  ]);
});

describe("a boundary", () => {
  test("is every revision that was told, and no other", () => {
    const a = observed(1);
    const between = commit(1);
    const b = observed(2);
    const c = observed(3);
    expect([0, a, b, c].map((from) => received(log.sum(from, c)))).toEqual([
      { 1: 2, 2: 1, 3: 1 },
      { 1: 1, 2: 1, 3: 1 },
      { 3: 1 },
      {},
    ]);
    expect(received(log.sum(a, b))).toEqual({ 1: 1, 2: 1 });
    expect(log.sum(between, c)).toBeUndefined();
    expect([0, a, b, c, between, 99].map((from) => reaches(from))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test("is not moved by telling the same revision again", () => {
    const a = observed(1);
    expect([log.seal(), log.seal()]).toEqual([a, a]);
    const b = observed(2);
    expect(received(log.sum(a, b))).toEqual({ 2: 1 });
  });

  test("stays where it was when many commits follow that nobody is told of", () => {
    const a = observed(1);
    for (let i = 0; i < 1_000; i++) commit(1 + (i % 3));
    const b = log.seal();
    expect(received(log.sum(a, b))).toEqual({ 1: 334, 2: 333, 3: 333 });
    expect(received(log.sum(0, b))).toEqual({ 1: 335, 2: 333, 3: 333 });
  });

  test("may be the very beginning", () => {
    expect(log.seal()).toBe(0);
    expect(reaches(0)).toBe(true);
    expect(received(log.sum(0, 0))).toEqual({});
  });
});

test("a revision that was never reached is not known", () => {
  observed(1);
  expect(log.sum(5, 1)).toBeUndefined();
});

test("an answer that was given is not changed by what comes later", () => {
  const a = observed(1);
  const first = received(log.sum(0, a));
  const b = observed(1);
  expect(received(log.sum(0, b))).toEqual({ 1: 2 });
  expect(received(log.sum(0, a))).toEqual(first!);
});

describe("what is kept", () => {
  test("reaches back at least as long as a client may stay away", () => {
    const a = observed(1);
    now = 1;
    const b = observed(1);
    now = RESUME_WINDOW_MS;
    const c = observed(1);
    expect(received(log.sum(0, c))).toEqual({ 1: 3 });
    now = RESUME_WINDOW_MS + 1;
    const d = observed(1);
    expect([0, a, b, c].map((from) => reaches(from))).toEqual([false, true, true, true]);
    expect(received(log.sum(a, d))).toEqual({ 1: 3 });
    expect(RESUME_WINDOW_MS).toBeGreaterThanOrEqual(60_000);
  });

  test("is the last stretch, however old, so that whoever was told last can go on", () => {
    const a = observed(1);
    now = 10 * RESUME_WINDOW_MS;
    const b = observed(2);
    expect(received(log.sum(a, b))).toEqual({ 2: 1 });
  });

  test("is bounded in rows: the oldest goes early", () => {
    const topics = 100_000;
    const rows = new Float64Array(topics * INCREMENT_COLUMNS);
    for (let i = 0; i < topics; i++) rows.set([i + 1, 1, 1, 0, 0], i * INCREMENT_COLUMNS);
    const stretches = RESUME_ROWS_MAX / topics;
    for (let i = 1; i <= stretches; i++) {
      log.add(i, rows, 0);
      log.seal();
    }
    expect(reaches(0)).toBe(true);
    log.add(stretches + 1, rows, 0);
    log.seal();
    expect([0, 1].map((from) => reaches(from))).toEqual([false, true]);
  });

  test("is one stretch at least, even if it alone is too long", () => {
    log.add(1, new Float64Array((RESUME_ROWS_MAX + 1) * INCREMENT_COLUMNS), 0);
    log.seal();
    expect(reaches(0)).toBe(true);
  });

  test("is little where nobody is told anything: commits are summed", () => {
    const rows = Float64Array.from([1, 1, 1, 0, 0]);
    for (let i = 1; i <= 100_000; i++) log.add(i, rows, 0);
    const to = log.seal();
    const started = performance.now();
    expect(received(log.sum(0, to))).toEqual({ 1: 100_000 });
    expect(performance.now() - started).toBeLessThan(50);
  });
});

test("a new epoch begins at nothing", () => {
  expect(received(log.sum(0, observed(1)))).toEqual({ 1: 1 });
  observed(1);
  log.reset();
  revision = 0;
  expect(log.seal()).toBe(0);
  expect([reaches(0), reaches(1)]).toEqual([true, false]);
  expect(received(log.sum(0, observed(7)))).toEqual({ 7: 1 });
});
