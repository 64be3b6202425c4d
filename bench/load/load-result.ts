/** What every load on a publish route takes and gives, whichever client makes it. */

import { cpuSecondsOf, type ProcessUsage, residentBytesOf, usageBetween, usageOf } from "../process-usage.ts";
import type { DuplicateMix } from "./event-numbers.ts";
import { type EventShape, SMALL_EVENTS } from "./event-text.ts";
import type { LatencySummary } from "./latencies.ts";

export interface EventMix {
  readonly shape: EventShape;
  readonly duplicates: DuplicateMix;
  /** Of new events; those below it have been sent and acknowledged. */
  readonly firstNumber: number;
}

/** Small events on 8 topics, every fifth one of the latest again. */
export const MIX_DEFAULT: EventMix = {
  shape: SMALL_EVENTS,
  duplicates: { percent: 20, oldEvents: 0 },
  firstNumber: 0,
};

/** The same, each event once. */
export const MIX_ALL_NEW: EventMix = { ...MIX_DEFAULT, duplicates: { percent: 0, oldEvents: 0 } };

export interface LoadResult extends ServerUsage {
  /** From first to last, warm-up included. */
  readonly sent: SentEvents;
  /** What was acknowledged while it was measured. */
  readonly events: number;
  readonly seconds: number;
  readonly ack: LatencySummary;
  readonly loadCpuSeconds: number;
}

export interface SentEvents {
  /** Acknowledged. */
  readonly received: number;
  /** New ones among them; where answers were not awaited, among all that were made. */
  readonly unique: number;
  /** Events beyond these that may have been taken: sent, but their answer was not awaited. */
  readonly unansweredMax: number;
}

/** Of the time that was measured. */
export interface ServerUsage {
  readonly serverCpuSeconds: number;
  readonly serverThreadCpuSeconds: ProcessUsage["threadCpuSeconds"];
  /** At the end of it. */
  readonly serverResidentBytes: number;
}

/** Begins an account of what a server uses. @returns a function that ends it. */
export function startAccount(serverPid: number): () => ServerUsage {
  const before = usageOf(serverPid);
  return () => {
    const { cpuSeconds, threadCpuSeconds } = usageBetween(before, usageOf(serverPid));
    return {
      serverCpuSeconds: cpuSeconds,
      serverThreadCpuSeconds: threadCpuSeconds,
      serverResidentBytes: residentBytesOf(serverPid),
    };
  };
}

/** The same of the process that asks. */
export function startOwnAccount(): () => number {
  const before = cpuSecondsOf(process.pid);
  return () => cpuSecondsOf(process.pid) - before;
}
