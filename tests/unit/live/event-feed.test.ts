/** The feed of events: what is read and what is not, who is told what from where, and who is closed. */

import { describe, expect, test } from "bun:test";
import { FRAME_EVENTS_MAX, FRAME_TEXT_MAX } from "../../../src/live/feed-frames.ts";
import { PAGES_READ_MAX } from "../../../src/live/feed-page-reads.ts";
import { CROWDED_STALL_MS_MAX, STALL_MS_MAX } from "../../../src/live/feed-reader.ts";
import { TAIL_INTERVAL_MS } from "../../../src/live/feed-tail.ts";
import { SOCKETS_PER_TURN_MAX } from "../../../src/live/turn-work.ts";
import { DAMAGED, StorageFault } from "../../../src/storage/storage-fault.ts";
import { FeedBench, FeedClient } from "./feed-bench.ts";

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const many = (count: number, topic = "a"): string[] => Array.from({ length: count }, () => topic);

describe("what is new", () => {
  test("is read once for all readers, and its text is made once for those with the same patterns", async () => {
    const bench = new FeedBench();
    const readers = [["a"], ["a"], []].map((patterns) => bench.subscribe(patterns, "latest"));
    bench.commit("a", "b", "a");
    await bench.settle();
    expect(bench.store.reads).toHaveLength(1);
    expect(readers.map(({ seqs }) => seqs)).toEqual([
      [1, 3],
      [1, 3],
      [1, 2, 3],
    ]);
  });

  test("is not read where it concerns nobody, and readers move on all the same", async () => {
    const bench = new FeedBench();
    const reader = bench.subscribe(["a"], "latest");
    for (let i = 0; i < 5; i++) bench.commit("b", "c");
    await bench.advance(2_000);
    expect(bench.store.reads).toHaveLength(0);
    expect(reader.position).toBe(10);
    bench.commit("a");
    await bench.settle();
    expect(reader.seqs).toEqual([11]);
    expect(bench.store.reads).toHaveLength(1);
  });

  test("is not read while nobody reads, and one who comes then is told it", async () => {
    const bench = new FeedBench();
    bench.commit("a", "b");
    await bench.settle();
    expect(bench.store.reads).toHaveLength(0);
    const reader = bench.subscribe(["b"], 0);
    await bench.settle();
    expect(reader.seqs).toEqual([2]);
  });

  test("is gathered: however many commits there are, it is read at an interval", async () => {
    const bench = new FeedBench();
    const reader = bench.subscribe([], "latest");
    for (let ms = 0; ms < 100; ms++) {
      bench.commit("a");
      await bench.advance(1);
      bench.store.answer();
    }
    await bench.settle();
    expect(reader.seqs).toEqual(range(1, 100));
    expect(bench.store.reads.length).toBeLessThanOrEqual(100 / TAIL_INTERVAL_MS + 1);
  });

  test("is told in turns: no more sockets at one time than everything else can wait for", async () => {
    const bench = new FeedBench();
    const readers = Array.from({ length: 100 }, () => bench.subscribe([], "latest"));
    bench.commit("a");
    await bench.runTasks();
    bench.store.answer();
    await bench.runTasks(1);
    expect(readers.filter(({ seqs }) => seqs.length > 0)).toHaveLength(SOCKETS_PER_TURN_MAX * 2);
    const [late, early] = [bench.subscribe([], "latest"), bench.subscribe(["a"], 0)];
    await bench.settle();
    for (const { seqs } of [...readers, early]) expect(seqs).toEqual([1]);
    expect(late.seqs).toEqual([]);
  });

  test("is told once to who was told it while the store was opened again", async () => {
    const bench = new FeedBench();
    const readers = Array.from({ length: 100 }, () => bench.subscribe([], "latest"));
    bench.commit("a", "a");
    await bench.runTasks();
    bench.store.answer();
    await bench.runTasks(1);
    bench.open();
    await bench.settle();
    for (const { seqs } of readers) expect(seqs).toEqual([1, 2]);
  });
});

describe("a reader", () => {
  test("may come back with a position that no commit has told of yet", async () => {
    const bench = new FeedBench();
    const [reader, told] = [bench.subscribe([], "latest"), bench.append("a")];
    const toldLater = bench.append("a");
    told();
    await bench.settle();
    expect(reader.seqs).toEqual([1, 2]);
    expect(bench.feed.newest).toBe(2);
    const back = bench.subscribe([], reader.position);
    toldLater();
    bench.commit("a");
    await bench.settle();
    expect([reader.seqs, back.seqs]).toEqual([[1, 2, 3], [3]]);
  });

  test("is told numbers that are given again, should the store have lost what it was told", async () => {
    const bench = new FeedBench();
    const reader = bench.subscribe([], "latest");
    bench.commit("a", "a", "a");
    await bench.settle();
    bench.store.events.splice(1);
    bench.store.newest = 1;
    reader.seqs.length = 0;
    reader.position = 0;
    bench.open();
    bench.commit("b", "b");
    await bench.settle();
    expect(reader.seqs).toEqual([2, 3]);
  });
});

