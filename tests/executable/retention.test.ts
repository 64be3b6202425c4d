/** A node with retention: bounded while it is written to, exact in its counters, and open about what is gone. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { countersOf } from "../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const events = (count: number, prefix: string, topic = "orders", payload: unknown = null) =>
  Array.from({ length: count }, (_, i) => ({ topic, event_id: `${prefix}${i}`, payload }));

async function storedOf(node: NodeProcess, query = ""): Promise<number[]> {
  return (await node.page(`?limit=10000${query}`)).events.map(({ seq }) => seq);
}

describe("--retain-events", () => {
  test("keeps the newest and the totals, over restarts and a kill, and ids go with their events", async () => {
    using folder = new TempFolder();
    const flags = ["--retain-events", "orders=100,logs.*=10"];
    for (let run = 1; run <= 3; run++) {
      await using node = await NodeProcess.start({ data: folder.path, flags });
      await node.publish(events(1_000, `${run}.`));
      await node.publish(events(500, `${run}.`, "logs.a"));
      await node.publish(events(50, `${run}.`, "kept"));
      await until(async () => (await storedOf(node, "&topic=orders")).length <= 100);
      await until(async () => (await storedOf(node, "&topic=logs.a")).length <= 10);
      expect(await storedOf(node, "&topic=kept")).toHaveLength(50 * run);
      const { topics, unique_processed } = await node.stats();
      expect(unique_processed).toBe(1_550 * run);
      expect(countersOf(topics.orders!)).toEqual({
        received: 1_000 * run,
        unique_processed: 1_000 * run,
        duplicate_dropped: 0,
        conflicts: 0,
      });
      expect((await node.find("orders", `${run}.999`))?.event_id).toBe(`${run}.999`);
      expect(await node.find("orders", `${run}.0`)).toBeUndefined();
      if (run === 2) await node.kill9();
      else expect(await node.stop()).toBe(0);
    }
    await using node = await NodeProcess.start({ data: folder.path, flags });
    expect(await node.publish({ topic: "orders", event_id: "3.999" })).toMatchObject({ status: "duplicate" });
    expect(await node.publish({ topic: "orders", event_id: "3.0" })).toMatchObject({
      status: "processed",
      seq: 4_651,
    });
  });

  test("tells a reader whose cursor lies behind what is gone, and no other", async () => {
    await using node = await NodeProcess.start({ flags: ["--retain-events", "10"] });
    await node.publish(events(100, "e"));
    await until(async () => (await storedOf(node)).length <= 10);
    expect(await node.page("?after=5")).toMatchObject({ gap: { from: 6, to: 90 }, count: 10 });
    expect(await node.page("?after=90")).not.toHaveProperty("gap");
    expect(await node.page("")).not.toHaveProperty("gap");
  });

  test("under load keeps the file and its log bounded", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path, flags: ["--retain-events", "5000"] });
    for (let i = 0; i < 60; i++) await node.publish(events(2_000, `${i}.`, "load", "x".repeat(200)));
    await until(async () => (await node.page("?after=0&limit=1")).gap?.to === 115_000);
    // Sixty times two thousand events of 300 bytes would be 36 MB.
    expect(statSync(folder.file("onefold.db")).size).toBeLessThan(20 * 1024 * 1024);
    expect((await node.stats()).unique_processed).toBe(120_000);
  });
});

test("--retain-for and --dedup-window: events go, their ids stay for the window, and then they are new", async () => {
  using folder = new TempFolder();
  const flags = ["--retain-for", "200ms", "--dedup-window", "1h"];
  {
    await using node = await NodeProcess.start({ data: folder.path, flags });
    const { seq } = await node.publish({ event_id: "a", payload: 1 });
    await until(async () => (await storedOf(node)).length === 0);
    const again = await node.publish({ event_id: "a", payload: 2 }, "?results=true");
    expect(again).toMatchObject({ status: "duplicate", seq, conflicts: 0 });
    await node.kill9();
  }
  {
    await using node = await NodeProcess.start({ data: folder.path, flags });
    expect(await node.publish({ event_id: "a" })).toMatchObject({ status: "duplicate" });
    expect(await node.stop()).toBe(0);
  }
  await using node = await NodeProcess.start({ data: folder.path, flags: flags.slice(0, 2) });
  await until(async () => (await node.publish({ event_id: "a" })).status === "processed");
});

test("--retain-bytes bounds what is kept", async () => {
  await using node = await NodeProcess.start({ flags: ["--retain-bytes", "100kB"] });
  await node.publish(events(500, "e", "orders", "x".repeat(1_000)));
  await until(async () => (await storedOf(node)).length < 100);
  expect(await storedOf(node)).toHaveLength(Math.floor(100_000 / (48 + 4 + 1_002)));
});
