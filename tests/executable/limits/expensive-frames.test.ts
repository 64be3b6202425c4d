/** Frames that cost much are charged for it: one reader must not take the thread that serves everybody. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { TestSocket } from "../../support/socket.ts";
import { WEB_TOKEN_NODE, webToken } from "../../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const TOPICS = 9_900;
const FRAMES = 180;
const REFUSED_MIN = 170;

/** Milliseconds until each answer of the health route, as long as `isOver` says not. */
async function healthDelays(url: string, isOver: () => boolean): Promise<number[]> {
  const delays: number[] = [];
  while (!isOver()) {
    const from = performance.now();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    delays.push(performance.now() - from);
  }
  return delays;
}

test("a reader that subscribes to a thousand patterns over and over is refused, and the node goes on", async () => {
  await using node = await NodeProcess.start(WEB_TOKEN_NODE);
  const topics = Array.from({ length: 100 }, (_, i) => `a-rather-long-name-of-an-area-${i}.*`);
  const [publisher, reader] = await Promise.all([webToken(), webToken({ scope: "subscribe", topics })]);
  const events = Array.from({ length: TOPICS }, (_, i) => ({
    topic: `a-rather-long-name-of-an-area-${i % 100}.${i}`,
    event_id: "1",
  }));
  const published = await node.post(events, { headers: { authorization: `Bearer ${publisher}` } });
  expect(published.status).toBe(200);

  using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${reader}&topics=${topics[0]}`);
  expect((await socket.next()).type).toBe("snapshot");
  let isOver = false;
  const delays = healthDelays(node.url, () => isOver);
  for (let frame = 0; frame < FRAMES; frame++) {
    const asked = Array.from({ length: 1_000 }, (_, i) => `${topics[i % 100]!.slice(0, -1)}${frame}-${i}`);
    socket.send({ type: "subscribe", topics: asked });
  }
  for (let refused = 0; refused < REFUSED_MIN; ) if ((await socket.next()).type === "error") refused++;
  isOver = true;
  const slowest = Math.max(...(await delays));
  console.log(`the slowest answer of /health/live took ${slowest.toFixed(0)} ms`);
  expect(slowest).toBeLessThan(2_000);
});
