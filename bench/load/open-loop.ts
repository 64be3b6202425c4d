/** An open loop as a bench sees it: what it asks of the process that publishes, and what it hears from it. */

import { join } from "node:path";
import { runLoad } from "../load-process.ts";
import type { ServerProcess } from "../server-process.ts";
import { publishChannelUrl } from "./channel.ts";
import type { Commit } from "./delivery.ts";
import type { LatencySummary } from "./latencies.ts";
import type { EventMix, SentEvents } from "./load-result.ts";

export interface OpenLoopOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly eventsPerSecond: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly mix: EventMix;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Whether the moment of each acknowledgement is to be told. */
  readonly wantsCommits?: boolean;
}

export interface OpenLoopResult {
  /** What was acknowledged, warm-up included; with refused frames the load has to be all new. */
  readonly sent: SentEvents;
  /** Of the frames that were due while it was measured, from then to their acknowledgement. */
  readonly ack: LatencySummary;
  /** The same to when the frame was handed to its connection: what of the latency is the client's own. */
  readonly late: LatencySummary;
  /** Acknowledged while it was measured, whenever it was due. */
  readonly eventsPerSecond: number;
  /** Refused frames by status and code, warm-up included. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Seconds after the last frame was due until all were answered. */
  readonly drainSeconds: number;
  /** While it was measured, from and to milliseconds since 1970. */
  readonly serverCpuSeconds: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** One for each acknowledged frame, in the order of their acknowledgements, where they were asked for. */
  readonly commits: readonly Commit[];
}

const LOAD = [process.execPath, join(import.meta.dir, "open-loop-load.ts")];

export function runOpenLoop(
  { url, pid }: ServerProcess,
  load: Omit<OpenLoopOptions, "url" | "serverPid">,
): Promise<OpenLoopResult> {
  const options: OpenLoopOptions = { url: publishChannelUrl(url), serverPid: pid, ...load };
  return runLoad<OpenLoopResult>(LOAD, options);
}

/** @throws Error for frames that were refused: then the rate was not what it is said to be. */
export function expectNoneRefused({ refusals }: OpenLoopResult): void {
  const refused = Object.entries(refusals).map(([what, frames]) => `${frames} times ${what}`);
  if (refused.length > 0) throw new Error(`frames were refused: ${refused.join(", ")}`);
}
