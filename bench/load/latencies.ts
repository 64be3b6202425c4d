/** Every latency of a run, kept one by one, so that the percentiles are exact. */

import { median } from "../statistics.ts";

export interface LatencySummary {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Few, so that a few latencies take a few bytes. */
const CAPACITY_START = 1_024;

export class Latencies {
  #values = new Float64Array(CAPACITY_START);
  #count = 0;

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  /** Each percentile is the smallest latency that so large a share does not exceed. */
  summary(): LatencySummary {
    const sorted = this.#values.slice(0, this.#count).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
  }
}

/** Of each figure the median. */
export function medianSummary(rounds: readonly LatencySummary[]): LatencySummary {
  const of = (figure: (round: LatencySummary) => number): number => median(rounds.map(figure));
  return {
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    p999Ms: of(({ p999Ms }) => p999Ms),
    maxMs: of(({ maxMs }) => maxMs),
  };
}
