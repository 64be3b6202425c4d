/** SIGTERM when it suits least: it takes less than ten seconds, and what was acknowledged is there afterwards. */

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import type { Acceptance, Problem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { executable, NodeProcess } from "../support/node-process.ts";
import { Program } from "../support/program.ts";
import { Journal, keyOf, type OutgoingBatch, type Publish } from "../support/publisher.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const STOP_MS_MAX = 10_000;
const MIB = 1024 * 1024;

/** Publishers on connections of their own; each resends what was refused because the queue was full. */
class Load {
  readonly journal = new Journal();
  overloaded = 0;
  #newest = 0;
  #running: Promise<void>[] = [];

  constructor(
    private readonly node: NodeProcess,
    private readonly payload: string,
  ) {}

  start(connections: number): void {
    const next = (): OutgoingBatch => Array.from({ length: 20 }, () => this.#event());
    this.#running = Array.from({ length: connections }, () => this.journal.publishAll(this.#publish, next));
  }

  /** Resolves when every publisher has lost its node. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  readonly #publish: Publish = async (batch) => {
    for (;;) {
      const response = await this.node.post(batch);
      const answer = (await response.json()) as Acceptance & Problem;
      if (response.status === 200) return answer;
      if (answer.code !== "overloaded") throw new Error(`Refused: ${JSON.stringify(answer)}`);
      this.overloaded++;
    }
  };

  #event(): OutgoingBatch[number] {
    const n = ++this.#newest;
    return { topic: `load.${n % 50}`, event_id: String(n), payload: this.payload };
  }
}

/** @param what completes the sentence "stopped after … ms". */
async function expectStops(exited: Promise<number>, stop: () => void, what: string): Promise<void> {
  const signalledAt = performance.now();
  stop();
  expect(await exited).toBe(0);
  const stopMs = performance.now() - signalledAt;
  console.log(`stopping: stopped after ${stopMs.toFixed(0)} ms ${what}`);
  expect(stopMs).toBeLessThan(STOP_MS_MAX);
}

async function expectStopsUnderLoad(node: NodeProcess, load: Load, folder: TempFolder, what: string) {
  await expectStops(node.exited, () => node.signal("SIGTERM"), what);
  await load.ended();
  using file = new StoredFile(folder.path);
  file.expectToBeConsistent();
  const stored = new Set(file.events().map(keyOf));
  const lost = [...load.journal.acknowledged].filter((key) => !stored.has(key));
  expect(lost).toEqual([]);
  expect(load.journal.acknowledgements).toBePositive();
}

describe("SIGTERM loses nothing acknowledged", () => {
  test("with a full queue", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path, flags: ["--max-queue-publishes", "4"] });
    const load = new Load(node, "x".repeat(1_000));
    load.start(32);
    await load.journal.untilAcknowledgements(200);
    expect(load.overloaded).toBePositive();
    await expectStopsUnderLoad(node, load, folder, `with a full queue (${load.overloaded} refused before)`);
  });

  test("with a thousand sockets open, each of which is told to reconnect", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    const sockets: RawSocket[] = [];
    for (let i = 0; i < 1_000; i++)
      sockets.push(await RawSocket.upgrade(node.port, i % 4 === 0 ? "/ws/publish" : "/ws/stats"));
    const load = new Load(node, "x");
    load.start(4);
    await load.journal.untilAcknowledgements(100);
    const closing = Promise.all(sockets.map((socket) => socket.closeCode()));
    await expectStopsUnderLoad(node, load, folder, `with ${sockets.length} sockets open`);
    expect(new Set(await closing)).toEqual(new Set([1012]));
    for (const socket of sockets) socket[Symbol.dispose]();
  });

  test("with readers that do not read, of statistics and of events", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    // Long names make frames large enough to fill the buffers of the operating system.
    const topics = Array.from({ length: 500 }, (_, i) => `${"t".repeat(200)}${i}`);
    await node.publish(topics.map((topic) => ({ topic, event_id: "1", payload: "x".repeat(10_000) })));
    const sockets: RawSocket[] = [];
    for (let i = 0; i < 20; i++) sockets.push(await RawSocket.upgrade(node.port, "/ws/stats?interval=20"));
    for (let i = 0; i < 5; i++) {
      const reader = await RawSocket.connect(node.port);
      reader.write("GET /events?limit=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n");
      sockets.push(reader);
    }
    for (const socket of sockets) socket.pause();
    const load = new Load(node, "x");
    load.start(4);
    await load.journal.untilAcknowledgements(500);
    await expectStopsUnderLoad(node, load, folder, `with ${sockets.length} readers that do not read`);
    for (const socket of sockets) socket[Symbol.dispose]();
  });

  test("with a log that somebody's reading has made long", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    const load = new Load(node, "x".repeat(10_000));
    const reader = new Database(folder.file("onefold.db"), { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM events").all();
    load.start(4);
    const logBytes = (): number => statSync(folder.file("onefold.db-wal")).size;
    for (let n = 1; logBytes() < 128 * MIB; n++) await load.journal.untilAcknowledgements(n);
    reader.run("ROLLBACK");
    reader.close(true);
    await expectStopsUnderLoad(node, load, folder, `with a log of ${(logBytes() / MIB).toFixed(0)} MiB`);
  });
});

test("SIGTERM while the store is being opened ends the node in order, and the next start finds everything", async () => {
  using folder = new TempFolder();
  const batches = 30;
  const eventsPerBatch = 10_000;
  let port: number;
  {
    await using node = await NodeProcess.start({ data: folder.path });
    port = node.port;
    for (let b = 0; b < batches; b++)
      await node.publish(Array.from({ length: eventsPerBatch }, (_, i) => ({ event_id: `${b}.${i}` })));
    // Recovery has a log to read as well.
    await node.kill9();
  }
  await using starting = new Program([
    executable(),
    ...["serve", "--port", String(port), "--data", folder.path],
  ]);
  const health = async (): Promise<number | undefined> =>
    (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.status;
  let status: number | undefined;
  while (status === undefined) status = await health();
  // Seen while it starts, or this test shows nothing.
  expect(status).toBe(503);
  await expectStops(starting.exited(), () => starting.signal("SIGTERM"), "while it was starting");
  // Nor does it say that it is ready, once it has been told to stop.
  expect(starting.stdout + starting.stderr).toBe("");
  await using node = await NodeProcess.start({ data: folder.path });
  const all = batches * eventsPerBatch;
  expect(await node.stats()).toMatchObject({ received: all, unique_processed: all });
});
