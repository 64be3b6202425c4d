/** Looks into the database file of a node that has stopped, past all of the node's own code. */

import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";

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
  readonly #db: Database;

  constructor(dataFolder: string) {
    this.#db = new Database(join(dataFolder, "onefold.db"), { readonly: true });
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

  /** Every key is there once, every row has its fingerprint, and the counters equal the rows. */
  expectToBeConsistent(): void {
    expect(
      this.#number(
        "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY topic_id, scope, event_id HAVING count(*) > 1)",
      ),
    ).toBe(0);
    const events = this.#number("SELECT count(*) FROM events");
    expect(this.#number("SELECT coalesce(max(seq), 0) FROM events")).toBe(events);
    expect(this.#number("SELECT coalesce(sum(count), 0) FROM fingerprints")).toBe(events);
    expect(this.#number("SELECT coalesce(sum(length(words)), 0) FROM fingerprints")).toBe(16 * events);
    const rowsByTopic = new Map(
      this.#db
        .query<{ topic: string; n: number }, []>(
          "SELECT topics.name AS topic, count(*) AS n FROM events JOIN topics ON topics.id = topic_id GROUP BY topic_id",
        )
        .all()
        .map(({ topic, n }) => [topic, n]),
    );
    const counters = this.counters();
    expect(new Map(counters.map(({ topic, unique_processed }) => [topic, unique_processed]))).toEqual(
      rowsByTopic,
    );
    for (const { received, unique_processed, duplicate_dropped, conflicts } of counters) {
      expect(received).toBe(unique_processed + duplicate_dropped);
      expect(conflicts).toBeLessThanOrEqual(duplicate_dropped);
    }
    expect(this.#db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #number(sql: string): number {
    return Object.values(this.#db.query<Record<string, number>, []>(sql).get()!)[0]!;
  }
}
