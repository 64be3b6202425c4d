/** Streams that are opened without end, or never read: places and memory hold, and others are served. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import type { StoredEvent } from "../../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { Neighbour } from "../../support/neighbour.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { parsePrometheus, sampleOf } from "../../support/prometheus.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { StreamReader } from "../../support/stream-reader.ts";
import { TempFolder } from "../../support/temp-folder.ts";

setDefaultTimeout(2 * TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;
const RECONNECTIONS = 4_000;
const AT_ONCE = 50;
const UNREAD_STREAMS = 1_000;

/** What a stream may take of the memory, with all that there is around it. */
const STREAM_KB_MAX = 60;

/** Garbage that is not collected yet, whatever there is. */
const SLACK_MB = 250;

function ask(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`;
}

async function figures(node: NodeProcess): Promise<{ streams: number; connections: number }> {
  const families = parsePrometheus(await node.getText("/metrics"));
  const streams = ["/stats/stream", "/events/stream"].map((route) =>
    sampleOf(families, "onefold_open_streams", { route }),
  );
  return {
    streams: streams.reduce((a, b) => a + b),
    connections: sampleOf(families, "onefold_connections") - 1,
  };
}

async function nothingIsLeft(node: NodeProcess): Promise<void> {
  await until(async () => Bun.deepEquals(await figures(node), { streams: 0, connections: 0 }));
}

test("a client that connects again in a tight loop leaves nothing, and a neighbour notices nothing", async () => {
  await using node = await NodeProcess.start();
  await node.publish(
    Array.from({ length: 2_000 }, (_, i) => ({ event_id: String(i), payload: "x".repeat(100) })),
  );
  const before = node.memoryMb("VmRSS");
  {
    await using neighbour = await Neighbour.beside(node);
    const paths = ["/events/stream?after=0", "/events/stream", "/stats/stream"];
    for (let at = 0; at < RECONNECTIONS; at += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, i) => {
          using socket = await RawSocket.connect(node.port);
          socket.write(ask(paths[i % paths.length]!));
          // Some are dropped before the answer has begun, some after it.
          if (i % 2 === 0) await socket.readHead();
        }),
      );
    await neighbour.expectUndisturbed();
  }
  await nothingIsLeft(node);
  expect(node.memoryMb("VmRSS") - before).toBeLessThan(SLACK_MB);
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});

test("the rate of requests holds for streams, and each refusal is an answer", async () => {
  await using node = await NodeProcess.start({ flags: ["--rate-requests-per-address", "20"] });
  const statuses = new Map<number, number>();
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const response = await fetch(`${node.url}/events/stream`);
      await response.body?.cancel();
      if (response.status === 429) expect(Number(response.headers.get("retry-after"))).toBePositive();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    }),
  );
  expect([...statuses.keys()].sort()).toEqual([200, 429]);
  expect(statuses.get(200)!).toBeLessThan(60);
});

test("places of one address hold for streams, and are there again when they end", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-connections-per-address", "8"] });
  for (let round = 0; round < 20; round++) {
    const streams = await Promise.all(
      Array.from({ length: 8 }, () => StreamReader.open(`${node.url}/events/stream`)),
    );
    expect((await fetch(`${node.url}/stats/stream`)).status).toBe(429);
    for (const stream of streams) await stream[Symbol.asyncDispose]();
    await until(async () => (await fetch(`${node.url}/stats`)).status === 200);
    await nothingIsLeft(node);
  }
});

/** Of a unix socket the operating system keeps little, so that most of what is not read is the node's to hold. */
class UnreadStreams implements Disposable {
  readonly #sockets: Socket[] = [];

  constructor(
    private readonly path: string,
    private readonly node: NodeProcess,
  ) {}

  async open(count: number, path: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      // So that the queue of those who wait to be let in does not run over.
      if (i % 25 === 0) await this.node.getText("/health/live");
      const socket = createConnection(this.path);
      socket.on("error", () => {});
      socket.pause();
      await new Promise<void>((resolve) => socket.once("connect", resolve));
      socket.write(ask(path));
      this.#sockets.push(socket);
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

const UNREAD_BYTES_MAX = 32 * MIB;

async function onUnixSocket(folder: TempFolder): Promise<{ node: NodeProcess; socket: string }> {
  const socket = folder.file("onefold.sock");
  const flags = ["--unix-socket", socket, "--max-answer-bytes", String(UNREAD_BYTES_MAX)];
  return { node: await NodeProcess.start({ flags }), socket };
}

const MEMORY_MB_MAX = UNREAD_BYTES_MAX / MIB + (UNREAD_STREAMS * STREAM_KB_MAX) / 1_024 + SLACK_MB;

test("a thousand streams of events that read nothing take bounded memory, and one that reads gets everything", async () => {
  using folder = new TempFolder();
  const { node, socket } = await onUnixSocket(folder);
  await using _node = node;
  const payload = "x".repeat(10_000);
  for (let batch = 0; batch < 8; batch++)
    await node.publish(
      Array.from({ length: 100 }, (_, i) => ({ event_id: String(100 * batch + i), payload })),
    );
  const before = node.memoryMb("VmRSS");
  using unread = new UnreadStreams(socket, node);
  await unread.open(UNREAD_STREAMS, "/events/stream?after=0");
  await until(async () => (await figures(node)).streams > UNREAD_STREAMS / 2);
  await using reader = await StreamReader.open<{ events: StoredEvent[] }>(
    `${node.url}/events/stream?after=0`,
  );
  const seqs: number[] = [];
  while (seqs.length < 800) seqs.push(...(await reader.next()).frame.events.map(({ seq }) => seq));
  expect(seqs).toEqual(Array.from({ length: 800 }, (_, i) => i + 1));
  const grown = node.memoryMb("VmHWM") - before;
  console.log(`streams of events that are not read: ${grown.toFixed(0)} MB more than before at most`);
  expect(grown).toBeLessThan(MEMORY_MB_MAX);
  await reader[Symbol.asyncDispose]();
  unread[Symbol.dispose]();
  await nothingIsLeft(node);
});

test("a thousand streams of statistics that read nothing take bounded memory, and make room for others", async () => {
  using folder = new TempFolder();
  const { node, socket } = await onUnixSocket(folder);
  await using _node = node;
  const name = "x".repeat(200);
  for (let batch = 0; batch < 5; batch++)
    await node.publish(
      Array.from({ length: 1_000 }, (_, i) => ({ topic: `${name}${1_000 * batch + i}`, event_id: "1" })),
    );
  const before = node.memoryMb("VmRSS");
  using unread = new UnreadStreams(socket, node);
  await unread.open(UNREAD_STREAMS, "/stats/stream");
  // All room for large answers is taken by who does not read, until they are cut off for those who would.
  expect((await fetch(`${node.url}/stats`)).status).toBe(503);
  await until(async () => (await fetch(`${node.url}/stats`)).status === 200);
  await until(async () => (await fetch(`${node.url}/metrics`)).status === 200);
  expect((await figures(node)).streams).toBeLessThan(UNREAD_STREAMS / 2);
  const grown = node.memoryMb("VmHWM") - before;
  console.log(`streams of statistics that are not read: ${grown.toFixed(0)} MB more than before at most`);
  expect(grown).toBeLessThan(MEMORY_MB_MAX);
  unread[Symbol.dispose]();
  await nothingIsLeft(node);
});
