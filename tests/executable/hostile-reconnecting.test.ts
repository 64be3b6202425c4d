/** Clients that connect again as soon as they are answered, without a pause: they hold up nothing but themselves. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const CLIENTS = 16;
const CONNECTIONS = 3_000;

/** What may be open beside the one connection that each has: those that are gone and have not been noticed yet. */
const UNNOTICED_MAX = 200;

/** Costs the node so much to open that another client has connected by the time it is answered. */
const PATTERNS = Array.from({ length: 900 }, (_, i) => `nobody-${i}`).join(",");
const ADDRESS = `/events/stream?after=0&topics=${PATTERNS}`;

let node: NodeProcess;

beforeAll(async () => {
  node = await NodeProcess.start();
});

afterAll(() => node[Symbol.asyncDispose]());

/** Opens a stream, waits for its first bytes, and cuts it. */
function connectOnce(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  Bun.connect({
    hostname: "127.0.0.1",
    port: node.port,
    socket: {
      open: (socket) => void socket.write(`GET ${ADDRESS} HTTP/1.1\r\nhost: localhost\r\n\r\n`),
      data: (socket) => void socket.terminate(),
      close: () => resolve(),
      error: (_, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}

async function openConnections(): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(/^onefold_connections (\d+)$/m.exec(text)?.[1]);
}

test("streams that are cut at once are noticed while others are opened, and publishing goes on", async () => {
  let left = CONNECTIONS;
  const client = async (): Promise<void> => {
    while (left-- > 0) await connectOnce();
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  let most = 0;
  let published = 0;
  while (left > 0) {
    most = Math.max(most, await openConnections());
    const body = JSON.stringify({ topic: "beside", event_id: `e${published++}` });
    const answer = await fetch(`${node.url}/publish`, { method: "POST", body });
    expect(answer.status).toBe(200);
  }
  await clients;
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(CLIENTS + UNNOTICED_MAX);
  // Each of these waits for an answer of another thread.
  expect(published).toBeGreaterThan(CONNECTIONS / 200);
});
