/** `onefold healthcheck`: whether a node is ready, as an exit status; what a container's HEALTHCHECK runs. */

import type { Flags } from "../config/flags.ts";
import { parseFlags } from "../config/parse-flags.ts";
import type { Command, Surroundings } from "./command.ts";
import { addressFrom, URL_FLAG } from "./node-address.ts";

const FLAGS = { url: URL_FLAG } as const satisfies Flags;

/** A node that is ready answers at once. */
const ANSWER_TIMEOUT_MS = 5_000;

export const healthcheck: Command = {
  name: "healthcheck",
  summary: "Exits with 0 when a node is ready to take events, else with 1 and a sentence.",
  flags: FLAGS,
  run: runHealthcheck,
};

async function runHealthcheck(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const { url } = parseFlags(FLAGS, args, addressFrom(environment));
  const fault = await faultOf(url);
  if (fault === undefined) console.log(`The node at ${url} is ready.`);
  else console.error(`onefold: ${fault}`);
  return fault === undefined ? 0 : 1;
}

async function faultOf(url: string): Promise<string | undefined> {
  try {
    const { status } = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return status === 200 ? undefined : `The node at ${url} is not ready: /health/ready answers ${status}.`;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      return `The node at ${url} gave no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds.`;
    }
    return `No node can be reached at ${url}: is it running, and is that its address?`;
  }
}
