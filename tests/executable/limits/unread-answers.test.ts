/** Answers that nobody reads take a bounded part of the memory for a bounded time. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { createConnection } from "node:net";
import { TEST_TIMEOUT_MS, until, withDeadline } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { parsePrometheus, sampleOf } from "../../support/prometheus.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { TempFolder } from "../../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;
const ASK = "GET /events?limit=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/** What the node may take beside the answers that it counts: what was made for them and is not collected yet. */
const MEMORY_BESIDE_MB_MAX = 1_000;

/** A page of it has 4 MiB as UTF-16 and 12 MiB on the wire, more than the operating system keeps. */
async function store(node: NodeProcess): Promise<void> {
  const payload = "語".repeat(MIB);
  const events = Array.from({ length: 4 }, (_, i) => ({ event_id: String(i), payload }));
  expect((await node.post(events)).status).toBe(200);
}

async function bytesUnread(node: NodeProcess): Promise<number> {
  const families = parsePrometheus(await (await fetch(`${node.url}/metrics`)).text());
  return sampleOf(families, "onefold_answers_sending_bytes")!;
}

async function askAndNotRead(node: NodeProcess): Promise<RawSocket> {
  const reader = await RawSocket.connect(node.port);
  reader.pause();
  reader.write(ASK);
  return reader;
}

test("300 connections that ask for pages and read nothing take what the budget allows", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-answer-bytes", String(128 * MIB)] });
  await store(node);
  const before = node.memoryMb("VmRSS");
  const readers = await Promise.all(Array.from({ length: 300 }, () => askAndNotRead(node)));
  await until(async () => (await bytesUnread(node)) > 100 * MIB);
  expect((await fetch(`${node.url}/events?limit=10000`)).status).toBe(503);
  expect(await bytesUnread(node)).toBeLessThanOrEqual(128 * MIB);
  const peak = node.memoryMb("VmHWM") - before;
  console.log(`unread answers: ${peak.toFixed(0)} MB more than before at most`);
  expect(peak).toBeLessThan(128 + MEMORY_BESIDE_MB_MAX);
  expect((await fetch(`${node.url}/health/live`)).status).toBe(200);
  for (const reader of readers) reader[Symbol.dispose]();
  await until(async () => (await bytesUnread(node)) === 0);
});

test("a connection that reads nothing of its answer is ended after the idle timeout", async () => {
  await using node = await NodeProcess.start({ flags: ["--idle-timeout", "1"] });
  await store(node);
  using _reader = await askAndNotRead(node);
  await until(async () => (await bytesUnread(node)) > 0);
  await until(async () => (await bytesUnread(node)) === 0);
});

test("one that reads too slowly to get through is given up, whatever it goes on to read", async () => {
  // Of a unix socket the operating system keeps less than a slice, so that little time is bought.
  using folder = new TempFolder();
  const path = folder.file("onefold.sock");
  const flags = ["--idle-timeout", "255", "--body-timeout", "1", "--unix-socket", path];
  await using node = await NodeProcess.start({ flags });
  await store(node);
  const reader = createConnection(path);
  const ended = new Promise((resolve) => reader.once("close", resolve));
  reader.pause();
  reader.write(ASK);
  await until(async () => (await bytesUnread(node)) > 0);
  await until(async () => (await bytesUnread(node)) === 0);
  let received = 0;
  reader.on("data", (bytes) => (received += bytes.length));
  reader.resume();
  await withDeadline(ended, () => "the connection to be ended");
  expect(received).toBeLessThan(MIB);
});
