/** How long a node takes from exec until it is healthy, measured by asking it all the time. */

import { freePort } from "./free-port.ts";
import { type Child, startChild } from "./leftovers.ts";
import { EXECUTABLE } from "./onefold-node.ts";

/** Between two questions whether it is healthy; also how exact the answer is. */
const POLL_MS = 1;

export interface TimedStart {
  readonly process: Child;
  readonly url: string;
  readonly healthyAfterMs: number;
}

/** @throws Error when the node ends, or is not healthy in time. */
export async function startTimed(data: string, timeoutMs: number): Promise<TimedStart> {
  const port = freePort();
  const startedAt = performance.now();
  const node = startChild([EXECUTABLE, "serve", "--port", String(port), "--data", data]);
  const url = `http://127.0.0.1:${port}`;
  while (performance.now() < startedAt + timeoutMs && node.exitCode === null) {
    // Refused while nobody listens yet.
    const response = await fetch(`${url}/health`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return { process: node, url, healthyAfterMs: performance.now() - startedAt };
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`not healthy after ${timeoutMs} ms`);
}
