/** The disk reports errors or takes long: the truth about each publish, the reason in health, and service that returns. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { expectFailing, expectRefused, healthOf, untilHealth, untilStorage } from "../support/health.ts";
import { NodeProcess } from "../support/node-process.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";
import { StoredFile } from "../support/stored-file.ts";
import { lacksSystemFaults, SystemFaults } from "../support/system-faults.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const faultTest = test.skipIf(lacksSystemFaults());

const SYNCS = "fsync,fdatasync";

/** A node with one event in it, and somebody who follows its statistics. */
class ObservedNode implements AsyncDisposable {
  private constructor(
    private readonly folder: TempFolder,
    readonly node: NodeProcess,
    readonly feed: TestSocket,
  ) {}

  static async start(flags: readonly string[] = []): Promise<ObservedNode> {
    const folder = new TempFolder();
    const node = await NodeProcess.start({ data: folder.path, flags });
    await node.publish({ event_id: "before" });
    return new ObservedNode(folder, node, await TestSocket.open(`${node.wsUrl}/ws/stats`));
  }

  /** Stops it in order. */
  async expectStored(eventIds: readonly string[]): Promise<void> {
    expect(await this.node.stop()).toBe(0);
    using file = new StoredFile(this.folder.path);
    file.expectToBeConsistent();
    expect(
      file
        .events()
        .map(({ event_id }) => event_id)
        .sort(),
    ).toEqual([...eventIds].sort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.feed[Symbol.dispose]();
    await this.node[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

faultTest(
  "syncs that fail leave the outcome unknown; sending again settles it, and counts once",
  async () => {
    await using observed = await ObservedNode.start();
    const { node, feed } = observed;
    {
      await using _faults = await SystemFaults.inject(node.pid, SYNCS, "error=EIO");
      await expectRefused(node, { event_id: "1" }, "outcome_unknown");
      await expectFailing(node, "the disk does not confirm what is written", feed);
      await expectRefused(node, { event_id: "2" }, "storage_failing");
    }
    await untilStorage(node, "ready");
    for (const event_id of ["1", "2"]) await node.publish({ event_id });
    expect((await node.stats()).unique_processed).toBe(3);
    await observed.expectStored(["before", "1", "2"]);
  },
);

faultTest("after a single sync that failed the node is back at once", async () => {
  await using observed = await ObservedNode.start();
  const { node } = observed;
  await using _faults = await SystemFaults.inject(node.pid, SYNCS, "error=EIO:when=1");
  await expectRefused(node, { event_id: "1" }, "outcome_unknown");
  await untilStorage(node, "ready");
  await node.publish({ event_id: "1" });
  await observed.expectStored(["before", "1"]);
});

faultTest.each([
  ["pwrite64", "error=ENOSPC", "the disk is full"],
  ["pwrite64", "error=EIO", "the disk reports an error"],
  ["pwrite64,access,faccessat,faccessat2", "error=EROFS", "the file system is read-only"],
])("where %s answers %s nothing is stored, and health says: %s", async (calls, fault, reason) => {
  await using observed = await ObservedNode.start();
  const { node, feed } = observed;
  {
    await using _faults = await SystemFaults.inject(node.pid, calls, fault);
    expect((await node.post({ event_id: "1" })).status).toBe(503);
    await expectFailing(node, reason, feed);
    await expectRefused(node, { event_id: "2" }, "storage_failing");
  }
  await untilStorage(node, "ready");
  for (const event_id of ["1", "2"]) await node.publish({ event_id });
  await observed.expectStored(["before", "1", "2"]);
});

faultTest("what cannot be read is told 503, and read once it can be", async () => {
  await using observed = await ObservedNode.start();
  const { node } = observed;
  {
    await using _faults = await SystemFaults.inject(node.pid, "pread64", "error=EIO");
    const answer = await fetch(`${node.url}/events`);
    const { code } = (await answer.json()) as { code: string };
    expect([answer.status, code]).toEqual([503, "storage_failing"]);
  }
  expect((await node.page()).count).toBe(1);
});

faultTest(
  "with syncs of seconds health and feeds answer at once, a full queue says so, what was taken is stored",
  async () => {
    await using observed = await ObservedNode.start(["--max-queue-publishes", "4"]);
    const { node, feed } = observed;
    const stored = ["before", "frame"];
    {
      await using _faults = await SystemFaults.inject(node.pid, SYNCS, "delay_enter=2000000");
      using channel = await openPublishChannel(node.wsUrl);
      channel.send({ event_id: "frame" });
      await untilHealth(node, ({ checks }) => checks.waiting_publishes === 1);
      const answers = Array.from({ length: 20 }, (_, i) => node.post({ event_id: String(i) }));
      const refused = (await Promise.race(answers)).clone();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(((await refused.json()) as { code: string }).code).toBe("overloaded");
      const askedAt = performance.now();
      const { http, checks } = await healthOf(node);
      expect([http, checks.storage]).toEqual([200, "ready"]);
      expect(checks.waiting_publishes).toBePositive();
      feed.send({ type: "ping" });
      await feed.until(({ type }) => type === "pong");
      // Seconds would mean that it had waited for the disk.
      expect(performance.now() - askedAt).toBeLessThan(1_000);
      expect(await channel.next()).toMatchObject({ type: "ack" });
      for (const [i, { status }] of (await Promise.all(answers)).entries())
        if (status === 200) stored.push(String(i));
      expect(stored.length).toBeGreaterThan(2);
    }
    await observed.expectStored(stored);
  },
);
