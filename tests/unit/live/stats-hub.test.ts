/** Snapshot plus deltas equals the counters, for every subscriber, however it reads and whatever happens meanwhile. */

import { beforeEach, describe, expect, test } from "bun:test";
import { RESUME_WINDOW_MS } from "../../../src/live/delta-log.ts";
import { STALL_MS_MAX } from "../../../src/live/stats-group.ts";
import { roundUpInterval } from "../../../src/live/stats-hub.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { HubBench, Reader } from "./hub-bench.ts";

let bench: HubBench;
beforeEach(() => {
  bench = new HubBench();
});

test("a subscriber that subscribes again and again without reading gets one snapshot, once it has read", () => {
  const reader = bench.subscribe();
  reader.bufferedBytes = 1;
  bench.commit("a", "b");
  for (let i = 0; i < 100; i++) bench.hub.subscribe(reader, { patterns: ["a"], intervalMs: 100 });
  bench.advance(1_000);
  expect(reader.frames).toHaveLength(1);
  reader.bufferedBytes = 0;
  bench.advance(100);
  expect(reader.frames.slice(1)).toMatchObject([{ type: "snapshot", revision: 1, received: 1 }]);
  bench.commit("a");
  bench.advance(100);
  expect(reader.frames.slice(2)).toMatchObject([{ type: "delta", from: 1, revision: 2, received: 1 }]);
});

describe("a subscriber", () => {
  test("is told a snapshot at once, then what changed, once an interval", () => {
    bench.commit("a", "b");
    const reader = bench.subscribe();
    expect(reader.frames).toHaveLength(1);
    expect(reader.frames[0]).toMatchObject({ type: "snapshot", epoch: "epoch-1", revision: 1, received: 2 });
    bench.commit("a");
    bench.commit("a", "c", "c", "c");
    bench.advance(99);
    expect(reader.frames).toHaveLength(1);
    bench.advance(1);
    expect(reader.frames.slice(1)).toEqual([
      {
        type: "delta",
        epoch: "epoch-1",
        from: 1,
        revision: 3,
        received: 5,
        unique_processed: 3,
        duplicate_dropped: 2,
        conflicts: 1,
        topics: {
          a: { received: 2, unique_processed: 2, duplicate_dropped: 0, conflicts: 0 },
          c: { received: 3, unique_processed: 1, duplicate_dropped: 2, conflicts: 1 },
        },
      },
    ]);
    bench.commit("a");
    bench.advance(100);
    expect(reader.kinds).toEqual(["snapshot", "delta", "delta"]);
    bench.expectUpToDate(reader);
  });

  test("is told nothing while nothing happens", () => {
    const reader = bench.subscribe();
    bench.advance(10_000);
    expect(reader.kinds).toEqual(["snapshot"]);
  });

  test("is told nothing of topics that its patterns do not cover, and no empty frames instead", () => {
    bench.commit("orders.eu", "pay");
    const reader = bench.subscribe({ patterns: ["orders.*", "exact"] });
    expect([...reader.topics.keys()]).toEqual(["orders.eu"]);
    for (let i = 0; i < 5; i++) {
      bench.commit("pay", "orders", "exactly");
      bench.advance(100);
    }
    expect(reader.frames).toHaveLength(1);
    bench.commit("pay", "orders.us", "exact");
    bench.advance(100);
    expect(reader.frames).toHaveLength(2);
    expect(reader.frames[1]).toMatchObject({ from: 1, revision: 7, received: 2 });
    bench.expectUpToDate(reader, (topic) => topic.startsWith("orders.") || topic === "exact");
  });

  test("that changes what it is subscribed to begins with a snapshot of that, and gets the old no more", () => {
    const reader = bench.subscribe({ patterns: ["a"] });
    bench.commit("a", "b");
    bench.advance(100);
    bench.subscribe({ patterns: ["b"], intervalMs: 20 }, reader);
    expect(reader.kinds).toEqual(["snapshot", "delta", "snapshot"]);
    bench.commit("a", "b");
    bench.advance(200);
    expect([...reader.topics.keys()]).toEqual(["b"]);
    bench.expectUpToDate(reader, (topic) => topic === "b");
    expect(bench.hub.subscribers).toBe(1);
  });

  test("that has gone is told nothing, and no clock ticks for it", () => {
    const reader = bench.subscribe();
    bench.commit("a");
    bench.advance(100);
    bench.hub.unsubscribe(reader);
    bench.hub.unsubscribe(reader);
    bench.commit("a");
    bench.advance(1_000);
    expect(reader.frames).toHaveLength(2);
    expect([bench.tickers.size, bench.hub.subscribers]).toEqual([0, 0]);
  });
});

