/** Reads for as long as the files are those that were opened, and opens them again after a failure. */

import type { Database } from "bun:sqlite";
import { storageFaultOf } from "../storage-fault.ts";
import { openForReading } from "./database.ts";
import { OpenFiles } from "./open-files.ts";
import { SqliteEventReader } from "./sqlite-event-reader.ts";

interface OpenReader {
  readonly db: Database;
  readonly reader: SqliteEventReader;
}

export class GuardedReader {
  readonly #path: string;
  readonly #now: () => number;
  readonly #files: OpenFiles;
  #open: OpenReader | undefined;

  /** @param now milliseconds; only differences matter. */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#files = new OpenFiles(path);
    try {
      this.#opened();
    } catch {
      // No handle left, say: the first read tries again, and says why it cannot.
    }
  }

  /** @throws whatever the reading throws; `storageFaultOf` tells when it is the storage's fault. */
  read<T>(run: (reader: SqliteEventReader) => T): T {
    const { reader } = this.#opened();
    // Through an open handle a file can be read that a restart would not find.
    this.#files.expectInPlace();
    try {
      return run(reader);
    } catch (error) {
      // What a connection is worth after an error of input and output is not known.
      if (storageFaultOf(error) !== undefined) this.#close();
      throw error;
    }
  }

  #opened(): OpenReader {
    if (this.#open !== undefined) return this.#open;
    this.#files.expectThere();
    const db = openForReading(this.#path);
    try {
      const reader = new SqliteEventReader(db, this.#now);
      this.#files.remember();
      // One that went while it was opened would be remembered as one that is not there.
      this.#files.expectThere();
      this.#open = { db, reader };
    } catch (error) {
      db.close(true);
      throw error;
    }
    return this.#open;
  }

  #close(): void {
    this.#open?.db.close(true);
    this.#open = undefined;
  }
}
