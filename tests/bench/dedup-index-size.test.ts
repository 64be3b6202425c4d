/** The soak takes off what the dedup index takes: its model agrees with the index as it is. */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { dedupIndexBytes } from "../../bench/soak/dedup-index-size.ts";
import { DedupIndex } from "../../src/storage/sqlite/dedup-index.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** Half of the shards have doubled, most have, all have. Fewer events lie in the heap, where they can't be told apart. */
const EVENTS = [367_001, 380_000, 1_000_000] as const;

const DIFFERENCE_MAX = 0.05;

/** Of the tests before: collected in the middle of a measurement, one would be taken off the next. */
const kept: DedupIndex[] = [];

test.each(EVENTS)("with %d events it is as large as is reckoned", (events) => {
  const random = new SeededRandom(1);
  const before = arrayBytes();
  const index = new DedupIndex(0);
  kept.push(index);
  for (let seq = 1; seq <= events; seq++) index.insert(random.below(2 ** 32), random.below(2 ** 32), seq);
  const ratio = (arrayBytes() - before) / dedupIndexBytes(events);
  expect(index.size).toBe(events);
  expect(ratio).toBeWithin(1 - DIFFERENCE_MAX, 1 + DIFFERENCE_MAX);
});

/** Of all arrays that are still in use. */
function arrayBytes(): number {
  Bun.gc(true);
  return heapStats().extraMemorySize;
}
