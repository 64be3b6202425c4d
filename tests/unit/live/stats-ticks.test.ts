/** A tick tells everybody, in turns: each is short, all together leave the processor to others, nobody is told too little. */

import { beforeEach, expect, spyOn, test } from "bun:test";
import { DeltaLog } from "../../../src/live/delta-log.ts";
import { SOCKETS_PER_TURN_MAX } from "../../../src/live/stats-hub.ts";
import { HubBench, type Reader } from "./hub-bench.ts";

let bench: HubBench;
beforeEach(() => {
  bench = new HubBench();
});

test("a group that stands at one revision is told one text, made once", () => {
  const readers = Array.from({ length: 100 }, () => bench.subscribe());
  const sums = spyOn(DeltaLog.prototype, "sum");
  bench.commit("a");
  bench.advance(100);
  expect(sums).toHaveBeenCalledTimes(1);
  sums.mockRestore();
  for (const reader of readers) expect(reader.kinds).toEqual(["snapshot", "delta"]);
});

test("a group does not hold the thread for 10,000 sockets: it is worked on in turns, and a tick waits for the last", () => {
  const readers = Array.from({ length: 10_000 }, () => bench.subscribe());
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  const told = (): number => readers.filter(({ frames }) => frames.length > 1).length;
  expect(told()).toBe(SOCKETS_PER_TURN_MAX);
  bench.advance(100, { turns: 0 });
  expect(bench.tasks).toHaveLength(1);
  let turns = 1;
  for (; told() < readers.length; turns++) {
    const before = told();
    bench.runTasks(1);
    expect(told() - before).toBeLessThanOrEqual(SOCKETS_PER_TURN_MAX);
  }
  expect(turns).toBe(Math.ceil(readers.length / SOCKETS_PER_TURN_MAX));
  bench.runTasks();
  bench.commit("a");
  bench.advance(100);
  for (const reader of readers) bench.expectUpToDate(reader);
});

test("nobody is sent anything: one turn is enough for 10,000 sockets", () => {
  for (let i = 0; i < 10_000; i++) bench.subscribe();
  bench.advance(100, { turns: 0 });
  expect(bench.tasks).toEqual([]);
});

