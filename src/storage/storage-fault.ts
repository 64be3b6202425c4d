/** What is wrong with the storage, in words for everybody: never a path, a statement or a stack. */

import { DamagedError } from "./event-reader.ts";

/** The fault of a file whose content cannot be read, however often that is tried. */
export const DAMAGED = "the database file is damaged";

/** Codes of SQLite and of the system, by how they begin; the first that fits is taken. */
const SENTENCES: readonly (readonly [code: string, sentence: string])[] = [
  ["SQLITE_FULL", "the disk is full"],
  ["SQLITE_READONLY", "the database file is read-only"],
  ["SQLITE_CANTOPEN", "the database file cannot be opened"],
  ["SQLITE_PERM", "the database file may not be used"],
  ["SQLITE_BUSY", "another program has locked the database file"],
  ["SQLITE_LOCKED", "another program has locked the database file"],
  ["SQLITE_IOERR_FSYNC", "the disk does not confirm what is written"],
  ["SQLITE_IOERR", "the disk reports an error"],
  ["SQLITE_CORRUPT", DAMAGED],
  ["SQLITE_NOTADB", DAMAGED],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk is full"],
  ["EROFS", "the file system is read-only"],
  ["EMFILE", "the node is out of file handles"],
  ["ENFILE", "the machine is out of file handles"],
  ["EACCES", "the data folder may not be used"],
  ["EPERM", "the data folder may not be used"],
  ["ENOENT", "the data folder is gone"],
  ["EIO", "the disk reports an error"],
];

/** Storage that is known to fail, and how; `fault` is one of those sentences. */
export class StorageFault extends Error {
  override readonly name = "StorageFault";
  /** @param forLog what the log is told instead of the fault alone; may name a path. */
  constructor(
    readonly fault: string,
    { cause, forLog }: { cause?: unknown; forLog?: string } = {},
  ) {
    super(forLog ?? `${fault[0]!.toUpperCase()}${fault.slice(1)}.`, { cause });
  }
}

/** Storage that this process cannot use again, whatever comes: a new one has to open it. */
export class StorageGoneError extends StorageFault {}

/** What is wrong with the storage where that is why this was thrown; undefined when it had another reason. */
export function storageFaultOf(error: unknown): string | undefined {
  if (error instanceof StorageFault) return error.fault;
  if (error instanceof DamagedError) return DAMAGED;
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string") {
    const known = SENTENCES.find(([begin]) => code.startsWith(begin));
    if (known !== undefined) return known[1];
  }
  return storageFaultOf(error.cause);
}
