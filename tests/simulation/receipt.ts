/** What a run of the simulator says at its end: how much it tried, and whether anything was found. */

import type { HistoryViolation } from "./history.ts";
import { commandFor, type Shrunk } from "./shrink.ts";
import type { Tally } from "./tally.ts";

export interface Failure {
  readonly seed: number;
  readonly violation: string;
  readonly steps: number;
  readonly shortest: readonly string[];
  readonly shortest_violation: string;
  readonly command: string;
}

export interface Run {
  readonly seed: number;
  readonly workers: number;
  readonly seconds: number;
  readonly failure: Failure | undefined;
}

export function failureOf(found: HistoryViolation, { steps, violation }: Shrunk): Failure {
  return {
    seed: found.seed,
    violation: found.violation.message,
    steps: found.played.length,
    shortest: steps.map(({ name }) => name),
    shortest_violation: violation.violation.message,
    command: commandFor(found.seed, steps),
  };
}

export function receiptOf({ seed, workers, seconds, failure }: Run, tally: Tally): object {
  const counts = tally.sorted();
  const histories = tally.sum("histories");
  return {
    first_seed: seed,
    workers,
    histories,
    seconds: Math.round(seconds),
    histories_per_minute: Math.round((histories / seconds) * 60),
    steps: tally.sum("steps"),
    publishes: tally.sum("publishes"),
    commits: counts.commits?.stored ?? 0,
    faults_injected: tally.sum("faults"),
    crashes: tally.sum("crashes") - (counts.crashes?.[RESTART] ?? 0),
    restarts: counts.crashes?.[RESTART] ?? 0,
    deltas_compared: counts.statistics?.["deltas compared"] ?? 0,
    snapshots_compared: counts.statistics?.["snapshots compared"] ?? 0,
    pages_compared: counts.reads?.pages ?? 0,
    checks: tally.sum("checks"),
    failure: failure ?? null,
    counts,
  };
}

/** The one way down that is not a crash. */
export const RESTART = "none: a restart";