test.each([
  [99, 1],
  [100, 2],
])(
  "a turn %i ms after the tick began tells revision %i, which is a newer one after an interval",
  (ms, told) => {
    const readers = Array.from({ length: 2 * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
    bench.commit("a");
    bench.advance(100, { turns: 0 });
    bench.commit("a");
    bench.now += ms;
    bench.runTasks();
    const revisions = readers.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.map((_, i) => (i < SOCKETS_PER_TURN_MAX ? 1 : told)));
    bench.advance(100);
    for (const reader of readers) bench.expectUpToDate(reader);
  },
);

test.each([2, 5, 6, 7, 40])(
  "ticks of %i turns, 25 ms each, make no more than one boundary of the log an interval",
  (turns) => {
    const readers = Array.from({ length: turns * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
    const endMs = 6_000;
    while (bench.now < endMs) {
      bench.commit("a");
      bench.advance(25, { turns: 0 });
      bench.runTasks(1);
    }
    const told = new Set(readers.flatMap(({ frames }) => frames.map(({ revision }) => revision)));
    // One is that of the snapshots.
    expect(told.size).toBeLessThanOrEqual(1 + endMs / 100);
    expect(told.size).toBeGreaterThan(endMs / 100 / 2);
  },
);

test("a group whose telling takes longer than the interval is told again as soon as it is over, and only once", () => {
  const readers = Array.from({ length: 2 * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  bench.advance(300, { turns: 0 });
  bench.commit("a");
  bench.runTasks();
  for (const reader of readers) bench.expectUpToDate(reader);
  expect(bench.tasks).toEqual([]);
  bench.commit("a");
  bench.advance(99);
  for (const reader of readers) expect(reader.totals.received).toBe(2);
  bench.advance(1);
  for (const reader of readers) bench.expectUpToDate(reader);
});

test("a turn ends with the first socket that makes it long, however few there were", () => {
  const readers = Array.from({ length: 10 }, () => bench.subscribe());
  for (const reader of readers) {
    const send = reader.send.bind(reader);
    reader.send = (text) => {
      bench.now += 4;
      send(text);
    };
  }
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  for (let told = 1; told <= readers.length; told++) {
    expect(readers.filter(({ frames }) => frames.length > 1)).toHaveLength(told);
    bench.runTasks(1);
  }
  expect(bench.tasks).toEqual([]);
});

test.each([
  ["that is being told", []],
  ["that is still to be told", ["a*"]],
])(
  "who joins a group %s knows more than the tick tells, and is told only what comes after",
  (_, patterns) => {
    for (let i = 0; i < 3 * SOCKETS_PER_TURN_MAX; i++) bench.subscribe();
    bench.subscribe({ patterns: ["a*"] });
    bench.commit("a");
    bench.advance(100);
    bench.commit("a");
    bench.advance(100, { turns: 0 });
    expect(bench.tasks).toHaveLength(1);
    bench.commit("a");
    const newcomer = bench.subscribe({ patterns });
    bench.runTasks();
    expect(newcomer.kinds).toEqual(["snapshot"]);
    bench.commit("a");
    bench.advance(100);
    expect(newcomer.frames.at(-1)).toMatchObject({ type: "delta", from: 3, revision: 4, received: 1 });
  },
);

test("a tick that begins late, as the last one took so long, is followed by the next an interval later", () => {
  const readers = Array.from({ length: 2 * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  bench.commit("a");
  bench.advance(150, { turns: 0 });
  bench.runTasks();
  for (const reader of readers) bench.expectUpToDate(reader);
  bench.commit("a");
  bench.advance(99);
  for (const reader of readers) expect(reader.totals.received).toBe(2);
  bench.advance(1);
  for (const reader of readers) bench.expectUpToDate(reader);
});

test("a tick that is to begin late has nobody left to tell: no clock ticks for them", () => {
  const readers = Array.from({ length: 2 * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  bench.advance(100, { turns: 1 });
  expect(bench.tasks).toHaveLength(1);
  for (const reader of readers) bench.hub.unsubscribe(reader);
  bench.runTasks();
  expect(bench.tickers.size).toBe(0);
});

test("a tick that begins late in a new epoch tells nothing of the one before", () => {
  for (let i = 0; i < 2 * SOCKETS_PER_TURN_MAX; i++) bench.subscribe();
  for (let i = 0; i < 5; i++) bench.commit("a");
  bench.advance(100, { turns: 0 });
  bench.advance(100, { turns: 1 });
  expect(bench.tasks).toHaveLength(1);
  bench.open();
  bench.commit("b");
  const newcomer = bench.subscribe();
  bench.commit("b");
  bench.runTasks();
  expect(newcomer.frames.map(({ type, epoch, revision }) => [type, epoch, revision])).toEqual([
    ["snapshot", "epoch-2", 1],
    ["delta", "epoch-2", 2],
  ]);
  for (const reader of bench.readers) bench.expectUpToDate(reader);
});

test("a tick ends, however many subscribe anew while it is under way", () => {
  const readers = Array.from({ length: 5 }, () => bench.subscribe());
  const seen: Reader[] = [];
  for (const reader of readers) {
    // Looking at one takes so long that it makes a turn.
    Object.defineProperty(reader, "bufferedBytes", {
      get: () => {
        seen.push(reader);
        bench.now += 1;
        return 0;
      },
    });
  }
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  for (let turn = 0; turn < 20 && bench.tasks.length > 0; turn++) {
    for (const reader of seen.splice(0)) bench.subscribe({}, reader);
    seen.length = 0;
    bench.runTasks(1);
  }
  expect(bench.tasks).toEqual([]);
});

test("an error in the middle of a tick is not hidden, and the next tick tells everybody", () => {
  const readers = Array.from({ length: 3 }, () => bench.subscribe());
  const broken = readers[1]!;
  const send = broken.send.bind(broken);
  broken.send = () => {
    broken.send = send;
    throw new Error("broken socket");
  };
  bench.commit("a");
  expect(() => bench.advance(100)).toThrow("broken socket");
  bench.advance(100);
  for (const reader of readers) bench.expectUpToDate(reader);
});
