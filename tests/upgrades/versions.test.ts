/** A file says which version wrote it last; one from a newer version is refused by name, and stays as it is. */

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { type Ending, readFixture, unpackFixture } from "./fixture.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const NEWER = "9.9.9";
const YEAR_2100 = Date.UTC(2100, 0, 1);

/** A data folder as 0.1.0 has left it. */
async function oldFolder(ending: Ending = "stopped"): Promise<TempFolder> {
  const folder = new TempFolder();
  await unpackFixture(readFixture(`0.1.0-${ending}.tar.gz`), folder.path);
  return folder;
}

/** Changes a file that no node has open. */
function change(folder: TempFolder, ...statements: readonly string[]): void {
  using db = new Database(folder.file("onefold.db"));
  for (const statement of statements) db.run(statement);
}

const ADD_MIGRATION = `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('of the future', ${YEAR_2100})`;
const SET_VERSION = `INSERT OR REPLACE INTO meta (key, value) VALUES ('version', '${NEWER}')`;

function versionIn(folder: TempFolder): unknown {
  using db = new Database(folder.file("onefold.db"), { readonly: true });
  return db.query<{ value: unknown }, []>("SELECT value FROM meta WHERE key = 'version'").get()?.value;
}

function eventsIn(folder: TempFolder): number {
  using file = new StoredFile(folder.path);
  return file.events().length;
}

/** Starts and stops a node. */
async function run(folder: TempFolder): Promise<void> {
  await using node = await NodeProcess.start({ data: folder.path });
  expect(await node.stop()).toBe(0);
}

async function expectRefused(folder: TempFolder, writer: string): Promise<void> {
  expect(await runToExit(["serve", "--port", "0", "--data", folder.path])).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: `onefold: ${folder.file("onefold.db")} was written by ${writer}, which is newer than this ${manifest.version}: run that version or restore a backup.\n`,
  });
}

describe("a file with a migration that this version does not know", () => {
  test("is refused by the name of the version that wrote it, and not a byte of it changes", async () => {
    using folder = await oldFolder();
    change(folder, ADD_MIGRATION, SET_VERSION, "PRAGMA wal_checkpoint(TRUNCATE)");
    const bytes = readFileSync(folder.file("onefold.db"));
    await expectRefused(folder, `onefold ${NEWER}`);
    expect(readFileSync(folder.file("onefold.db")).equals(bytes)).toBeTrue();
    expect(statSync(folder.file("onefold.db-wal"), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  test("is refused as well when it does not say who wrote it, or has no place to say it", async () => {
    using folder = await oldFolder();
    change(folder, ADD_MIGRATION);
    await expectRefused(folder, "a onefold");
    change(folder, "ALTER TABLE meta RENAME TO facts");
    await expectRefused(folder, "a onefold");
  });

  test("and a log that a crash has left loses nothing: the version that wrote it finds all of it", async () => {
    using folder = await oldFolder("killed");
    const events = eventsIn(folder);
    expect(events).toBePositive();
    {
      // Another connection stays open, so that closing this one does not copy the log into the file.
      using _other = new Database(folder.file("onefold.db"), { readonly: true });
      _other.run("SELECT 1 FROM meta");
      change(folder, ADD_MIGRATION, SET_VERSION);
      await expectRefused(folder, `onefold ${NEWER}`);
    }
    change(folder, `DELETE FROM __drizzle_migrations WHERE created_at = ${YEAR_2100}`);
    await using node = await NodeProcess.start({ data: folder.path });
    expect((await node.stats()).unique_processed).toBe(events);
    await node.stop();
    using file = new StoredFile(folder.path);
    file.expectToBeConsistent();
  });
});

describe("the version of the last writer", () => {
  test("is in every file that a node has opened", async () => {
    using fresh = new TempFolder();
    await run(fresh);
    expect(versionIn(fresh)).toBe(manifest.version);
    using old = await oldFolder();
    await run(old);
    expect(versionIn(old)).toBe(manifest.version);
  });

  test("becomes this one where only the name is newer and every migration is known", async () => {
    using folder = await oldFolder();
    change(folder, SET_VERSION);
    await run(folder);
    expect(versionIn(folder)).toBe(manifest.version);
  });

  test("is not written again by a start that finds it there: the file stays as it is", async () => {
    using folder = await oldFolder();
    await run(folder);
    const bytes = readFileSync(folder.file("onefold.db"));
    await run(folder);
    expect(readFileSync(folder.file("onefold.db")).equals(bytes)).toBeTrue();
  });
});
