/** Other programs that open the database of a live node: what they may do, and what it costs. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { CLIENT_NAMES, SqliteClient } from "../support/sqlite-client.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;

/** What docs/architecture.md says of the log; it grows by more than the slack while somebody reads. */
const LOG_BYTES_MAX = 128 * MIB;
const LOG_BYTES_SLACK = 32 * MIB;

/** Where the size of the log does not matter. */
const LIGHT = { connections: 2, eventsPerBody: 10, payloadCharacters: 100 };

/** Where it shall grow, but not faster than it can be copied back. */
const HEAVY = { connections: 2, eventsPerBody: 100, payloadCharacters: 4_000 };

const SHORT_LOCK_MS = 1_000;
const STOP_MS_MAX = 10_000;

function logBytes(folder: TempFolder): number {
  return statSync(folder.file("onefold.db-wal"), { throwIfNoEntry: false })?.size ?? 0;
}

/** Stops the load and the node, and compares what was acknowledged with the file. */
async function expectAllThere(node: NodeProcess, load: SteadyLoad, folder: TempFolder): Promise<void> {
  await load.stop();
  expect(await node.stats()).toMatchObject({ received: load.events, unique_processed: load.events });
  expect(await node.stop()).toBe(0);
  using file = new StoredFile(folder.path);
  file.expectToBeConsistent();
  expect(file.events()).toHaveLength(load.events);
}

/** The write lock may just be taken by a commit: a client without a timeout of its own asks again. */
async function lockForWriting(client: SqliteClient): Promise<void> {
  for (;;) {
    try {
      await client.run("BEGIN IMMEDIATE");
      return;
    } catch (error) {
      if (!/locked/.test(String(error))) throw error;
    }
  }
}

test.each(CLIENT_NAMES)(
  "%s reads one state for as long as it likes, and acknowledgements go on",
  async (name) => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    await using load = new SteadyLoad(node, LIGHT);
    await load.acknowledged(20);
    await using client = new SqliteClient(name, folder.path);
    load.takeLongestGapMs();
    await client.run("BEGIN");
    const events = await client.value("SELECT count(*) FROM events");
    await load.acknowledged(500);
    expect(await client.value("SELECT count(*) FROM events")).toBe(events);
    expect(await client.value("SELECT sum(unique_processed) FROM counters")).toBe(events);
    expect(await client.value("PRAGMA integrity_check")).toBe("ok");
    await client.run("COMMIT");
    const gap = load.takeLongestGapMs();
    expect(await client.value("SELECT count(*) FROM events")).toBeGreaterThan(events as number);
    await client.close();
    console.log(`outside readers: ${name}: longest gap ${gap.toFixed(0)} ms while it read`);
    expect(load.refusals).toEqual([]);
    await expectAllThere(node, load, folder);
  },
);

test("the log grows while a client reads an old state, and is cut back to its bound when that has ended", async () => {
  const [name] = CLIENT_NAMES;
  using folder = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await using load = new SteadyLoad(node, HEAVY);
  await load.acknowledged(20);
  await using client = new SqliteClient(name!, folder.path);
  await client.run("BEGIN");
  const events = await client.value("SELECT count(*) FROM events");
  load.takeLongestGapMs();
  await load.until(() => logBytes(folder) > LOG_BYTES_MAX + LOG_BYTES_SLACK, "the log to grow");
  const grown = logBytes(folder);
  const gap = load.takeLongestGapMs();
  expect(await client.value("SELECT count(*) FROM events")).toBe(events);
  await client.run("COMMIT");
  await load.until(() => logBytes(folder) <= LOG_BYTES_MAX, "the log to be cut back");
  console.log(
    `outside readers: log ${(grown / MIB).toFixed(0)} MiB while it was read, ${(logBytes(folder) / MIB).toFixed(0)} MiB ` +
      `after; longest gaps ${gap.toFixed(0)} and ${load.takeLongestGapMs().toFixed(0)} ms`,
  );
  expect(load.refusals).toEqual([]);
  await expectAllThere(node, load, folder);
});

