/**
 * When what was committed reached each subscriber. Frames carry increments, so the events that a frame tells are those
 * from the sum before it to the sum after it; the moment of their commits is known by their place in the same count.
 */

import { Histogram, STEP_MS } from "./histogram.ts";
import type { LatencySummary } from "./latencies.ts";

/** One frame, told to many. */
export interface ToldFrame {
  readonly from: number;
  readonly revision: number;
  /** Events counted before it, and with it. */
  readonly receivedFrom: number;
  readonly receivedTo: number;
  readonly firstAtMs: number;
  /** Sockets that got it, by steps of `STEP_MS` after the first. */
  readonly counts: readonly number[];
}

/** Of `received` events the last were committed at `atMs`; in order of both. */
export type Commit = readonly [received: number, atMs: number];

export interface Delivery {
  /** From the commit to each subscriber, for each commit: waiting for the interval included. */
  readonly latency: LatencySummary;
  /** From the first subscriber that got a frame to each. */
  readonly spread: LatencySummary;
  /** Frames that a subscriber got, on average. */
  readonly ticks: number;
}

/** Of what was committed from `fromMs` until `toMs`. */
export function summariseDelivery(
  frames: readonly ToldFrame[],
  commits: readonly Commit[],
  { fromMs, toMs, subscribers }: { fromMs: number; toMs: number; subscribers: number },
): Delivery {
  const latencies = new Histogram();
  const spread = new Histogram();
  let told = 0;
  for (const frame of frames) {
    for (const [, atMs] of commitsIn(frame, commits)) {
      if (atMs < fromMs || atMs >= toMs) continue;
      addAll(latencies, frame.counts, frame.firstAtMs - atMs);
    }
    if (frame.firstAtMs < fromMs || frame.firstAtMs >= toMs) continue;
    addAll(spread, frame.counts, 0);
    told += frame.counts.reduce((sum, count) => sum + count, 0);
  }
  return { latency: latencies.summary(), spread: spread.summary(), ticks: told / subscribers };
}

function addAll(histogram: Histogram, counts: readonly number[], afterMs: number): void {
  for (const [step, count] of counts.entries()) {
    if (count > 0) histogram.add(afterMs + step * STEP_MS, count);
  }
}

/** Those whose last event is told by the frame. */
function commitsIn({ receivedFrom, receivedTo }: ToldFrame, commits: readonly Commit[]): readonly Commit[] {
  return commits.slice(firstBeyond(commits, receivedFrom), firstBeyond(commits, receivedTo));
}

function firstBeyond(commits: readonly Commit[], received: number): number {
  let low = 0;
  let high = commits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (commits[middle]![0] > received) high = middle;
    else low = middle + 1;
  }
  return low;
}
