/** Retention on a file that no node has open: removes what is due, and gives the space back. */

import { statSync } from "node:fs";
import type { OnProgress } from "../progress.ts";
import type { Retention } from "../storage/retention.ts";
import { checkpoint } from "../storage/sqlite/checkpointer.ts";
import { readPragma } from "../storage/sqlite/database.ts";
import { AlreadyOwnedError, acquireOwnerLock, type OwnerLock } from "../storage/sqlite/owner-lock.ts";
import { SqliteEventStore } from "../storage/sqlite/sqlite-event-store.ts";

export interface OfflinePruneOptions {
  readonly databasePath: string;
  readonly migrationsFolder: string;
  readonly retention: Retention;
  readonly onProgress: OnProgress;
}

export interface Pruned {
  readonly removed: number;
  /** Events that are left. */
  readonly events: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Events that one step looks at: nobody waits for the file meanwhile. */
const ROWS_PER_STEP = 8_192;

/** Pages given back in one step. */
const PAGES_PER_STEP = 4_096;

const AUTO_VACUUM_NONE = 0;

/** @throws Error with one sentence */
export function pruneOffline(options: OfflinePruneOptions): Pruned {
  const { databasePath, migrationsFolder, retention, onProgress } = options;
  const lock = owned(databasePath);
  const store = new SqliteEventStore({ path: databasePath, migrationsFolder, retention });
  try {
    const bytesBefore = bytesOf(databasePath);
    const { events: before } = store.open();
    const removed = removeDue(store, before, onProgress);
    giveBack(store, onProgress);
    checkpoint(store.database, "TRUNCATE");
    return { removed, events: before - removed, bytesBefore, bytesAfter: bytesOf(databasePath) };
  } finally {
    store.close();
    lock.release();
  }
}

function owned(databasePath: string): OwnerLock {
  try {
    return acquireOwnerLock(databasePath);
  } catch (error) {
    if (!(error instanceof AlreadyOwnedError)) throw error;
    throw new Error(`${error.message} A running node prunes by itself: give it these flags.`, {
      cause: error,
    });
  }
}

function removeDue(store: SqliteEventStore, events: number, onProgress: OnProgress): number {
  let removed = 0;
  for (;;) {
    const step = store.prune(Date.now(), ROWS_PER_STEP);
    removed += step.removed;
    onProgress({ done: removed, total: events, unit: "events removed" });
    if (step.isDone) return removed;
  }
}

/** Free pages are at the end of what pruning leaves; a file of before there was retention has to be written anew. */
function giveBack({ database }: SqliteEventStore, onProgress: OnProgress): void {
  if (readPragma(database, "auto_vacuum") === AUTO_VACUUM_NONE) {
    database.run("PRAGMA auto_vacuum = INCREMENTAL");
    // It makes the whole file anew beside the old one: not in memory.
    database.run("PRAGMA temp_store = FILE");
    database.run("VACUUM");
    return;
  }
  const total = Number(readPragma(database, "freelist_count"));
  for (let free = total; free > 0; ) {
    onProgress({ done: total - free, total, unit: "pages given back" });
    database.run(`PRAGMA incremental_vacuum(${PAGES_PER_STEP})`);
    const left = Number(readPragma(database, "freelist_count"));
    if (left >= free) return;
    free = left;
  }
}

/** Of the file and its log. */
function bytesOf(databasePath: string): number {
  return ["", "-wal"].reduce(
    (sum, suffix) => sum + (statSync(`${databasePath}${suffix}`, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
