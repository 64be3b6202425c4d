/** A data folder as a released version has left it, with what that version answered: one archive. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { deliver, type Recording, readAnswers, versionOf } from "./recording.ts";
import { deliveries } from "./traffic.ts";

/** How the node ended that left the file: in order, or with `kill -9` and all that is new in its write-ahead log. */
export type Ending = "stopped" | "killed";

export const ENDINGS: readonly Ending[] = ["stopped", "killed"];

export const FIXTURES_FOLDER = join(import.meta.dir, "fixtures");

/** Everything of a data folder but the lock and the shared memory, which mean nothing once the process is gone. */
const DATABASE_FILES = ["onefold.db", "onefold.db-wal"];
const RECORDING = "recording.json";

/** Runs a node of the version at hand, and packs up what it leaves. */
export async function makeFixture(ending: Ending): Promise<{ version: string; archive: Uint8Array }> {
  using folder = new TempFolder();
  const recording = await runNode(folder.path, ending);
  const files: Record<string, Uint8Array | string> = { [RECORDING]: JSON.stringify(recording) };
  for (const name of DATABASE_FILES) {
    const path = folder.file(name);
    if (existsSync(path)) files[name] = new Uint8Array(readFileSync(path));
  }
  const archive = await new Bun.Archive(files, { compress: "gzip", level: 12 }).bytes();
  return { version: recording.version, archive };
}

async function runNode(data: string, ending: Ending): Promise<Recording> {
  const all = deliveries();
  const half = Math.ceil(all.length / 2);
  // Two runs, so that the file has been opened before.
  const first = await (async () => {
    await using node = await NodeProcess.start({ data });
    const answered = await deliver(node, all.slice(0, half));
    if ((await node.stop()) !== 0) throw new Error(`The node did not stop in order:\n${node.output}`);
    return answered;
  })();
  await using node = await NodeProcess.start({ data });
  const second = await deliver(node, all.slice(half));
  const recording = {
    version: await versionOf(node),
    deliveries: [...first, ...second],
    ...(await readAnswers(node)),
  };
  await (ending === "stopped" ? node.stop() : node.kill9());
  return recording;
}

/** @param name a file of the fixtures' folder. */
export function readFixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(FIXTURES_FOLDER, name)));
}

/** Unpacks a fixture into a data folder. @returns what was recorded then. */
export async function unpackFixture(archive: Uint8Array, folder: string): Promise<Recording> {
  const files = await new Bun.Archive(archive).files();
  for (const name of DATABASE_FILES) {
    const file = files.get(name);
    if (file !== undefined) writeFileSync(join(folder, name), await file.bytes());
  }
  return JSON.parse(await files.get(RECORDING)!.text()) as Recording;
}
