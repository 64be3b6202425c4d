/** Readers that fell behind stand at many positions: what each is told is made once for all who stand there. */

import { afterEach, beforeEach, expect, type Mock, spyOn, test } from "bun:test";
import { DeltaLog } from "../../../src/live/delta-log.ts";
import { DELTA_TEXT_KEPT_MAX } from "../../../src/live/stats-group.ts";
import { HubBench, type Reader } from "./hub-bench.ts";

const POSITIONS = 20;

let bench: HubBench;
let sums: Mock<DeltaLog["sum"]>;
beforeEach(() => {
  bench = new HubBench();
  sums = spyOn(DeltaLog.prototype, "sum");
});
afterEach(() => sums.mockRestore());

/** Readers one after the other at each of the positions, and that as often as asked for, with everything read. */
function readersBehind(rounds: number, topic: string): Reader[] {
  const readers = Array.from({ length: rounds * POSITIONS }, () => bench.subscribe());
  for (let position = 0; position < POSITIONS; position++) {
    readers.forEach((reader, i) => {
      if (i % POSITIONS < position) reader.bufferedBytes = 1;
    });
    bench.commit(topic);
    bench.advance(100);
  }
  for (const reader of readers) reader.bufferedBytes = 0;
  bench.commit(topic);
  sums.mockClear();
  return readers;
}

test("each position is summed once a tick, however many there are and in whatever order they come", () => {
  const readers = readersBehind(5, "a");
  bench.advance(100);
  expect(new Set(readers.map(({ frames }) => frames.at(-1)!.from)).size).toBe(POSITIONS);
  expect(sums).toHaveBeenCalledTimes(POSITIONS);
  for (const reader of readers) bench.expectUpToDate(reader);
});

test("long texts are not all kept at a time: some are made again, and say the same", () => {
  const readers = readersBehind(2, "a".repeat(Math.ceil((2 * DELTA_TEXT_KEPT_MAX) / POSITIONS)));
  bench.advance(100);
  expect(sums.mock.calls.length).toBeGreaterThan(POSITIONS);
  for (const reader of readers) bench.expectUpToDate(reader);
});

test("whoever was told the same, but knows more of what followed, is told the same", () => {
  const early = bench.subscribe({ patterns: ["a"] });
  bench.commit("b");
  bench.advance(100);
  const behind = bench.subscribe({ patterns: ["a"] });
  behind.bufferedBytes = 1;
  bench.commit("b");
  bench.advance(100);
  behind.bufferedBytes = 0;
  bench.commit("a", "b");
  bench.advance(100);
  expect(early.frames.at(-1)).toMatchObject({ type: "delta", from: 0, revision: 3, received: 1 });
  expect(behind.frames.at(-1)).toMatchObject({ type: "delta", from: 1, revision: 3, received: 1 });
});
