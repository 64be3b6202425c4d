/** wrk as a load generator: faster than autocannon, where it is installed. It measures whole seconds. */

import { join } from "node:path";
import { startChild } from "../leftovers.ts";
import { eventFormat } from "./event-text.ts";
import type { HttpLoadOptions } from "./http-load.ts";
import type { LatencySummary } from "./latencies.ts";
import { type LoadResult, startAccount } from "./load-result.ts";

const SCRIPT = join(import.meta.dir, "publish.lua");

export function isWrkInstalled(): boolean {
  return Bun.which("wrk") !== null;
}

/**
 * It stops in the middle of its last requests: what was made and not answered may have been taken.
 * @throws Error when a request was refused or failed.
 */
export async function runWrk(options: HttpLoadOptions): Promise<LoadResult> {
  const { eventsPerRequest, serverPid, seconds, mix } = options;
  const warmUp = await warmUpWith(options);
  const endAccount = startAccount(serverPid);
  const firstNumber = mix.firstNumber + warmUp.madeUnique;
  const measured = await runOnce(options, { firstNumber, seconds });
  const usage = endAccount();
  const requests = warmUp.requests + measured.requests;
  const made = warmUp.madeRequests + measured.madeRequests;
  return {
    ...usage,
    sent: {
      received: requests * eventsPerRequest,
      unique: warmUp.madeUnique + measured.madeUnique,
      unansweredMax: (made - requests) * eventsPerRequest,
    },
    events: measured.requests * eventsPerRequest,
    seconds: measured.seconds,
    ack: measured.ack,
    loadCpuSeconds: measured.cpuSeconds,
  };
}

const NOTHING = { requests: 0, madeRequests: 0, madeUnique: 0 };

/** A whole second at least: not for a server that is warm already, since wrk itself needs none. */
function warmUpWith(options: HttpLoadOptions): Promise<Pick<WrkResult, keyof typeof NOTHING>> {
  const { mix, warmUpSeconds } = options;
  if (warmUpSeconds < WARM_UP_SECONDS_MIN) return Promise.resolve(NOTHING);
  return runOnce(options, { firstNumber: mix.firstNumber, seconds: warmUpSeconds });
}

const WARM_UP_SECONDS_MIN = 0.5;

interface WrkResult {
  /** Answered. */
  readonly requests: number;
  readonly madeRequests: number;
  /** New events in them. */
  readonly madeUnique: number;
  readonly seconds: number;
  readonly refused: number;
  readonly errors: number;
  readonly ack: LatencySummary;
  readonly cpuSeconds: number;
}

async function runOnce(
  { url, connections, eventsPerRequest, mix }: HttpLoadOptions,
  { firstNumber, seconds }: { readonly firstNumber: number; readonly seconds: number },
): Promise<WrkResult> {
  const { percent, oldEvents } = mix.duplicates;
  const numbers = [eventsPerRequest, mix.shape.topics, percent, oldEvents, firstNumber];
  const flags = ["-t1", `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, "-s", SCRIPT];
  const run = startChild(["wrk", ...flags, url, "--", ...numbers.map(String), eventFormat(mix.shape)]);
  const output = await run.stdout.text();
  await run.exited;
  const cpuMicroseconds = Number(run.resourceUsage()?.cpuTime.total ?? Number.NaN);
  return { ...resultIn(output), cpuSeconds: cpuMicroseconds / 1e6 };
}

function resultIn(output: string): Omit<WrkResult, "cpuSeconds"> {
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk failed: ${output}`);
  const result = JSON.parse(line) as Omit<WrkResult, "cpuSeconds">;
  if (result.refused > 0 || result.errors > 0) {
    throw new Error(`wrk: ${result.refused} requests were refused, ${result.errors} failed`);
  }
  return result;
}
