/**
 * What the dedup index of so many events takes in memory. It grows by design, so a soak takes it off before it judges
 * whether anything else does. Modelled on `src/storage/sqlite/dedup-index.ts`; a test compares the two.
 */

const SHARDS = 1_024;
const SHARD_CAPACITY_MIN = 16;
const SLOT_BYTES = 12;
const LOAD_MAX = 0.7;

/**
 * A shard doubles when it is full. Fingerprints fall evenly, so all shards do so at about the same time: the number in
 * one is spread by the square root of their mean.
 */
export function dedupIndexBytes(events: number): number {
  const mean = events / SHARDS;
  let shardSlots = SHARD_CAPACITY_MIN;
  for (let capacity = SHARD_CAPACITY_MIN; capacity * LOAD_MAX < mean * 2; capacity *= 2) {
    shardSlots += capacity * normalShareBelow((mean - capacity * LOAD_MAX) / Math.sqrt(mean));
  }
  return shardSlots * SHARDS * SLOT_BYTES;
}

/** The normal distribution's cumulative function, within 0.01: a logistic curve (Bowling et al., 2009). */
function normalShareBelow(deviations: number): number {
  return 1 / (1 + Math.exp(-1.702 * deviations));
}
