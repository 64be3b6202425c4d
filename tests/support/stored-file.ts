/** Looks into the database file of a node that has stopped: its rows as they are, and what `onefold verify` says. */

import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import { verifyFile } from "../../src/storage/sqlite/verification/verification.ts";

interface StoredRow {
  readonly topic: string;
  readonly event_id: string;
  readonly payload: string;
}

interface StoredCounters {
  readonly topic: string;
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

export class StoredFile implements Disposable {
  readonly #path: string;
  readonly #db: Database;

  constructor(dataFolder: string) {
    this.#path = join(dataFolder, "onefold.db");
    this.#db = new Database(this.#path, { readonly: true });
  }

  events(): StoredRow[] {
    return this.#db
      .query<StoredRow, []>(
        "SELECT topics.name AS topic, event_id, payload FROM events JOIN topics ON topics.id = topic_id ORDER BY seq",
      )
      .all();
  }

  counters(): StoredCounters[] {
    return this.#db
      .query<StoredCounters, []>(
        "SELECT topics.name AS topic, received, unique_processed, duplicate_dropped, conflicts FROM counters JOIN topics ON topics.id = topic_id",
      )
      .all();
  }

  /** Every key is there once, every row has its fingerprint, the counters equal the rows, and all the rest. */
  expectToBeConsistent(): void {
    const { differences } = verifyFile(this.#path);
    expect(differences).toEqual([]);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
