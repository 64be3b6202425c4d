/** The soak's verdicts: a node that is well passes them all, and each fault that a soak is for is found by its own. */

import { describe, expect, test } from "bun:test";
import {
  judgeCounts,
  judgeLeftovers,
  judgeReconnects,
  judgeRejected,
  judgeSamples,
  judgeStderr,
  judgeStop,
  type Sample,
  type Stats,
  type Verdict,
} from "../../bench/soak/verdicts.ts";

const MIB = 2 ** 20;
const SAMPLES = 120;
const PLAN = { seconds: 600, warmUpSeconds: 90 };

const WELL = {
  residentBytes: 300 * MIB,
  residentPeakBytes: 320 * MIB,
  anonymousBytes: 240 * MIB,
  threads: 20,
  handles: 80,
  sockets: 60,
  walBytes: 80 * MIB,
  databaseBytes: 0,
  loadAverage: 1,
  cpuCores: 1,
  indexBytes: 0,
  eventsPerSecond: 30_000,
  ack: { p50Ms: 5, p99Ms: 40, p999Ms: 60, maxMs: 80 },
  sentLateMsMax: 5,
  uniqueEvents: 0,
  subscribers: { open: 30, opened: 0, resumed: 0, frames: 0, closedAsTooSlow: 0, cut: 0, reads: 0 },
};

/** Samples of ten minutes, each as the function changes it; `share` goes from 0 to 1. */
function samplesOf(change: (share: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: SAMPLES }, (_, i) => ({
    ...WELL,
    atSeconds: (i + 1) * 5,
    ...change(i / SAMPLES),
  }));
}

function faultsIn(verdicts: readonly Verdict[]): string[] {
  return verdicts.filter(({ isGood }) => !isGood).map(({ name }) => name);
}

describe("of samples", () => {
  test("a node that stays as it is is well, also while its index grows", () => {
    expect(
      faultsIn(
        judgeSamples(
          samplesOf(() => ({})),
          PLAN,
        ),
      ),
    ).toEqual([]);
    const growing = samplesOf((share) => ({
      residentBytes: (300 + 400 * share) * MIB,
      indexBytes: 400 * share * MIB,
    }));
    expect(faultsIn(judgeSamples(growing, PLAN))).toEqual([]);
  });

  test.each<[fault: string, change: (share: number) => Partial<Sample>]>([
    ["memory is flat", (share) => ({ residentBytes: (300 + 120 * share) * MIB })],
    ["handles are flat", (share) => ({ handles: 80 + Math.floor(30 * share) })],
    ["the write-ahead log is bounded", (share) => ({ walBytes: share > 0.98 ? 300 * MIB : 80 * MIB })],
    [
      "ack p50 is flat",
      (share) => ({ ack: { p50Ms: share > 0.5 ? 35 : 5, p99Ms: 80, p999Ms: 80, maxMs: 80 } }),
    ],
    [
      "ack p99 is flat",
      (share) => ({ ack: { p50Ms: 5, p99Ms: share > 0.5 ? 110 : 40, p999Ms: 110, maxMs: 110 } }),
    ],
    [
      "acknowledgements never stop",
      (share) => (share > 0.5 && share < 0.51 ? { ack: undefined, eventsPerSecond: 0 } : {}),
    ],
  ])("not so: %s", (fault, change) => {
    expect(faultsIn(judgeSamples(samplesOf(change), PLAN))).toEqual([fault]);
  });

  test("garbage that is collected late is no leak", () => {
    const sawtooth = samplesOf((share) => ({ residentBytes: (300 + 300 * ((share * 5) % 1)) * MIB }));
    expect(faultsIn(judgeSamples(sawtooth, PLAN))).toEqual([]);
  });

  test("what happens while it warms up is not judged, and a run too short for a trend neither", () => {
    const early = samplesOf((share) => (share < 0.1 ? { walBytes: 1_000 * MIB, ack: undefined } : {}));
    expect(faultsIn(judgeSamples(early, PLAN))).toEqual([]);
    expect(
      judgeSamples(
        samplesOf(() => ({})),
        { seconds: 30, warmUpSeconds: 10 },
      ),
    ).toEqual([]);
  });

  test("a soak in which nobody resumed, or nobody was closed for not reading, has not tried it", () => {
    const subscribers = { ...WELL.subscribers, opened: 9, resumed: 5, closedAsTooSlow: 1 };
    const judge = (change: Partial<Sample["subscribers"]>, seconds: number): boolean => {
      const samples = samplesOf(() => ({ subscribers: { ...subscribers, ...change } }));
      return judgeReconnects(samples, { seconds }).isGood;
    };
    expect(judge({}, 600)).toBe(true);
    expect(judge({ resumed: 0 }, 600)).toBe(false);
    expect(judge({ closedAsTooSlow: 0 }, 600)).toBe(false);
    expect(judge({ closedAsTooSlow: 0, cut: 1 }, 600)).toBe(true);
    expect(judge({ closedAsTooSlow: 0 }, 30)).toBe(true);
  });

  test("no samples are no proof", () => {
    expect(faultsIn(judgeSamples([], PLAN))).toContain("acknowledgements never stop");
  });
});

