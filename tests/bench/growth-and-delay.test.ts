/** The benches of growth, arrival rates and slow disks, as small as they go: they run to their end, and count exactly. */

import { expect, setDefaultTimeout, test } from "bun:test";
import type { BenchOptions } from "../../bench/bench.ts";
import { growth } from "../../bench/growth/growth.ts";
import { openLoop } from "../../bench/open-loop/open-loop.ts";
import { slowDisk } from "../../bench/slow-disk/slow-disk.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { lacksSystemFaults } from "../support/system-faults.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const OPTIONS: BenchOptions = {
  seconds: 0.2,
  warmUpSeconds: 0.1,
  isFull: false,
  mayInstall: false,
  events: 8_000,
};

/** Long enough that something is acknowledged meanwhile, also on a machine that has other things to do. */
const SLOW_OPTIONS: BenchOptions = { seconds: 0.5, warmUpSeconds: 0.1, isFull: false, mayInstall: false };

const silently = (): void => {};

test("growth: a row a step with its sizes, and three restarts with all of it", async () => {
  const rows = await growth.run(OPTIONS, silently);
  const steps = rows.flatMap(({ step }) => step ?? []);
  expect(steps.map(({ events }) => events)).toEqual([2_000, 4_000, 6_000, 8_000]);
  for (const { worstGapMs, ack, eventsPerSecond } of steps) {
    expect(worstGapMs).toBeWithin(0.01, 10_000);
    expect(ack.maxMs).toBeWithin(0.01, 10_000);
    expect(eventsPerSecond).toBePositive();
  }
  const restarts = rows.flatMap(({ restart }) => restart ?? []);
  expect(restarts).toHaveLength(3);
  for (const { healthyAfterMs } of restarts) expect(healthyAfterMs).toBePositive();
  for (const { databaseBytes, residentBytes } of rows) {
    expect(databaseBytes).toBePositive();
    expect(residentBytes).toBePositive();
  }
  expect(growth.charts!(rows).map(({ name }) => name)).toEqual(["growth-throughput", "growth-memory"]);
});

test("open-loop: at each rate what was offered was taken, and a latency is never less than the client was late", async () => {
  const rows = await openLoop.run(OPTIONS, silently);
  expect(rows).toHaveLength(6);
  for (const { ack, late, refusals } of rows) {
    expect(ack.p50Ms).toBeGreaterThan(late.p50Ms);
    expect(ack.p999Ms).toBeWithin(ack.p99Ms, ack.maxMs + 1);
    expect(refusals).toEqual({});
  }
  // Far from saturation everything is taken at the rate at which it comes.
  expect(rows[0]!.eventsPerSecond / rows[0]!.offeredEventsPerSecond).toBeWithin(0.5, 1.5);
});

test.skipIf(lacksSystemFaults())(
  "slow-disk: acknowledgements wait for the syncs, health does not",
  async () => {
    const rows = await slowDisk.run(SLOW_OPTIONS, silently);
    expect(rows).toHaveLength(5);
    expect(rows[3]!.ack.p50Ms).toBeGreaterThan(20);
    expect(rows[4]!.ack.maxMs).toBeGreaterThan(SLOW_OPTIONS.seconds * 1_000);
    for (const { healthStates, deltas } of rows) {
      expect(Object.keys(healthStates)).toEqual(["200 ready"]);
      expect(deltas).toBePositive();
    }
  },
);