test.each([
  [0, 20],
  [1, 20],
  [20, 20],
  [21, 50],
  [100, 100],
  [101, 250],
  [999, 1_000],
  [3_600_000, 1_000],
])("an interval of %i ms becomes %i", (asked, given) => {
  expect(roundUpInterval(asked)).toBe(given);
});

describe("a slow reader", () => {
  const tick = (topic = "a"): void => {
    bench.commit(topic);
    bench.advance(100);
  };

  test("is told the sum once it has read what was sent, and keeps up again; the others notice nothing", () => {
    const [slow, fast] = [bench.subscribe(), bench.subscribe()];
    tick();
    slow.bufferedBytes = 1;
    for (let i = 0; i < 5; i++) tick(`t${i}`);
    expect([slow.frames.length, fast.frames.length]).toEqual([2, 7]);
    slow.bufferedBytes = 0;
    tick();
    expect(slow.frames.at(-1)).toMatchObject({ type: "delta", from: 1, revision: 7, received: 6 });
    bench.expectUpToDate(slow);
    tick();
    bench.expectUpToDate(slow);
    bench.expectUpToDate(fast);
  });

  test("is closed when it has read nothing for a minute, and not before", () => {
    const slow = bench.subscribe();
    tick();
    slow.bufferedBytes = 1;
    tick();
    bench.advance(STALL_MS_MAX);
    expect(slow.closed).toBe(0);
    bench.advance(100);
    expect(slow.closed).toBeGreaterThan(0);
  });

  test("gets its minute anew whenever it has read everything", () => {
    const slow = bench.subscribe();
    tick();
    for (let i = 0; i < 3; i++) {
      slow.bufferedBytes = 1;
      bench.advance(STALL_MS_MAX - 1_000);
      slow.bufferedBytes = 0;
      bench.advance(100);
    }
    expect(slow.closed).toBe(0);
  });
});

describe("a returning client", () => {
  const resume = (epoch: string, revision: number): Reader => {
    const reader = new Reader();
    [reader.epoch, reader.revision] = [epoch, revision];
    return bench.subscribe({ resume: { epoch, revision } }, reader);
  };
  const observed = (...topics: string[]): number => {
    bench.commit(...topics);
    return bench.hub.observeRevision();
  };

  test("gets the sum since what it knows in one delta, at once", () => {
    const known = observed("a");
    observed("a", "b");
    bench.commit("c");
    const reader = resume("epoch-1", known);
    expect(reader.frames).toHaveLength(1);
    expect(reader.frames[0]).toMatchObject({ type: "delta", from: 1, revision: 3, received: 3 });
    expect([...reader.topics.keys()]).toEqual(["a", "b", "c"]);
  });

  test("gets an empty delta when nothing happened, and goes on from there", () => {
    const known = observed("a");
    const reader = resume("epoch-1", known);
    expect(reader.frames[0]).toEqual({
      ...{ type: "delta", epoch: "epoch-1", from: known, revision: known },
      ...{ received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0, topics: {} },
    });
    bench.commit("b");
    bench.advance(100);
    expect(reader.frames[1]).toMatchObject({ type: "delta", from: known, revision: known + 1 });
  });

  test("gets a snapshot when the epoch is another, or the revision is gone, to come, or was never told", () => {
    const known = observed("a");
    bench.commit("a");
    const between = bench.hub.board.revision;
    observed("a");
    for (const [epoch, revision] of [
      ["other", known],
      ["epoch-1", between],
      ["epoch-1", 99],
      ["", 0],
    ] as const) {
      expect(resume(epoch, revision).kinds).toEqual(["snapshot"]);
    }
    bench.now += RESUME_WINDOW_MS + 1;
    observed("a");
    observed("a");
    expect(resume("epoch-1", known).kinds).toEqual(["snapshot"]);
  });

  test("is reached for a minute", () => {
    const known = observed("a");
    for (let second = 0; second < 60; second++) {
      bench.now += 1_000;
      observed("a");
    }
    expect(resume("epoch-1", known).frames[0]).toMatchObject({ type: "delta", received: 60 });
  });
});