describe("of counts", () => {
  const COUNTERS = { received: 10, unique_processed: 8, duplicate_dropped: 2, conflicts: 1 };
  const STATS: Stats = { ...COUNTERS, epoch: "e", rejected: 3, topics: { a: COUNTERS } };
  const PUBLISHED = { expected: { a: COUNTERS }, acknowledged: COUNTERS, rejected: 3, sentAgain: 0 };
  const OFF = { ...COUNTERS, received: 11, unique_processed: 9 };

  test("what was sent, acknowledged and counted is one", () => {
    expect(judgeCounts("exact", STATS, PUBLISHED).isGood).toBe(true);
    expect(judgeRejected(STATS, PUBLISHED).isGood).toBe(true);
  });

  test.each<[what: string, stats: Stats, published: typeof PUBLISHED]>([
    ["the node counted", { ...STATS, ...OFF }, PUBLISHED],
    ["the node counted in a topic", { ...STATS, topics: { a: OFF } }, PUBLISHED],
    ["the node counted in a topic of its own", { ...STATS, topics: { a: COUNTERS, b: OFF } }, PUBLISHED],
    ["it acknowledged", STATS, { ...PUBLISHED, acknowledged: OFF }],
    ["was sent", STATS, { ...PUBLISHED, expected: { a: OFF } }],
  ])("off by one in what %s is found", (_, stats, published) => {
    expect(judgeCounts("exact", stats, published).isGood).toBe(false);
  });

  test("off by one in what was refused is found", () => {
    expect(judgeRejected({ ...STATS, rejected: 2 }, PUBLISHED).isGood).toBe(false);
  });
});

describe("of the end", () => {
  const STATE = { ...WELL, handles: 21, sockets: 3, cpuSeconds: 1 };

  test("one socket that is left over is found, and so are some handles", () => {
    expect(judgeLeftovers(STATE, STATE).isGood).toBe(true);
    expect(judgeLeftovers(STATE, { ...STATE, sockets: 4 }).isGood).toBe(false);
    expect(judgeLeftovers(STATE, { ...STATE, handles: 30 }).isGood).toBe(false);
  });

  test("a stop is in order when it takes 10 s at most, ends with 0 and closes every socket with 1012", () => {
    const stop = { ms: 900, exitCode: 0, codes: [1012, 1012] };
    expect(judgeStop(stop).isGood).toBe(true);
    expect(judgeStop({ ...stop, ms: 10_001 }).isGood).toBe(false);
    expect(judgeStop({ ...stop, exitCode: 1 }).isGood).toBe(false);
    expect(judgeStop({ ...stop, exitCode: undefined }).isGood).toBe(false);
    expect(judgeStop({ ...stop, codes: [1012, 1006] }).isGood).toBe(false);
  });

  test("a word on stderr is found", () => {
    expect(judgeStderr("\n").isGood).toBe(true);
    expect(judgeStderr("MaxListenersExceededWarning: …").isGood).toBe(false);
  });
});
