/** How long somebody may take: silent connections, half heads, bodies that trickle, sockets that do not answer. */

import { expect } from "bun:test";
import { expectProblem } from "../../support/contract.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { OPCODE, RawSocket } from "../../support/raw-socket.ts";
import { TestSocket } from "../../support/socket.ts";

const MIB = 1024 * 1024;

/** Writes a piece again and again until the other side ends the connection, or all are written. */
function trickle(
  socket: RawSocket,
  piece: string | Uint8Array,
  everyMs: number,
  pieces = Infinity,
): Disposable {
  let written = 0;
  const timer = setInterval(() => {
    if (socket.hasEnded || written++ >= pieces) clearInterval(timer);
    else socket.write(piece);
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const HEAD = "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

async function idleTimeout(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--idle-timeout", "1"] });
  const connect = (): Promise<RawSocket> => RawSocket.connect(node.port);
  using silent = await connect();
  using halfHead = await connect();
  halfHead.write("GET /health HTTP/1.1\r\nhost: loc");
  using tricklingHead = await connect();
  tricklingHead.write("GET /health HTTP/1.1\r\nhost: localhost\r\n");
  using _trickle = trickle(tricklingHead, "a: b\r\n", 200);
  using kept = await connect();
  kept.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
  expect((await kept.readResponse()).status).toBe(200);
  using subscriber = await TestSocket.open(`${node.wsUrl}/ws/stats`);
  await Promise.all([silent.ended, halfHead.ended, tricklingHead.ended, kept.ended]);
  // It concerns HTTP alone.
  await subscriber.next();
  subscriber.send({ type: "ping" });
  expect((await subscriber.next()).type).toBe("pong");
}

async function bodyTimeout(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--body-timeout", "1", "--idle-timeout", "2"] });
  await Promise.all([
    expectTimeout(node, "content-length: 100\r\n", "x"),
    expectTimeout(node, `content-length: ${MIB}\r\n`, "x"),
    expectTimeout(node, "transfer-encoding: chunked\r\n", "1\r\nx\r\n"),
    expectTimeout(node, "content-length: 100\r\n", ""),
    expectSlowBodyTaken(node),
  ]);
  expect((await node.stats()).received).toBe(1);
}

async function expectTimeout(node: NodeProcess, header: string, piece: string): Promise<void> {
  using socket = await RawSocket.connect(node.port);
  socket.write(`${HEAD}${header}\r\n`);
  using _trickle = trickle(socket, piece, 100);
  const answer = await socket.readResponse();
  expect(answer.headers.get("connection")).toMatch(/close/i);
  await expectProblem(answer, { status: 408, code: "request_timeout" });
  await socket.ended;
}

/** 10 s for a body with a second's time of its own: what has come buys more, and silence is not counted meanwhile. */
async function expectSlowBodyTaken(node: NodeProcess): Promise<void> {
  using socket = await RawSocket.connect(node.port);
  const body = Buffer.from(JSON.stringify({ event_id: "slow", payload: "x".repeat(MIB) }));
  socket.write(`${HEAD}content-length: ${body.length}\r\n\r\n`);
  const pieces = 20;
  const size = Math.ceil(body.length / pieces);
  for (let i = 0; i < pieces; i++) {
    await socket.writeAll(body.subarray(i * size, (i + 1) * size));
    if (i < pieces - 1) await Bun.sleep(500);
  }
  expect((await socket.readResponse()).status).toBe(200);
  // Its deadline is over with it: the connection ends after the idle timeout, like any.
  await socket.ended;
}

async function socketIdleTimeout(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--socket-idle-timeout", "8"] });
  using answering = await TestSocket.open(`${node.wsUrl}/ws/publish`);
  using dead = await RawSocket.upgrade(node.port, "/ws/publish");
  expect((await dead.nextFrame()).opcode).toBe(OPCODE.text);
  expect((await dead.nextFrame()).opcode).toBe(OPCODE.ping);
  await dead.ended;
  expect(answering.isClosed).toBe(false);
}

export const TIME_CROSSINGS = { idleTimeout, bodyTimeout, socketIdleTimeout };
