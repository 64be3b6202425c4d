/** Opens the database file with the settings that the promise rests on, and reads them back. */

import { Database } from "bun:sqlite";
import { DamagedError } from "../event-reader.ts";
import { faultBeforeOpening, faultOfSize } from "./file-shape.ts";
import { closeUntouched, databaseIdIn, idWithoutLog } from "./refused-file.ts";

export type OpenDatabase = (path: string) => Database;

/** How long a statement waits for a lock before it fails. Only a checkpoint or an outside tool ever holds one. */
const BUSY_TIMEOUT_MS = 5_000;

/** No statement shall need a file handle of its own: there may be none left. */
const TEMPORARY_IN_MEMORY = "PRAGMA temp_store = MEMORY";
/**
 * A log that grew longer, while somebody read an old state say, is cut back to this when it restarts. It is what a log
 * grows to under constant writing: writing over what is there is synced in half the time that appending takes.
 */
const LOG_BYTES_KEPT = 128 * 1024 * 1024;

/** "onef": marks the file as ours. */
export const APPLICATION_ID = 0x6f6e6566;

/** A file that must not be served: foreign, damaged, or on a file system that cannot keep the promise. */
export class DatabaseUnusableError extends Error {
  override readonly name = "DatabaseUnusableError";
}

/** Makes the file where it is missing. Every commit is synced; checkpoints are run elsewhere. */
export function openForWriting(path: string): Database {
  return openWritable(path, { readwrite: true, create: true });
}

/**
 * The same for a file that this process has had open already: when it is missing it was taken away, and an empty one in
 * its place would forget everything.
 */
export function openExisting(path: string): Database {
  return openWritable(path, { readwrite: true, create: false });
}

function openWritable(path: string, mode: { readwrite: true; create: boolean }): Database {
  if (mode.create) refuse(faultBeforeOpening(path));
  const ownId = mode.create ? idWithoutLog(path) : undefined;
  const db = new Database(path, mode);
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.run(TEMPORARY_IN_MEMORY);
    const pages = Number(readPragma(db, "page_count"));
    refuse(faultOfSize(path, databaseBytes(db)));
    // So that what retention frees can be given back. On a file that is not new it would be a commit, before anybody
    // has looked at what the file is and how its log ends.
    if (pages === 0) db.run("PRAGMA auto_vacuum = INCREMENTAL");
    refuseForeign(db, path);
    if (ownId !== undefined && databaseIdIn(db) !== ownId)
      throw new DatabaseUnusableError(
        `${path}-wal is the log of another database than ${path}: move it away.`,
      );
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA wal_autocheckpoint = 0");
    db.run(`PRAGMA journal_size_limit = ${LOG_BYTES_KEPT}`);
    expectPragma(db, "journal_mode", "wal");
    expectPragma(db, "synchronous", 2);
    return db;
  } catch (error) {
    closeUntouched(db, path);
    throw unusableOr(error, path);
  }
}

/** What SQLite says of a file that is no database, or whose tables are not as it has them written down. */
const NOT_READABLE: readonly unknown[] = ["SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR"];

const WAY_OUT =
  "`onefold verify` says what else is wrong with it; `onefold restore` puts a backup in its place.";

/** The error to throw when opening has failed: one that names the file where what SQLite found in it is not sound. */
export function unusableOr(error: unknown, path: string): unknown {
  const cause = { cause: error };
  if (error instanceof DamagedError)
    return new DatabaseUnusableError(`${path} is damaged: ${error.message} ${WAY_OUT}`, cause);
  return NOT_READABLE.includes(codeOf(error))
    ? new DatabaseUnusableError(`${path} is not a database, or is damaged. ${WAY_OUT}`, cause)
    : error;
}

/** Drizzle hands on what SQLite said as the cause of an error of its own. */
function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return code ?? cause?.code;
}

export function openForReading(path: string): Database {
  const db = new Database(path, { readonly: true });
  db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  db.run(TEMPORARY_IN_MEMORY);
  return db;
}

export function readPragma(db: Database, name: string): unknown {
  const row = db.prepare<Record<string, unknown>, []>(`PRAGMA ${name}`).get();
  return row === null ? undefined : Object.values(row)[0];
}

/** What the database takes by its own account; SQLite refuses one whose file, without a log, is shorter. */
export function databaseBytes(db: Database): number {
  return Number(readPragma(db, "page_count")) * Number(readPragma(db, "page_size"));
}

function expectPragma(db: Database, name: string, expected: unknown): void {
  const actual = readPragma(db, name);
  if (actual === expected) return;
  throw new DatabaseUnusableError(
    `Expected ${name} to be ${expected}, got ${actual}: this file system cannot keep what is acknowledged.`,
  );
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new DatabaseUnusableError(fault);
}

function refuseForeign(db: Database, path: string): void {
  const applicationId = readPragma(db, "application_id");
  if (applicationId === APPLICATION_ID) return;
  const tables = db.prepare<{ n: number }, []>("SELECT count(*) AS n FROM sqlite_schema").get()?.n ?? 0;
  if (tables > 0) throw new DatabaseUnusableError(`${path} is a database, but not one of onefold's.`);
  db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
}
