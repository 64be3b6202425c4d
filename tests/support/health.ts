/** What a node says of itself, and waiting until it says something else. */

import { expect } from "bun:test";
import { expectProblem } from "./contract.ts";
import { withDeadline } from "./deadline.ts";
import type { NodeProcess } from "./node-process.ts";
import type { TestSocket } from "./socket.ts";

export interface HealthAnswer {
  readonly status: string;
  readonly checks: {
    readonly storage: string;
    readonly storage_reason?: string;
    readonly open_files_reason?: string;
    readonly waiting_publishes: number;
  };
}

export async function healthOf(
  node: NodeProcess,
  path = "/health",
): Promise<HealthAnswer & { http: number; text: string }> {
  const response = await fetch(`${node.url}${path}`);
  const text = await response.text();
  return { ...(JSON.parse(text) as HealthAnswer), http: response.status, text };
}

/** Asks until the answer is such, whatever brings that about. */
export async function untilHealth(
  node: NodeProcess,
  isReached: (health: HealthAnswer) => boolean,
): Promise<void> {
  let last: HealthAnswer | undefined;
  let isOver = false;
  const reached = (async (): Promise<void> => {
    do last = await healthOf(node);
    while (!isReached(last) && !isOver);
  })();
  const said = (): string => `${isReached}: ${JSON.stringify(last)}\n${node.output}`;
  await withDeadline(reached, said).finally(() => (isOver = true));
}

export function untilStorage(node: NodeProcess, state: "ready" | "failing"): Promise<void> {
  return untilHealth(node, ({ checks }) => checks.storage === state);
}

/** Storage fails for this reason: health says so without naming a path, the node lives, and its feeds stay up. */
export async function expectFailing(node: NodeProcess, reason: string, feed: TestSocket): Promise<void> {
  for (const path of ["/health", "/health/ready"]) {
    const { http, status, checks, text } = await healthOf(node, path);
    expect({ http, status, ...checks }).toMatchObject({
      http: 503,
      status: "unhealthy",
      storage: "failing",
      storage_reason: reason,
    });
    expect(text).not.toMatch(/onefold\.db|\/tmp|SQL/i);
  }
  expect((await healthOf(node, "/health/live")).http).toBe(200);
  feed.send({ type: "ping" });
  await feed.until(({ type }) => type === "pong");
  expect(feed.isClosed).toBeFalse();
}

export async function expectHealthy(node: NodeProcess): Promise<void> {
  const { http, checks } = await healthOf(node);
  expect({ http, ...checks }).toEqual({ http: 200, storage: "ready", waiting_publishes: 0 });
}

/** Publishes what must be refused with this code. */
export async function expectRefused(
  node: NodeProcess,
  body: unknown,
  code: "storage_failing" | "outcome_unknown",
): Promise<void> {
  const response = await node.post(body);
  expect(response.headers.get("retry-after")).not.toBeNull();
  await expectProblem(response, { status: 503, code });
}
