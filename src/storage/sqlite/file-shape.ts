/**
 * What the sizes of a database's files say is wrong with them, which SQLite itself would pass over: it deletes a log
 * whose database file is missing or empty, and reads a last page that was cut off as if it ended in zeros.
 *
 * Only sizes are asked for. Opening the database file beside SQLite would drop the locks of this process on it.
 */

import { type Stats, statSync } from "node:fs";

/** The smallest page of a database: SQLite takes a shorter file for an empty one. */
const DATABASE_BYTES_MIN = 512;

/** To be asked before SQLite opens the file. @returns what is wrong in one sentence, or undefined. */
export function faultBeforeOpening(path: string): string | undefined {
  const [database, log] = [statOf(path), statOf(`${path}-wal`)];
  if (database?.isFile() === false) return `${path} is not a file.`;
  if (log?.isFile() === false) return `${path}-wal is not a file.`;
  if (database !== undefined && database.size >= DATABASE_BYTES_MIN) return undefined;
  if (log !== undefined)
    return `${path} is ${database === undefined ? "missing" : "empty"}, although its log ${path}-wal is there.`;
  if (database !== undefined && database.size > 0) return `${path} was cut off.`;
  return undefined;
}

/** To be asked once SQLite has opened the file. @param databaseBytes that the database has by its own account. */
export function faultOfSize(path: string, databaseBytes: number): string | undefined {
  // With a log the file may rightly be shorter: a checkpoint that was cut short begins anew.
  if ((statOf(`${path}-wal`)?.size ?? 0) > 0) return undefined;
  const size = statOf(path)?.size ?? 0;
  return size < databaseBytes ? `${path} was cut off: it has ${size} of ${databaseBytes} bytes.` : undefined;
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
