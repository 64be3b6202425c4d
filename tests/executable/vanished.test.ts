/** The files go from under the node: it acknowledges nothing that a restart would not find, and is back when they are. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { expectFailing, expectHealthy, expectRefused, untilStorage } from "../support/health.ts";
import { NodeProcess } from "../support/node-process.ts";
import { lacksMounts, SmallDisk } from "../support/small-disk.ts";
import { TestSocket } from "../support/socket.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const GONE = "the database file is gone";

/** With one event in it. */
async function startNode(data: string): Promise<{ node: NodeProcess; feed: TestSocket; epoch: string }> {
  const node = await NodeProcess.start({ data });
  const feed = await TestSocket.open(`${node.wsUrl}/ws/stats`);
  await node.publish({ event_id: "before" });
  return { node, feed, epoch: (await node.stats()).epoch };
}

/** Publishing and reading are refused, health says why. */
async function expectUnusable(node: NodeProcess, feed: TestSocket, reason: string): Promise<void> {
  await expectRefused(node, { event_id: "refused" }, "storage_failing");
  await expectFailing(node, reason, feed);
  for (const path of ["/events", "/conflicts", "/events/default/before"]) {
    const answer = await fetch(`${node.url}${path}`);
    expect([path, answer.status]).toEqual([path, 503]);
    expect(((await answer.json()) as { code: string }).code).toBe("storage_failing");
  }
}

async function expectBack(node: NodeProcess, data: string): Promise<void> {
  await untilStorage(node, "ready");
  await expectHealthy(node);
  await node.publish({ event_id: "after" });
  expect((await node.page()).events.map(({ event_id }) => event_id)).toEqual(["before", "after"]);
  expect(await node.stop()).toBe(0);
  using file = new StoredFile(data);
  file.expectToBeConsistent();
  expect(file.events().map(({ event_id }) => event_id)).toEqual(["before", "after"]);
}

test("a data folder that is moved away and back: nothing is made in its place, and counting goes on in one epoch", async () => {
  using folder = new TempFolder();
  const data = folder.file("data");
  const { node, feed, epoch } = await startNode(data);
  await using _node = node;
  using _feed = feed;
  renameSync(data, folder.file("elsewhere"));
  await expectUnusable(node, feed, GONE);
  expect(existsSync(data)).toBeFalse();
  renameSync(folder.file("elsewhere"), data);
  await untilStorage(node, "ready");
  expect((await node.stats()).epoch).toBe(epoch);
  await expectBack(node, data);
});

test("files that are moved away and back one by one", async () => {
  using folder = new TempFolder();
  using elsewhere = new TempFolder();
  const { node, feed } = await startNode(folder.path);
  await using _node = node;
  using _feed = feed;
  const names = readdirSync(folder.path).filter((name) => /\.db(-wal|-shm|\.lock)?$/.test(name));
  for (const name of names) renameSync(folder.file(name), elsewhere.file(name));
  await expectUnusable(node, feed, GONE);
  expect(readdirSync(folder.path).filter((name) => names.includes(name))).toEqual([]);
  for (const name of names) renameSync(elsewhere.file(name), folder.file(name));
  await expectBack(node, folder.path);
});

test("a database file that is deleted is not made anew, not by the node while it runs, nor by publishing", async () => {
  using folder = new TempFolder();
  const { node, feed } = await startNode(folder.path);
  await using _node = node;
  using _feed = feed;
  rmSync(folder.file("onefold.db"));
  for (let i = 0; i < 3; i++) await expectUnusable(node, feed, GONE);
  expect(existsSync(folder.file("onefold.db"))).toBeFalse();
});

test("another database in its place ends the node with 1 and one sentence; the next start serves it", async () => {
  using folder = new TempFolder();
  using backup = new TempFolder();
  {
    const { node, feed } = await startNode(folder.path);
    await using _node = node;
    using _feed = feed;
    expect(await node.stop()).toBe(0);
    copyFileSync(folder.file("onefold.db"), backup.file("onefold.db"));
  }
  await using node = await NodeProcess.start({ data: folder.path });
  await node.publish({ event_id: "later" });
  rmSync(folder.path, { recursive: true });
  await expectRefused(node, { event_id: "refused" }, "storage_failing");
  mkdirSync(folder.path);
  copyFileSync(backup.file("onefold.db"), folder.file("onefold.db"));
  expect(await node.exited).toBe(1);
  expect(node.output).toMatch(
    /\nonefold: The node ends, .*the database file has been replaced by another.*\n$/,
  );
  await using next = await NodeProcess.start({ data: folder.path });
  expect((await next.page()).events.map(({ event_id }) => event_id)).toEqual(["before"]);
});

test.each([
  ["onefold.db-wal", "the write-ahead log is gone"],
  ["onefold.db.lock", "the lock file is gone"],
])(
  "without %s the node ends with 1, and all that was acknowledged is there at the next start",
  async (name, fault) => {
    using folder = new TempFolder();
    const { node, feed } = await startNode(folder.path);
    await using _node = node;
    using _feed = feed;
    rmSync(folder.file(name));
    await expectRefused(node, { event_id: "refused" }, "storage_failing");
    expect(await node.exited).toBe(1);
    expect(node.output).toContain(`onefold: The node ends, so that what is there is opened afresh: ${fault}`);
    await using next = await NodeProcess.start({ data: folder.path });
    await expectBack(next, folder.path);
  },
);

describe.skipIf(lacksMounts())("a mount", () => {
  test("that goes and comes back", async () => {
    using disk = new SmallDisk(4);
    const { node, feed } = await startNode(disk.path);
    await using _node = node;
    using _feed = feed;
    disk.detach();
    await expectUnusable(node, feed, GONE);
    expect(readdirSync(disk.path)).toEqual([]);
    disk.attach();
    await expectBack(node, disk.path);
    expect(existsSync(join(disk.path, "onefold.db"))).toBeTrue();
  });
});
