/** Nothing is acknowledged that went to a file which a restart would not find. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type AppendResult, StoreError } from "../../../src/storage/event-store.ts";
import { openExisting, openForWriting, readPragma } from "../../../src/storage/sqlite/database.ts";
import { GuardedStore } from "../../../src/storage/sqlite/guarded-store.ts";
import { SqliteEventStore } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { StorageFault, StorageGoneError, storageFaultOf } from "../../../src/storage/storage-fault.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventRecord } from "../event-records.ts";

const migrationsFolder = fileURLToPath(new URL("../../../drizzle", import.meta.url));

let folder: TempFolder;
let path: string;
let inner: SqliteEventStore;
let store: GuardedStore;

beforeEach(() => {
  folder = new TempFolder();
  path = folder.file("onefold.db");
  inner = new SqliteEventStore({ path, migrationsFolder });
  store = new GuardedStore(inner, path);
  store.open();
});
afterEach(() => {
  store.close();
  folder[Symbol.dispose]();
});

const append = (id: string): AppendResult => store.append({ events: [eventRecord(id)], receivedAt: 1 });

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectRefused(run: () => unknown, fault: string, outcome: "refused" | "unknown" = "refused"): void {
  const error = thrownBy(run) as StoreError;
  expect(error).toBeInstanceOf(StoreError);
  expect([error.outcome, storageFaultOf(error)]).toEqual([outcome, fault]);
}

describe("a file that is moved away", () => {
  test("is not written to, nor made anew; moved back it takes commits as before", () => {
    append("a");
    renameSync(path, folder.file("away"));
    for (let i = 0; i < 3; i++) {
      expectRefused(() => append("b"), "the database file is gone");
      expect(thrownBy(() => store.probe())).toBeInstanceOf(StorageFault);
      expect(thrownBy(() => store.open())).toBeInstanceOf(StorageFault);
    }
    expect(existsSync(path)).toBeFalse();
    renameSync(folder.file("away"), path);
    store.probe();
    append("b");
    expect(store.open().events).toBe(2);
  });

  test("in the middle of a commit leaves its outcome unknown", () => {
    const commit = inner.append.bind(inner);
    inner.append = (batch) => {
      const result = commit(batch);
      renameSync(path, folder.file("away"));
      return result;
    };
    expectRefused(() => append("a"), "the database file is gone", "unknown");
    renameSync(folder.file("away"), path);
    expect(store.open().events).toBe(1);
  });
});

describe("for good, which is said at the second look, since moving several files takes a moment,", () => {
  const expectGoneAtSecondLook = (fault: string): void => {
    const first = thrownBy(() => store.probe());
    expect(first).toBeInstanceOf(StorageFault);
    expect(first).not.toBeInstanceOf(StorageGoneError);
    const second = thrownBy(() => store.probe());
    expect(second).toBeInstanceOf(StorageGoneError);
    expect(storageFaultOf(second)).toBe(fault);
  };

  test("is a database that another one replaced", () => {
    copyFileSync(path, folder.file("copy"));
    renameSync(folder.file("copy"), path);
    expectRefused(() => append("a"), "the database file has been replaced by another");
    expectGoneAtSecondLook("the database file has been replaced by another");
  });

  test("is a log that was deleted; what it held is in the database file by then", () => {
    append("a");
    rmSync(`${path}-wal`);
    expectRefused(() => append("b"), "the write-ahead log is gone");
    expectGoneAtSecondLook("the write-ahead log is gone");
    copyFileSync(path, folder.file("copy.db"));
    const rescued = new SqliteEventStore({ path: folder.file("copy.db"), migrationsFolder });
    expect(rescued.open().events).toBe(1);
    rescued.close();
  });

  test("is not a log that another one replaced: the next start would take it for ours", () => {
    renameSync(`${path}-wal`, folder.file("away"));
    writeFileSync(`${path}-wal`, "");
    for (let i = 0; i < 3; i++) expect(thrownBy(() => store.probe())).not.toBeInstanceOf(StorageGoneError);
    renameSync(folder.file("away"), `${path}-wal`);
    store.probe();
  });
});

test("a probe writes, and leaves nothing behind", () => {
  const changes = (): unknown => inner.database.query("SELECT total_changes() AS n").get();
  const before = changes();
  store.probe();
  expect(changes()).not.toEqual(before);
  expect(inner.database.query("SELECT 1 FROM meta WHERE key = 'probe'").get()).toBeNull();
});

test("a probe fails on a disk that is full, and works once there is room", () => {
  const [[pages]] = inner.database.query("PRAGMA page_count").values() as [[number]];
  inner.database.run(`PRAGMA max_page_count = ${pages}`);
  expectRefused(() => store.probe(), "the disk is full");
  inner.database.run("PRAGMA max_page_count = 1000000");
  store.probe();
});

test("no statement needs a file handle of its own, and an existing file is all that is opened again", () => {
  const db = openForWriting(folder.file("other.db"));
  expect(readPragma(db, "temp_store")).toBe(2);
  db.close(true);
  expect(() => openExisting(folder.file("missing.db"))).toThrow();
  expect(existsSync(folder.file("missing.db"))).toBeFalse();
});
