/** The disk fails: nothing is acknowledged that is not stored, health says why, and service comes back by itself. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { expectFailing, expectHealthy, expectRefused, untilStorage } from "../support/health.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { lacksMounts, SmallDisk } from "../support/small-disk.ts";
import { TestSocket } from "../support/socket.ts";
import { StoredFile } from "../support/stored-file.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const openFeed = (node: NodeProcess): Promise<TestSocket> => TestSocket.open(`${node.wsUrl}/ws/stats`);

/** The node stops in order, and this is what its file holds. */
async function expectStored(node: NodeProcess, folder: string, eventIds: readonly string[]): Promise<void> {
  expect(await node.stop()).toBe(0);
  using file = new StoredFile(folder);
  file.expectToBeConsistent();
  expect(file.events().map(({ event_id }) => event_id)).toEqual([...eventIds]);
}

describe.skipIf(lacksMounts())("a full disk", () => {
  const EVENTS_BEFORE = 20;

  /** Fills the disk among events of a kilobyte, until one is refused. @returns the ids of the acknowledged ones. */
  async function publishUntilFull(node: NodeProcess, disk: SmallDisk): Promise<string[]> {
    const acknowledged: string[] = [];
    for (;;) {
      if (acknowledged.length === EVENTS_BEFORE) disk.fill();
      const event_id = String(acknowledged.length);
      const response = await node.post({ event_id, payload: "x".repeat(1_000) });
      if (response.status !== 200) {
        expect(await response.json()).toMatchObject({ status: 503, code: "storage_failing" });
        return acknowledged;
      }
      acknowledged.push(event_id);
    }
  }

  test("refuses, says so in health, and takes again once there is room, in the same epoch", async () => {
    using disk = new SmallDisk(3);
    await using node = await NodeProcess.start({ data: disk.path });
    using feed = await openFeed(node);
    const acknowledged = await publishUntilFull(node, disk);
    await expectFailing(node, "the disk is full", feed);
    const before = await node.stats();
    expect(before.unique_processed).toBe(acknowledged.length);
    // What was stored can still be read.
    expect((await node.page("?limit=1")).count).toBe(1);
    disk.empty();
    await untilStorage(node, "ready");
    await expectHealthy(node);
    expect((await node.stats()).epoch).toBe(before.epoch);
    await node.publish({ event_id: "after" });
    expect(node.output.match(/storage is failing/g)).toHaveLength(1);
    expect(node.output.match(/storage works again/g)).toHaveLength(1);
    await expectStored(node, disk.path, [...acknowledged, "after"]);
  });

  test("is found not to be full any more by whoever publishes next", async () => {
    using disk = new SmallDisk(3);
    await using node = await NodeProcess.start({ data: disk.path });
    const acknowledged = await publishUntilFull(node, disk);
    disk.empty();
    await node.publish({ event_id: "after" });
    await expectHealthy(node);
    await expectStored(node, disk.path, [...acknowledged, "after"]);
  });

  test("does not keep a node from starting on what is there", async () => {
    using disk = new SmallDisk(3);
    await using killed = await NodeProcess.start({ data: disk.path });
    const acknowledged = await publishUntilFull(killed, disk);
    await killed.kill9();
    disk.fill();
    await using node = await NodeProcess.start({ data: disk.path });
    await expectRefused(node, { event_id: "x", payload: "x".repeat(100_000) }, "storage_failing");
    disk.empty();
    await expectStored(node, disk.path, acknowledged);
  });

  test("keeps a node from starting on nothing, and one sentence says so", async () => {
    using disk = new SmallDisk(3);
    disk.fill();
    const { exitCode, stdout, stderr } = await runToExit(["serve", "--port", "0", "--data", disk.path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^onefold: [^\n]*disk is full[^\n]*\.\n$/);
    disk.empty();
    await using node = await NodeProcess.start({ data: disk.path });
    await node.publish({ event_id: "1" });
  });
});
