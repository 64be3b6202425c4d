/** A thread that plays one history after the other and says how far it is. */

import { HistoryViolation, runHistory } from "./history.ts";
import { type Failure, failureOf } from "./receipt.ts";
import { shrink } from "./shrink.ts";
import { type Counts, tally } from "./tally.ts";

declare const self: Worker;

export interface WorkerStart {
  readonly firstSeed: number;
  /** To the next seed of this thread: the others play those in between. */
  readonly stride: number;
  readonly histories: number;
  readonly seconds: number;
  /** Shared by all threads: 1 asks them to end. */
  readonly stop: Int32Array;
}

export interface WorkerReport {
  readonly counts: Counts;
  readonly failure: Failure | undefined;
  readonly isDone: boolean;
}

const REPORT_MS = 500;

function start({ firstSeed, stride, histories, seconds, stop }: WorkerStart): void {
  const deadline = performance.now() + seconds * 1_000;
  let reportedAt = performance.now();
  const mayGoOn = (): boolean => performance.now() < deadline && Atomics.load(stop, 0) === 0;
  for (let i = 0; i < histories && mayGoOn(); i++) {
    const failure = play(firstSeed + i * stride);
    if (failure !== undefined) {
      report(failure, true);
      return;
    }
    if (performance.now() - reportedAt < REPORT_MS) continue;
    report(undefined, false);
    reportedAt = performance.now();
  }
  report(undefined, true);
}

function play(seed: number): Failure | undefined {
  try {
    runHistory(seed);
    return undefined;
  } catch (error) {
    if (!(error instanceof HistoryViolation)) throw error;
    return failureOf(error, shrink(error, runHistory));
  }
}

function report(failure: Failure | undefined, isDone: boolean): void {
  self.postMessage({ counts: tally.take(), failure, isDone } satisfies WorkerReport);
}

self.onmessage = ({ data }: MessageEvent<WorkerStart>) => start(data);
