/** wrk as a load generator: faster than autocannon, where it is installed. One event a request. */

import { join } from "node:path";
import { startChild } from "../leftovers.ts";
import { eventAroundNumber } from "./event-text.ts";
import type { HttpLoadOptions, HttpLoadResult } from "./http-load.ts";

const SCRIPT = join(import.meta.dir, "publish.lua");

export function isWrkInstalled(): boolean {
  return Bun.which("wrk") !== null;
}

/** @throws Error when a request was refused or failed. */
export async function runWrk(options: HttpLoadOptions): Promise<HttpLoadResult> {
  const { url, connections, firstNumber, warmUpSeconds, seconds } = options;
  const wrk = async (first: number, duration: number): Promise<WrkResult> => {
    const [before, after] = eventAroundNumber();
    const flags = ["-t1", `-c${connections}`, `-d${Math.max(1, Math.round(duration))}s`, "-s", SCRIPT];
    const run = startChild(["wrk", ...flags, url, "--", String(first), before, after]);
    return resultIn(await run.stdout.text());
  };
  const warmUp = await wrk(firstNumber, warmUpSeconds);
  // wrk does not say how many it has built: the second run starts far beyond the first.
  const measured = await wrk(firstNumber + NUMBERS_PER_RUN, seconds);
  return {
    requests: warmUp.requests + measured.requests,
    unansweredMax: 2 * connections,
    requestsPerSecond: measured.requests / measured.seconds,
    latency: { p50Ms: measured.p50Ms, p99Ms: measured.p99Ms, maxMs: measured.maxMs },
  };
}

const NUMBERS_PER_RUN = 500_000_000;

interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly refused: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function resultIn(output: string): WrkResult {
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk failed: ${output}`);
  const result = JSON.parse(line) as WrkResult;
  if (result.refused > 0 || result.errors > 0) {
    throw new Error(`wrk: ${result.refused} requests were refused, ${result.errors} failed`);
  }
  return result;
}
