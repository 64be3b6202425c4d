/** A place among the connections is given back however a request ends, and a socket's when it has closed. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { openPublishChannel, TestSocket } from "../../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const PLACES = 64;
const HEAD = "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

/** Runs it so many times, some at once. */
async function times(count: number, run: (i: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += PLACES / 2)
    await Promise.all(Array.from({ length: PLACES / 2 }, (_, i) => run(done + i)));
}

/** Every place is free: so many sockets fit, and not one more. */
async function expectAllFree(node: NodeProcess): Promise<void> {
  const sockets: TestSocket[] = [];
  await until(async () => {
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
    for (let i = 0; i < PLACES; i++) sockets.push(await TestSocket.open(`${node.wsUrl}/ws/publish`));
    const greetings = await Promise.all(sockets.map((socket) => socket.next()));
    return greetings.every(({ type }) => type === "hello");
  });
  expect((await fetch(`${node.url}/stats`)).status).toBe(429);
  await Promise.all(
    sockets.map(async (socket) => {
      socket.close();
      await socket.closed;
    }),
  );
  await until(async () => (await fetch(`${node.url}/stats`)).status === 200);
}

test("thousands of requests that end in every way there is leave no place taken", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-connections", String(PLACES)] });
  await times(2_000, async () => {
    using socket = await RawSocket.connect(node.port);
    socket.write(`${HEAD}content-length: 100\r\n\r\n{"event_id"`);
  });
  await expectAllFree(node);
  await times(1_000, async () => {
    using socket = await RawSocket.connect(node.port);
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"eve\r\n`);
  });
  await expectAllFree(node);
  await times(1_000, async (i) => {
    using socket = await RawSocket.connect(node.port);
    const body = `{"event_id":"answered-to-nobody-${i}"}`;
    socket.write(`${HEAD}content-length: ${body.length}\r\n\r\n${body}`);
  });
  await expectAllFree(node);
  // Refused before, in and after the body; answered; not found; upgrades that fail, and that are refused.
  await times(1_000, async (i) => {
    const path = ["/events?limit=0", "/publish", "/publish", "/stats", "/nothing", "/ws/publish"][i % 6]!;
    const body = i % 6 === 1 ? "{" : i % 6 === 2 ? JSON.stringify({ event_id: String(i) }) : undefined;
    await fetch(`${node.url}${path}`, body === undefined ? {} : { method: "POST", body });
  });
  await times(320, async () => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?no=such`);
    await socket.closed;
  });
  await times(320, async () => {
    using socket = await RawSocket.connect(node.port);
    socket.write(
      "GET /ws/publish HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n",
    );
    await socket.readHead();
  });
  await expectAllFree(node);
});

test("sockets that are cut, in order or not, leave no place taken", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-connections", String(PLACES)] });
  await times(640, async (i) => {
    const channel = await openPublishChannel(node.wsUrl);
    channel.send({ event_id: String(i) });
    if (i % 2 === 0) channel[Symbol.dispose]();
    else channel.close();
    await channel.closed;
  });
  await expectAllFree(node);
});
