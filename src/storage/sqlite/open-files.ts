/**
 * Whether the files that a connection has open are still those that a restart would find under their names.
 *
 * A file that was deleted or moved away goes on taking writes through an open handle, and what was acknowledged then
 * is lost when the handle is closed. Looked at with `stat` alone: closing any other handle of these files would drop
 * the process's locks on them.
 */

import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StorageFault, storageFaultOf } from "../storage-fault.ts";

/** The files beside the database that are as much a part of it. */
const SUFFIXES = ["", "-wal", ".lock"] as const;
type Suffix = (typeof SUFFIXES)[number];

const NAMES: Record<Suffix, string> = {
  "": "the database file",
  "-wal": "the write-ahead log",
  ".lock": "the lock file",
};

/** A file that is not where it was opened. */
export interface Displaced {
  readonly suffix: Suffix;
  /** Whether another one has taken its place; otherwise there is none. */
  readonly isReplaced: boolean;
}

export class OpenFiles {
  readonly #path: string;
  #opened: readonly (string | undefined)[] | undefined;

  constructor(databasePath: string) {
    this.#path = databasePath;
  }

  /**
   * For whoever opens the database beside the ledger, which has it and its log open: where the log is missing SQLite
   * would make an empty one, and read that for ours.
   *
   * @throws StorageFault
   */
  expectThere(): void {
    const found = this.#look();
    for (const suffix of ["", "-wal"] as const)
      if (found[SUFFIXES.indexOf(suffix)] === undefined) throw faultOf({ suffix, isReplaced: false });
  }

  /** To be called when the database has just been opened: these are the files from now on. */
  remember(): void {
    this.#opened = this.#look();
  }

  /** The first file that is not the one that was opened; undefined when all are, or nothing was opened yet. */
  displaced(): Displaced | undefined {
    if (this.#opened === undefined) return undefined;
    const found = this.#look();
    const at = SUFFIXES.findIndex((_, i) => found[i] !== this.#opened![i]);
    return at < 0 ? undefined : { suffix: SUFFIXES[at]!, isReplaced: found[at] !== undefined };
  }

  /** @throws StorageFault */
  expectInPlace(): void {
    const displaced = this.displaced();
    if (displaced !== undefined) throw faultOf(displaced);
  }

  /** SQLite tells an error of input and output, and not which: the folder may know more. */
  explained(error: unknown): unknown {
    const { code } = (error ?? {}) as { code?: unknown };
    if (typeof code !== "string" || !/^SQLITE_(?:IOERR|CANTOPEN|READONLY)/.test(code)) return error;
    try {
      this.expectInPlace();
      accessSync(dirname(this.#path), constants.W_OK);
      // The folder, not the file: no lock hangs on it.
      closeSync(openSync(dirname(this.#path), "r"));
      return error;
    } catch (reason) {
      return new StorageFault(storageFaultOf(reason) ?? storageFaultOf(error)!, { cause: error });
    }
  }

  /** Device and number of each file: together they stay the same for as long as anybody has it open. */
  #look(): (string | undefined)[] {
    try {
      return SUFFIXES.map((suffix) => {
        const found = statSync(this.#path + suffix, { bigint: true, throwIfNoEntry: false });
        return found === undefined ? undefined : `${found.dev}:${found.ino}`;
      });
    } catch (error) {
      throw new StorageFault(storageFaultOf(error) ?? "the data folder cannot be looked into", {
        cause: error,
      });
    }
  }
}

export function faultOf({ suffix, isReplaced }: Displaced): StorageFault {
  return new StorageFault(
    isReplaced ? `${NAMES[suffix]} has been replaced by another` : `${NAMES[suffix]} is gone`,
  );
}
