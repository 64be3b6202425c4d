/** A file that is not served stays as it was found: database and log, for whoever can make something of them. */

import { constants, Database } from "bun:sqlite";
import { statSync } from "node:fs";

/**
 * SQLite copies the log into the database when the last connection closes, and deletes it; but not when that connection
 * may only read.
 */
export function closeUntouched(db: Database, path: string): void {
  const last = readerBeside(path);
  db.close(true);
  last?.close(true);
}

function readerBeside(path: string): Database | undefined {
  let reader: Database | undefined;
  try {
    reader = new Database(path, { readonly: true });
    reader.run("SELECT 1 FROM sqlite_schema");
  } catch {
    // So damaged that there is nothing to read, and so nothing that closing would copy.
  }
  return reader;
}

/** Whose database the file is by itself, its log left aside; undefined where that cannot be read. */
export function idWithoutLog(path: string): string | undefined {
  return withoutLog(path, databaseIdIn);
}

/** Whether retention has ever removed something; false where that cannot be read. */
export function hasBeenPruned(path: string): boolean {
  return withoutLog(path, (db) => factIn(db, "pruned_through")) !== undefined;
}

/** Undefined where there is no log, or nothing to be read beside it: the first pages of a file may all be in its log. */
function withoutLog(path: string, read: (db: Database) => string | undefined): string | undefined {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
  const url = `file:${encodeURI(path).replaceAll("?", "%3f").replaceAll("#", "%23")}?immutable=1`;
  let db: Database | undefined;
  try {
    db = new Database(url, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
    return read(db);
  } catch {
    return undefined;
  } finally {
    db?.close(true);
  }
}

/** Undefined in a file from before there were such ids. */
export function databaseIdIn(db: Database): string | undefined {
  return factIn(db, "database_id");
}

function factIn(db: Database, key: string): string | undefined {
  return db
    .prepare<{ value: string }, [string]>("SELECT CAST(value AS TEXT) AS value FROM meta WHERE key = ?")
    .get(key)?.value;
}
