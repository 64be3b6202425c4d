/** A tick tells everybody, in turns: each is short, all together leave the processor to others, nobody is told too little. */

import { beforeEach, expect, spyOn, test } from "bun:test";
import { DeltaLog } from "../../../src/live/delta-log.ts";
import { SOCKETS_PER_TURN_MAX } from "../../../src/live/stats-hub.ts";
import { HubBench } from "./hub-bench.ts";

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

test("a group is told in every turn what is known by then, once that is a while since the tick began", () => {
  const readers = Array.from({ length: 2 * SOCKETS_PER_TURN_MAX }, () => bench.subscribe());
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  bench.commit("a");
  bench.now += 50;
  bench.runTasks();
  const revisions = readers.map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.map((_, i) => (i < SOCKETS_PER_TURN_MAX ? 1 : 2)));
  bench.advance(100);
  for (const reader of readers) bench.expectUpToDate(reader);
});

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

test("somebody who joins in the middle of a tick knows more than it tells, and is told only what comes after", () => {
  for (let i = 0; i < 3 * SOCKETS_PER_TURN_MAX; i++) bench.subscribe();
  bench.commit("a");
  bench.advance(100);
  bench.commit("a");
  bench.advance(100, { turns: 0 });
  expect(bench.tasks).toHaveLength(1);
  bench.commit("a");
  const newcomer = bench.subscribe();
  bench.runTasks();
  expect(newcomer.kinds).toEqual(["snapshot"]);
  bench.commit("a");
  bench.advance(100);
  expect(newcomer.frames.at(-1)).toMatchObject({ type: "delta", from: 3, revision: 4, received: 1 });
});
