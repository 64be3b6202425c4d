/** Whether the pages of a file are sound, and whether it is one of ours: before anything is made of its rows. */

import type { Database } from "bun:sqlite";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { APPLICATION_ID, readPragma } from "../database.ts";
import { reasonOf } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

/** A file that is not for verification; the message is one sentence. */
export class NotVerifiableError extends Error {
  override readonly name = "NotVerifiableError";
}

/** What a newer version can bring up to date. */
export class OlderSchemaError extends NotVerifiableError {}

const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";

/**
 * What is said of a file that SQLite cannot open, or undefined where the beginning of the file tells nothing.
 * Not to be called while this process has the file open: closing it here would drop SQLite's locks.
 */
export function faultOfHeader(path: string): string | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, "r");
  const read = readSync(file, header, 0, HEADER_BYTES, 0);
  closeSync(file);
  if (read === 0) return "It is empty.";
  if (read < HEADER_BYTES || header.toString("latin1", 0, MAGIC.length) !== MAGIC)
    return "It does not begin as a database does.";
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  const { size } = statSync(path);
  if (size >= pages * pageBytes) return undefined;
  return `It is cut off: ${size} bytes of ${pages * pageBytes} are there, so nothing in it can be read.`;
}

/** @throws NotVerifiableError where the file is another program's, or of another version of ours. */
export function expectOurs(db: Database): void {
  const tables = db.prepare<{ name: string }, []>("SELECT name FROM sqlite_schema").all();
  if (readPragma(db, "application_id") !== APPLICATION_ID)
    throw new NotVerifiableError("It is a database, but not one of onefold's.");
  const columns = db.prepare<{ name: string }, []>("SELECT name FROM pragma_table_info('counters')").all();
  if (tables.length === 0 || columns.length === 0)
    throw new NotVerifiableError(
      "It is a database of onefold's without any tables: no node has been ready on it yet.",
    );
  const isPresent = tables.some(({ name }) => name === "request_keys");
  if (!isPresent || !columns.some(({ name }) => name === "checksum"))
    throw new OlderSchemaError("Its schema is of an older version: start this version's node on it once.");
}

const FAULTS_MAX = 100;

/** @returns how many pages were looked at. */
export function checkPages(db: Database, differences: Differences): number {
  try {
    const statement = db.prepare<{ integrity_check: string }, []>(`PRAGMA integrity_check(${FAULTS_MAX})`);
    for (const { integrity_check: text } of statement.iterate()) {
      if (text !== "ok") differences.add("pages", `SQLite says: ${text.replaceAll("\n", " ")}.`);
    }
    return Number(readPragma(db, "page_count"));
  } catch (error) {
    differences.add("pages", `SQLite cannot check the pages (${reasonOf(error)}).`);
    return 0;
  }
}
