/** What Litestream does to the file of a live node, imitated: neither of the two breaks the other. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { CLIENT_NAMES } from "../support/sqlite-client.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { type CheckpointMode, WalReplica } from "../support/wal-replica.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const LOAD = { connections: 2, eventsPerBody: 20, payloadCharacters: 1_000 };

/** 20 events of 1 kB each: the log passes the 4 MiB from which on the node copies it back. */
const ACKNOWLEDGEMENTS_PER_ROUND = 240;

const CHECKPOINTS: readonly CheckpointMode[] = ["PASSIVE", "PASSIVE", "RESTART", "PASSIVE", "TRUNCATE"];

test("the log never begins again before it was copied, and what is restored from the copy has all that was acknowledged", async () => {
  using folder = new TempFolder();
  using restored = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await using load = new SteadyLoad(node, LOAD);
  await load.acknowledged(20);
  await using replica = await WalReplica.of(CLIENT_NAMES[0]!, folder.path);
  const gaps: string[] = [];
  for (const mode of CHECKPOINTS) {
    await load.acknowledged(ACKNOWLEDGEMENTS_PER_ROUND);
    await replica.copy();
    load.takeLongestGapMs();
    await replica.checkpoint(mode);
    await load.acknowledged(1);
    gaps.push(`${mode} ${load.takeLongestGapMs().toFixed(0)}`);
  }
  const acknowledged = load.events;
  await replica.copy();
  replica.restore(restored.file("onefold.db"));
  console.log(`litestream: ${replica.framesCopied} pages copied, longest gaps in ms: ${gaps.join(", ")}`);
  expect(load.refusals).toEqual([]);

  await load.stop();
  expect(await node.stats()).toMatchObject({ received: load.events, unique_processed: load.events });
  await node.stop();
  expectConsistent(folder, load.events);
  // Its tables are in the file for ever, and mean nothing to a node.
  await using again = await NodeProcess.start({ data: folder.path });
  expect((await again.stats()).unique_processed).toBe(load.events);
  await using other = await NodeProcess.start({ data: restored.path });
  const { unique_processed } = await other.stats();
  expect(unique_processed).toBeWithin(acknowledged, load.events + 1);
  await other.stop();
  expectConsistent(restored, unique_processed);
});

function expectConsistent(folder: TempFolder, events: number): void {
  using file = new StoredFile(folder.path);
  file.expectToBeConsistent();
  expect(file.events()).toHaveLength(events);
}