describe("a reader that is behind", () => {
  test("is told from the store frame by frame, and then live", async () => {
    const bench = new FeedBench();
    const count = 3 * FRAME_EVENTS_MAX + 10;
    bench.commit(...many(count));
    const reader = bench.subscribe([], 0);
    await bench.settle();
    expect(reader.seqs).toEqual(range(1, count));
    for (const text of reader.texts) expect(text.length).toBeLessThan(FRAME_TEXT_MAX * 1.1);
    bench.commit("a");
    await bench.settle();
    expect(reader.seqs.at(-1)).toBe(count + 1);
    expect(bench.feed.figures).toMatchObject({ readers: 1, catchingUp: 0, eventsTold: count + 1 });
  });

  test("and catches up while events keep coming stands with the live ones in the end", async () => {
    const bench = new FeedBench();
    bench.commit(...many(FRAME_EVENTS_MAX + 5));
    const reader = bench.subscribe(["a"], 0);
    for (let i = 0; i < 20; i++) {
      await bench.advance(3);
      // What is read is old by the time that it arrives.
      bench.store.answer();
      bench.commit("a", "b");
    }
    expect(bench.feed.figures.catchingUp).toBe(0);
    expect(bench.store.reads.filter(({ withParts }) => !withParts).length).toBeLessThan(5);
    await bench.settle();
    expect(reader.seqs).toHaveLength(FRAME_EVENTS_MAX + 25);
  });

  test("but not out of the ring gets what it missed in few frames and without a read", async () => {
    const bench = new FeedBench();
    const [slow] = [bench.subscribe([], "latest"), bench.subscribe([], "latest")];
    slow.reads = false;
    const rounds = 500;
    for (let i = 0; i < rounds; i++) {
      bench.commit(...many(10));
      await bench.settle();
    }
    const reads = bench.store.reads.length;
    expect(slow.texts).toHaveLength(1);
    slow.bufferedBytes = 0;
    slow.reads = true;
    await bench.settle();
    expect(slow.seqs).toEqual(range(1, rounds * 10));
    expect(slow.texts.length).toBe(1 + Math.ceil(((rounds - 1) * 10) / FRAME_EVENTS_MAX));
    expect(bench.store.reads).toHaveLength(reads);
  });

  test("by far waits for its turn: few pages are read at one time, and each gets one after the other", async () => {
    const bench = new FeedBench();
    bench.commit(...many(10 * FRAME_EVENTS_MAX));
    const readers = Array.from({ length: 5 }, () => bench.subscribe([], 0));
    for (let page = 0; page < 15; page++) {
      await bench.runTasks();
      expect(bench.store.asked).toHaveLength(PAGES_READ_MAX);
      bench.store.answer();
    }
    await bench.runTasks();
    expect(readers.map(({ seqs }) => seqs.length)).toEqual(Array(5).fill(3 * FRAME_EVENTS_MAX));
  });
});

describe("what is gone", () => {
  test("is told once, and what is gone since is told when it is met", async () => {
    const bench = new FeedBench();
    bench.commit(...many(3 * FRAME_EVENTS_MAX, "a"), "b");
    bench.store.prune("a", 2 * FRAME_EVENTS_MAX + 10);
    const reader = bench.subscribe([], 5);
    const other = bench.subscribe(["b"], 5);
    for (let i = 0; i < 2; i++) {
      await bench.runTasks();
      bench.store.answer();
    }
    await bench.runTasks();
    const first = { from: 6, to: 2 * FRAME_EVENTS_MAX + 10 };
    expect(reader.gaps).toEqual([first]);
    bench.commit("c", ...many(3 * FRAME_EVENTS_MAX, "a"), "c");
    bench.store.prune("a", 6 * FRAME_EVENTS_MAX);
    await bench.settle();
    expect(reader.gaps).toEqual([first, { from: 3 * FRAME_EVENTS_MAX + 2, to: 6 * FRAME_EVENTS_MAX }]);
    expect(other.gaps).toEqual([]);
    expect(other.seqs).toEqual([3 * FRAME_EVENTS_MAX + 1]);
  });

  test("concerns a live reader as well, and nobody who reads other topics", async () => {
    const bench = new FeedBench();
    const [all, b] = [bench.subscribe([], "latest"), bench.subscribe(["b"], "latest")];
    bench.commit("a", "b", "a", "b");
    bench.store.prune("a", 3);
    await bench.settle();
    expect([all.gaps, all.seqs]).toEqual([[{ from: 1, to: 3 }], [2, 4]]);
    expect([b.gaps, b.seqs]).toEqual([[], [2, 4]]);
    expect(bench.store.reads).toHaveLength(2);
  });
});

