/** `onefold healthcheck`: whether a node is ready, as an exit status; what a container's HEALTHCHECK runs. */

import type { Flags } from "../config/flags.ts";
import { unreachable } from "../unreachable.ts";
import type { Command, Surroundings } from "./command.ts";
import { type NodeAddress, readNodeAddress, URL_FLAG } from "./node-address.ts";

const FLAGS = { url: URL_FLAG } as const satisfies Flags;

/** A node that is ready answers at once. */
const ANSWER_TIMEOUT_MS = 5_000;

export const healthcheck: Command = {
  name: "healthcheck",
  summary: "Exits with 0 when a node is ready to take events, else with 1 and a sentence.",
  flags: FLAGS,
  note: `Without --url it speaks to its own machine: it does not check the name in the node's certificate, and takes the
unix socket where the node asks for client certificates or has no TCP.`,
  run: runHealthcheck,
};

async function runHealthcheck(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const address = readNodeAddress(args, environment);
  const name = address.unixSocket === undefined ? address.url : `unix:${address.unixSocket}`;
  const fault = await faultOf(address, name);
  if (fault === undefined) console.log(`The node at ${name} is ready.`);
  else console.error(`onefold: ${fault}`);
  return fault === undefined ? 0 : 1;
}

async function faultOf({ url, unixSocket, isLocal }: NodeAddress, name: string): Promise<string | undefined> {
  try {
    const { status } = await fetch(`${url}/health/ready`, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...(unixSocket === undefined ? {} : { unix: unixSocket }),
      // A certificate is made out to the name that others know the node by.
      ...(isLocal ? { tls: { rejectUnauthorized: false } } : {}),
    });
    return status === 200 ? undefined : `The node at ${name} is not ready: /health/ready answers ${status}.`;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      return `The node at ${name} gave no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds.`;
    }
    return unreachable(name, error);
  }
}
