/** `onefold prune` does on a stopped node's file what retention does on a running one, and gives the space back. */

import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { openForReading, readPragma } from "../../../src/storage/sqlite/database.ts";
import { TEST_TIMEOUT_MS } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventsOf, expectRight, refusalOf, resultOf } from "./tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

interface PruneResult {
  readonly removed: number;
  readonly events: number;
  readonly bytes_before: number;
  readonly bytes_after: number;
}

const EVENTS = 20_000;

async function filled(data: string): Promise<void> {
  await using node = await NodeProcess.start({ data });
  for (let i = 0; i < EVENTS / 5_000; i++) await node.publish(eventsOf(5_000, `batch-${i}`));
  await node.stop();
}

test("a running node's file is left to the node", async () => {
  await using node = await NodeProcess.start({});
  using folder = new TempFolder();
  await using other = await NodeProcess.start({ data: folder.path });
  expect(await refusalOf(1, "prune", "--data", folder.path, "--retain-events", "1")).toMatch(
    /is in use by another onefold process\. A running node prunes by itself: give it these flags\.$/,
  );
  expect([node.url === other.url, (await other.stats()).received]).toEqual([false, 0]);
});

test("what is not kept goes, counters stay, the space comes back, and ids are remembered for the window", async () => {
  using folder = new TempFolder();
  await filled(folder.path);
  const keep = ["--retain-events", "100", "--dedup-window", "1h"];
  const { removed, events, bytes_before, bytes_after } = await resultOf<PruneResult>(
    "prune",
    "--data",
    folder.path,
    ...keep,
  );
  expect({ removed, events }).toEqual({ removed: EVENTS - 100, events: 100 });
  expect(bytes_after).toBe(statSync(folder.file("onefold.db")).size);
  expect(bytes_after).toBeLessThan(bytes_before / 4);
  expect(await expectRight(folder.path)).toMatchObject({
    events: 100,
    pruned: EVENTS - 100,
    outlived_ids: EVENTS - 100,
  });
  const again = await resultOf<PruneResult>("prune", "--data", folder.path, ...keep);
  expect(again).toMatchObject({ removed: 0, events: 100 });
  await using node = await NodeProcess.start({ data: folder.path, flags: ["--dedup-window", "1h"] });
  expect(await node.publish(eventsOf(5_000, "batch-0"))).toMatchObject({ duplicate_dropped: 5_000 });
  expect(await node.stats()).toMatchObject({ unique_processed: EVENTS });
});

test("the flags are those of serve: by topic, and as variables", async () => {
  using folder = new TempFolder();
  await filled(folder.path);
  const flags = ["--data", folder.path, "--retain-events", "topic-1=10,topic-2=20"];
  const { removed } = await resultOf<PruneResult>("prune", ...flags);
  const { events } = await expectRight(folder.path);
  expect(removed).toBe(EVENTS - events);
  using db = openForReading(folder.file("onefold.db"));
  const sql = "SELECT unique_processed - pruned AS left FROM counters ORDER BY topic_id";
  const left = db
    .query<{ left: number }, []>(sql)
    .all()
    .map((row) => row.left);
  expect(left.slice(1)).toEqual([10, 20]);
  expect(left[0]).toBeGreaterThan(6_000);
});

test("a file of before there was retention is written anew, and is smaller from then on", async () => {
  using folder = new TempFolder();
  const old = new Database(folder.file("onefold.db"), { create: true });
  old.run("PRAGMA application_id = 0x6f6e6566");
  old.close();
  await filled(folder.path);
  const autoVacuum = (): unknown => {
    using db = openForReading(folder.file("onefold.db"));
    return readPragma(db, "auto_vacuum");
  };
  expect(autoVacuum()).toBe(0);
  const { bytes_before, bytes_after } = await resultOf<PruneResult>(
    "prune",
    "--data",
    folder.path,
    "--retain-bytes",
    "10kB",
  );
  expect(bytes_after).toBeLessThan(bytes_before / 4);
  expect(autoVacuum()).toBe(2);
  await expectRight(folder.path);
});

test("without a word of what to keep nothing is removed", async () => {
  expect(await refusalOf(2, "prune")).toBe(
    "Say what to keep, with --retain-events, --retain-for or --retain-bytes.",
  );
  expect(await refusalOf(2, "prune", "x", "--retain-events", "1")).toBe(
    "Expected nothing but flags, got `x`.",
  );
  expect(await refusalOf(1, "prune", "--data", "/nowhere", "--retain-events", "1")).toBe(
    "There is no file /nowhere.",
  );
});