describe("a new epoch", () => {
  test("begins with a snapshot for everyone, at the next tick", () => {
    const [fast, slow] = [bench.subscribe(), bench.subscribe()];
    bench.commit("a");
    bench.advance(100);
    slow.bufferedBytes = 1;
    bench.commit("a");
    bench.advance(100);
    bench.open("b");
    bench.commit("b");
    slow.bufferedBytes = 0;
    bench.advance(100);
    for (const reader of [fast, slow]) {
      expect(reader.frames.at(-1)).toMatchObject({
        type: "snapshot",
        epoch: "epoch-2",
        revision: 1,
        received: 1,
      });
      expect([...reader.topics.keys()]).toEqual(["b"]);
    }
  });

  test("may begin in the middle of a tick: nobody is told a revision of the old one", () => {
    for (let i = 0; i < 2_000; i++) bench.subscribe();
    for (let i = 0; i < 5; i++) bench.commit("a");
    // Two groups: the tick is still at the first when the epoch ends, and somebody joins the second.
    bench.subscribe({ patterns: ["b*"] });
    bench.advance(100, { turns: 0 });
    bench.open();
    bench.commit("b");
    const newcomer = bench.subscribe({ patterns: ["b*"] });
    bench.runTasks();
    bench.commit("b");
    bench.advance(100);
    expect(newcomer.frames.map(({ type, epoch, revision }) => [type, epoch, revision])).toEqual([
      ["snapshot", "epoch-2", 1],
      ["delta", "epoch-2", 2],
    ]);
    for (const reader of bench.readers.slice(0, 2_000)) expect(reader.epoch).toBe("epoch-2");
  });
});

test("after a pause longer than anything is kept, subscribers begin again with a snapshot", () => {
  const [slow, fast] = [bench.subscribe({ intervalMs: 1_000 }), bench.subscribe({ intervalMs: 20 })];
  bench.commit("a");
  bench.advance(1_000);
  bench.commit("a");
  bench.advance(20);
  // The process was stopped; the first thing after it is a commit, and then the clock of the slow one.
  bench.now += RESUME_WINDOW_MS + 1;
  bench.commit("b");
  for (const timing of bench.tickers.values()) timing.next = bench.now + timing.intervalMs;
  bench.advance(1_000);
  expect(slow.kinds.at(-1)).toBe("snapshot");
  bench.expectUpToDate(slow);
  bench.expectUpToDate(fast);
});

test("whatever readers do, they end up knowing what the board knows", () => {
  const random = SeededRandom.printed("stats hub");
  const patterns = [[], ["a*"], ["a1", "b1"], ["b*", "c2"]];
  const matches = [
    () => true,
    (t: string) => t[0] === "a",
    (t: string) => t === "a1" || t === "b1",
    (t: string) => t[0] === "b" || t === "c2",
  ];
  const kinds = new Map<Reader, number>();
  for (let step = 0; step < 3_000; step++) {
    const reader = [...kinds.keys()][random.below(kinds.size + 1)];
    const action = random.below(20);
    if (action < 2)
      kinds.set(
        bench.subscribe({ patterns: patterns[step % 4]!, intervalMs: [20, 100][step % 2]! }),
        step % 4,
      );
    else if (action === 2 && reader !== undefined)
      bench.subscribe({ patterns: patterns[kinds.get(reader)!]!, resume: reader }, reader);
    else if (action === 3 && reader !== undefined && kinds.delete(reader)) bench.hub.unsubscribe(reader);
    else if (action < 7 && reader !== undefined) reader.bufferedBytes = random.below(2);
    else if (action === 7 && random.below(20) === 0) bench.open("b1");
    else if (action < 14)
      bench.commit(
        ...Array.from({ length: 1 + random.below(4) }, () => `${"abc"[random.below(3)]}${random.below(3)}`),
      );
    else bench.advance(random.below(150), { turns: random.below(3) });
  }
  for (const reader of kinds.keys()) reader.bufferedBytes = 0;
  bench.runTasks();
  bench.commit("a1", "b1", "c2");
  bench.advance(200);
  for (const [reader, kind] of kinds) bench.expectUpToDate(reader, matches[kind]);
});
