/** Very many connections that want nothing but to be there: others are served meanwhile, and the node gets rid of them. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { Neighbour } from "../support/neighbour.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";

setDefaultTimeout(2 * TEST_TIMEOUT_MS);

const SLOW_CONNECTIONS = 2_000;
const DROPPED_SOCKETS = 5_000;

/** Opened at one time: more would only wait for the listening queue. */
const AT_ONCE = 250;

/** What a connection may take of the memory, with all that there is around it. */
const CONNECTION_KB_MAX = 40;

let node: NodeProcess;
let openFilesWhenIdle: number;
beforeAll(async () => {
  node = await NodeProcess.start();
  await node.publish({ topic: "warm", event_id: "1" });
  openFilesWhenIdle = openFiles();
});
afterEach(async () => {
  // Neither a connection nor what was kept for one is left; a client of this test may still hold one or two.
  await until(async () => {
    await node.stats();
    return openFiles() < openFilesWhenIdle + 8;
  });
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});
afterAll(() => node[Symbol.asyncDispose]());

function openFiles(): number {
  return readdirSync(`/proc/${node.pid}/fd`).length;
}

/** Does something so many times, some at one time. */
async function times<T>(count: number, run: (i: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - at);
    done.push(...(await Promise.all(Array.from({ length }, (_, i) => run(at + i)))));
  }
  return done;
}

const HEAD =
  "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-a: b\r\ncontent-length: 60\r\n";
const HANDSHAKE =
  "GET /ws/publish HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** What a connection sends that then says nothing more. */
const BEGINNINGS = ["", HEAD.slice(0, 60), HEAD, HANDSHAKE.slice(0, 100), HANDSHAKE];

describe("slow-loris: beside 2,000 connections others are served at once, and the node lets go by itself of those", () => {
  test("that send nothing, half a head, or half a handshake", async () => {
    await using neighbour = await Neighbour.beside(node);
    const before = node.memoryMb("VmRSS");
    const sockets = await times(SLOW_CONNECTIONS, async (i) => {
      const socket = await RawSocket.connect(node.port);
      const bytes = BEGINNINGS[i % BEGINNINGS.length]!;
      if (bytes !== "") socket.write(bytes);
      return socket;
    });
    await until(async () => {
      await node.stats();
      return openFiles() >= SLOW_CONNECTIONS;
    });
    expect(node.memoryMb("VmRSS") - before).toBeLessThan((SLOW_CONNECTIONS * CONNECTION_KB_MAX) / 1_024);
    await neighbour.acknowledged(100);
    await Promise.all(sockets.map(({ ended }) => ended));
    for (const { received } of sockets) expect(received).toBe("");
    await neighbour.expectUndisturbed();
  });

  test("that send a head byte by byte", async () => {
    await using neighbour = await Neighbour.beside(node);
    const head = `${HEAD}${"x-more: 1\r\n".repeat(1_000)}`;
    const sockets = await times(SLOW_CONNECTIONS, () => RawSocket.connect(node.port));
    for (let at = 0; !sockets.every(({ hasEnded }) => hasEnded); at++) {
      for (const socket of sockets) if (!socket.hasEnded) socket.write(head.slice(at, at + 1));
      // The neighbour's acknowledgements are the clock.
      await neighbour.acknowledged(50);
    }
    await neighbour.expectUndisturbed();
    expect((await node.stats()).rejected).toBe(0);
  });
});

describe("floods", () => {
  test("5,000 sockets that are opened and dropped leave nothing, and a neighbour notices nothing", async () => {
    const before = node.memoryMb("VmRSS");
    await using neighbour = await Neighbour.beside(node);
    await times(DROPPED_SOCKETS, async (i) => {
      using socket = await RawSocket.upgrade(
        node.port,
        i % 2 === 0 ? "/ws/publish" : "/ws/stats?topics=none",
      );
      // Some are dropped with the greeting unread, some after it.
      if (i % 3 === 0) await socket.nextFrame();
    });
    await neighbour.expectUndisturbed();
    expect(node.memoryMb("VmRSS") - before).toBeLessThan(64);
  });

  test("2,000 handshakes that are dropped halfway, at any byte", async () => {
    await using neighbour = await Neighbour.beside(node);
    const whole = `${HANDSHAKE}\r\n`;
    await times(SLOW_CONNECTIONS, async (i) => {
      using socket = await RawSocket.connect(node.port);
      await socket.writeAll(Buffer.from(whole.slice(0, 1 + (i % (whole.length - 1)))));
    });
    await neighbour.expectUndisturbed();
  });

  test("2,000 connections that send nonsense and are refused", async () => {
    await using neighbour = await Neighbour.beside(node);
    await times(SLOW_CONNECTIONS, async () => {
      using socket = await RawSocket.connect(node.port);
      socket.write("\u0000\u0001\u0002 \r\n\r\n");
      await socket.ended;
      expect(socket.received).toStartWith("HTTP/1.1 400 ");
    });
    await neighbour.expectUndisturbed();
  });

  test("a flood of pings is answered with pongs, and a closing frame with an end", async () => {
    await using neighbour = await Neighbour.beside(node);
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
    using socket = await RawSocket.upgrade(node.port, "/ws/publish");
    await socket.nextFrame();
    const pings = 100_000;
    socket.write(Buffer.concat(Array.from({ length: pings }, () => ping)));
    socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    await socket.ended;
    expect(socket.received.match(/\x8a\x00/g)).toHaveLength(pings);
    await neighbour.expectUndisturbed();
  });
});

describe("floods of headers", () => {
  const request = (headers: string): string =>
    `GET /health/live HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`;
  const many = (count: number): string => Array.from({ length: count }, (_, i) => `x-${i}: a\r\n`).join("");

  test("a head of 100 lines and one of 16 kB are read", async () => {
    for (const headers of [
      many(98),
      `x: ${"a".repeat(16_000)}\r\n`,
      `cookie: ${"a=b; ".repeat(3_000)}\r\n`,
    ]) {
      using socket = await RawSocket.connect(node.port);
      socket.write(request(headers));
      expect((await socket.readResponse()).status).toBe(200);
    }
  });

  test("a head of 300 lines, and one of more than 16 kB, is 431 and ends the connection", async () => {
    for (const headers of [
      many(300),
      many(20_000),
      `x: ${"a".repeat(17_000)}\r\n`,
      `${"a".repeat(100_000)}: 1\r\n`,
    ]) {
      using socket = await RawSocket.connect(node.port);
      socket.write(request(headers));
      await socket.ended;
      expect(socket.received).toMatch(/^HTTP\/1\.1 431 [^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n$/);
    }
  });

  test("a head without an end is cut off long before it has taken any memory", async () => {
    const before = node.memoryMb("VmHWM");
    using socket = await RawSocket.connect(node.port);
    socket.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n");
    const lines = Buffer.from(
      "x-endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(1_000),
    );
    let sent = 0;
    for (; !socket.hasEnded && sent < 100_000_000; sent += lines.length) await socket.writeAll(lines);
    await socket.ended;
    expect(sent).toBeLessThan(100_000_000);
    expect(node.memoryMb("VmHWM") - before).toBeLessThan(16);
  });
});