describe("whoever does not read", () => {
  test("is closed after a minute, and not before", async () => {
    const bench = new FeedBench();
    const reader = bench.subscribe([], "latest");
    reader.reads = false;
    bench.commit("a");
    await bench.settle();
    await bench.advance(STALL_MS_MAX - 1_000);
    expect(reader.isTooSlow).toBe(false);
    await bench.advance(3_000);
    expect(reader.isTooSlow).toBe(true);
    expect(bench.feed.figures).toMatchObject({ readers: 0, unreadBytes: 0 });
  });

  test("and reads a little now and then is closed as well, if much later", async () => {
    const bench = new FeedBench();
    const reader = bench.subscribe([], "latest");
    reader.reads = false;
    bench.commit(...many(1_000));
    await bench.settle();
    for (let i = 0; i < 59; i++) {
      await bench.advance(1_000);
      reader.bufferedBytes -= 10;
    }
    expect(reader.isTooSlow).toBe(false);
    for (let i = 0; i < 10; i++) {
      await bench.advance(1_000);
      reader.bufferedBytes -= 10;
    }
    expect(reader.isTooSlow).toBe(true);
  });

  test("makes others wait once the budget is used up, until it is closed; no event is lost", async () => {
    const bench = new FeedBench({ unreadBytesMax: 1_000 });
    const stalled = Array.from({ length: 30 }, () => bench.subscribe([], "latest"));
    const reader = bench.subscribe(["b"], "latest");
    for (const client of stalled) client.reads = false;
    bench.commit(...many(10));
    await bench.settle();
    expect(bench.feed.figures.unreadBytes).toBeGreaterThanOrEqual(1_000);
    expect(bench.feed.figures.unreadBytes).toBeLessThan(1_400);
    bench.commit("b");
    await bench.settle();
    expect(reader.seqs).toEqual([]);
    await bench.advance(stalled.length * CROWDED_STALL_MS_MAX);
    await bench.settle();
    expect(reader.seqs).toEqual([11]);
    expect(reader.isTooSlow).toBe(false);
    expect(stalled.some(({ isTooSlow }) => isTooSlow)).toBe(true);
  });
});

describe("when reading fails", () => {
  test("readers stay, and it is tried again after a while", async () => {
    const bench = new FeedBench();
    bench.commit("a");
    const readers = [bench.subscribe([], "latest"), bench.subscribe([], 0)];
    bench.commit("a");
    for (let i = 0; i < 3; i++) {
      await bench.advance(1_100);
      while (bench.store.asked.length > 0) bench.store.fail(new StorageFault("the disk reports an error"));
    }
    expect(bench.store.reads.length).toBeLessThanOrEqual(8);
    await bench.advance(1_100);
    await bench.settle();
    expect(readers.map(({ seqs }) => seqs)).toEqual([[2], [1, 2]]);
  });

  test("for good, those are closed who come to it, and the others go on", async () => {
    const bench = new FeedBench();
    bench.commit("a");
    const [far, live] = [bench.subscribe([], 0), bench.subscribe(["b"], "latest")];
    await bench.runTasks();
    bench.store.fail(new StorageFault(DAMAGED));
    await bench.settle();
    expect([far.fault, live.fault]).toEqual([DAMAGED, undefined]);
    bench.commit("b");
    await bench.runTasks();
    bench.store.fail(new StorageFault(DAMAGED));
    await bench.settle();
    expect(live.seqs).toEqual([2]);
    expect(bench.feed.figures.readers).toBe(1);
  });
});

test("before the store has been opened there is no position; what readers are told begins with it", async () => {
  const bench = new FeedBench({ isOpen: false });
  expect(bench.feed.newest).toBeUndefined();
  bench.commit("a");
  bench.open();
  expect(bench.feed.newest).toBe(1);
});

test("a reader that changes its topics goes on at the same place", async () => {
  const bench = new FeedBench();
  const reader = bench.subscribe(["a"], "latest");
  bench.commit("a", "b");
  await bench.settle();
  bench.subscribe(["b"], reader.position, reader);
  bench.commit("a", "b");
  await bench.settle();
  expect(reader.seqs).toEqual([1, 4]);
  expect(bench.feed.figures.readers).toBe(1);
  bench.feed.unsubscribe(reader);
  bench.feed.unsubscribe(new FeedClient());
  bench.commit("b");
  await bench.settle();
  expect(reader.seqs).toEqual([1, 4]);
});