test.each(CLIENT_NAMES)(
  "%s writes a whole and consistent copy with VACUUM INTO, and acknowledgements go on",
  async (name) => {
    using folder = new TempFolder();
    using copy = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    await using load = new SteadyLoad(node, LIGHT);
    await load.acknowledged(20);
    const before = load.events;
    await using client = new SqliteClient(name, folder.path);
    load.takeLongestGapMs();
    await client.run(`VACUUM INTO '${copy.file("onefold.db")}'`);
    console.log(
      `outside readers: ${name}: longest gap ${load.takeLongestGapMs().toFixed(0)} ms during VACUUM INTO`,
    );
    await load.acknowledged(20);
    expect(load.refusals).toEqual([]);
    await expectAllThere(node, load, folder);
    await using other = await NodeProcess.start({ data: copy.path });
    const { unique_processed } = await other.stats();
    expect(unique_processed).toBeWithin(before, load.events + 1);
    expect(await other.publish({ topic: "load.1", event_id: "1", payload: "differs" })).toMatchObject({
      conflicts: 1,
    });
    await other.stop();
    using file = new StoredFile(copy.path);
    file.expectToBeConsistent();
  },
);

test.each(CLIENT_NAMES)(
  "%s holds the write lock for a second: commits wait, nothing is refused, and health answers all the while",
  async (name) => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    await using load = new SteadyLoad(node, LIGHT);
    await load.acknowledged(20);
    await using client = new SqliteClient(name, folder.path);
    await lockForWriting(client);
    load.takeLongestGapMs();
    const until = performance.now() + SHORT_LOCK_MS;
    let slowestHealthMs = 0;
    while (performance.now() < until) {
      const askedAt = performance.now();
      expect((await fetch(`${node.url}/health`)).status).toBe(200);
      slowestHealthMs = Math.max(slowestHealthMs, performance.now() - askedAt);
    }
    await client.run("ROLLBACK");
    await load.acknowledged(20);
    const gap = load.takeLongestGapMs();
    console.log(
      `outside readers: ${name}: longest gap ${gap.toFixed(0)} ms with a lock of ${SHORT_LOCK_MS} ms, ` +
        `slowest health ${slowestHealthMs.toFixed(0)} ms`,
    );
    expect(gap).toBeGreaterThan(SHORT_LOCK_MS / 2);
    expect(slowestHealthMs).toBeLessThan(SHORT_LOCK_MS / 2);
    expect(load.refusals).toEqual([]);
    await expectAllThere(node, load, folder);
  },
);

test("who holds the write lock for longer than commits wait is told of as 503, and then all is well again", async () => {
  const [name] = CLIENT_NAMES;
  using folder = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await using load = new SteadyLoad(node, LIGHT);
  await load.acknowledged(20);
  await using client = new SqliteClient(name!, folder.path);
  load.takeLongestGapMs();
  await lockForWriting(client);
  await load.until(() => load.refusals.length > 0, "a refusal");
  await client.run("ROLLBACK");
  await load.acknowledged(20);
  const codes = [...new Set(load.refusals)];
  console.log(`outside readers: longest gap ${load.takeLongestGapMs().toFixed(0)} ms, refused as ${codes}`);
  expect(codes).toEqual(["storage_failing"]);
  await expectAllThere(node, load, folder);
});

test("a client that reads an old state does not keep the node from stopping", async () => {
  const [name] = CLIENT_NAMES;
  using folder = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await node.publish(Array.from({ length: 1_000 }, (_, i) => ({ event_id: String(i) })));
  await using client = new SqliteClient(name!, folder.path);
  await client.run("BEGIN");
  expect(await client.value("SELECT count(*) FROM events")).toBe(1_000);
  await node.publish({ event_id: "last" });
  const signalledAt = performance.now();
  expect(await node.stop()).toBe(0);
  const stopMs = performance.now() - signalledAt;
  console.log(`outside readers: stopped after ${stopMs.toFixed(0)} ms with a reader of an old state`);
  expect(stopMs).toBeLessThan(STOP_MS_MAX);
  expect(await client.value("SELECT count(*) FROM events")).toBe(1_000);
  await client.close();
  await using next = await NodeProcess.start({ data: folder.path });
  expect(await next.stats()).toMatchObject({ received: 1_001, unique_processed: 1_001 });
});

test("the file without its log is not the database: what was acknowledged last is missing", async () => {
  using folder = new TempFolder();
  using copy = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await node.publish({ event_id: "1" });
  copyFileSync(folder.file("onefold.db"), copy.file("onefold.db"));
  await using other = await NodeProcess.start({ data: copy.path });
  expect(await other.find("default", "1")).toBeUndefined();
});
