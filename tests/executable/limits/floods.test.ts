/** Whoever floods a socket is not worked for, is closed, and holds up nobody else. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { maskedFrame, OPCODE, RawSocket } from "../../support/raw-socket.ts";
import { openPublishChannel } from "../../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const ATTACKERS = 64;
const FRAMES_EACH = 5_000;

/** Frames that cost a subscriber nothing, and the node a snapshot each. */
const SUBSCRIBES = Buffer.concat(
  Array<Buffer>(FRAMES_EACH).fill(maskedFrame(OPCODE.text, '{"type":"subscribe","topics":["a*"]}')),
);

/** Floods, and reads until it is closed. @returns what it was told. */
async function flood(node: NodeProcess): Promise<{ snapshots: number; refused: number; code: number }> {
  using socket = await RawSocket.upgrade(node.port, "/ws/stats");
  void socket.writeAll(SUBSCRIBES);
  let [snapshots, refused] = [0, 0];
  for (;;) {
    const { opcode, payload } = await socket.nextFrame();
    if (opcode === OPCODE.close) return { snapshots, refused, code: payload.readUInt16BE(0) };
    const { type, code } = JSON.parse(payload.toString()) as { type: string; code?: string };
    if (type === "snapshot") snapshots++;
    if (code === "rate_limited") refused++;
  }
}

test("320,000 subscribes from 64 sockets are answered for two seconds' worth each, and publishing goes on", async () => {
  await using node = await NodeProcess.start();
  using channel = await openPublishChannel(node.wsUrl);
  const from = performance.now();
  let isOver = false;
  const flooding = Promise.all(Array.from({ length: ATTACKERS }, () => flood(node))).finally(() => {
    isOver = true;
  });
  let published = 0;
  do {
    channel.send({ event_id: String(published) });
    expect((await channel.next()).type).toBe("ack");
    published++;
  } while (!isOver);
  const seconds = (performance.now() - from) / 1_000;
  for (const { snapshots, refused, code } of await flooding) {
    expect(code).toBe(4429);
    // One on opening; and what comes back while it takes.
    expect(snapshots).toBeLessThanOrEqual(1 + 200 + Math.ceil(seconds * 100));
    expect(refused).toBeWithin(1, 201 + Math.ceil(seconds * 100));
  }
  console.log(`floods: ${published} publishes acknowledged one by one during ${seconds.toFixed(1)} s of it`);
});
