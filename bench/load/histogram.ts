/** Latencies by the million, counted in steps instead of kept: for what is only ever asked in percentiles. */

import type { LatencySummary } from "./latencies.ts";

/** How exact a percentile is. */
export const STEP_MS = 0.25;

/** Whatever exceeds it counts as this much. */
const LATENCY_MS_MAX = 60_000;

export class Histogram {
  readonly #counts: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The counts by step, trailing zeros left out: small enough to be told to another process. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** Below zero counts as zero. */
  add(ms: number, count = 1): void {
    const step = stepOf(ms);
    while (this.#counts.length <= step) this.#counts.push(0);
    this.#counts[step]! += count;
    this.#count += count;
  }

  /** The upper end of the step that a percentile falls into. */
  summary(): LatencySummary {
    return { p50Ms: this.#percentile(0.5), p99Ms: this.#percentile(0.99), maxMs: this.#percentile(1) };
  }

  #percentile(share: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.ceil(share * this.#count);
    let seen = 0;
    const step = this.#counts.findIndex((count) => (seen += count) >= rank);
    return (step + 1) * STEP_MS;
  }
}

function stepOf(ms: number): number {
  return Math.floor(Math.min(Math.max(ms, 0), LATENCY_MS_MAX) / STEP_MS);
}
