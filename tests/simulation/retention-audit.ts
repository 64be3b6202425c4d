/** Reads what retention has left in the file: how far each topic is pruned, and which ids are remembered. */

import type { Database } from "bun:sqlite";
import { COUNTERS_CHECKSUM, isIntact, metaChecksum } from "../../src/storage/sqlite/checksums.ts";
import {
  FINGERPRINT_COLUMNS,
  type FingerprintRow,
  forEachId,
} from "../../src/storage/sqlite/remembered-ids.ts";
import type { Model } from "./model.ts";
import { bytesOf } from "./retention-rules.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** What can be seen of a step of retention in the file. */
export interface PrunedFile {
  /** Per topic, in the order of their numbers. */
  readonly prunedThrough: readonly { readonly name: string; readonly seq: number }[];
  /** By `seq`. */
  readonly ids: ReadonlyMap<number, FileId>;
}

/** An id as the file has it. */
export interface FileId {
  /** When it was received; where rows have been joined, when the last one of the row was. */
  readonly at: number;
  /** The last `seq` that its row covers. */
  readonly rowEnd: number;
}

const WHOLE = "a step of retention is whole";

export class RetentionAudit {
  constructor(private readonly db: Database) {}

  read(): PrunedFile {
    const prunedThrough = this.db
      .query<{ name: string; seq: number }, []>(
        `SELECT name, pruned_through AS seq FROM topics JOIN counters ON topic_id = topics.id ORDER BY topics.id`,
      )
      .all();
    return { prunedThrough, ids: this.#ids() };
  }

  /** Rows, counters, ids and notes of the file agree with each other and with the model. @param file as it is now. */
  compare(model: Model, file = this.read()): void {
    const rows = this.db.query<{ seq: number }, []>("SELECT seq FROM events ORDER BY seq").all();
    const stored = rows.map(({ seq }) => seq);
    guaranteeSame(
      WHOLE,
      stored,
      model.events.map(({ seq }) => seq),
      "what is stored",
    );
    this.#compareCounters(model);
    const newest = [...model.topics.keys()].reduce(
      (last, topic) => Math.max(last, model.prunedThrough(topic)),
      0,
    );
    guaranteeSame(WHOLE, this.#meta("pruned_through"), newest, "the end of what is pruned");
    const ids = [...file.ids.keys()];
    guaranteeSame(
      WHOLE,
      ids,
      [...model.remembered.keys()].sort((a, b) => a - b),
      "the ids in the file",
    );
  }

  #compareCounters(model: Model): void {
    const counters = this.db
      .query<{ name: string; isIntact: number }, []>(
        `SELECT name, pruned, pruned_through, stored_bytes, counters.checksum = ${COUNTERS_CHECKSUM} AS isIntact
         FROM topics JOIN counters ON topic_id = topics.id ORDER BY topics.id`,
      )
      .all();
    const bytes = new Map<string, number>();
    for (const event of model.events) bytes.set(event.topic, (bytes.get(event.topic) ?? 0) + bytesOf(event));
    const expected = [...model.topics.keys()].map((name) => ({
      name,
      pruned: model.prunedOf(name).length,
      pruned_through: model.prunedThrough(name),
      stored_bytes: bytes.get(name) ?? 0,
      isIntact: 1,
    }));
    guaranteeSame(WHOLE, counters, expected, "what the counters say of retention");
  }

  /** Rows follow on each other, from what is forgotten on; every one is sound. */
  #ids(): Map<number, FileId> {
    const ids = new Map<number, FileId>();
    let next = this.#meta("forgotten_through") + 1;
    const stored = this.db.query<{ n: number }, [number, number]>(
      "SELECT count(*) AS n FROM events WHERE seq BETWEEN ? AND ?",
    );
    const rows = this.db
      .query<FingerprintRow, []>(`SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints ORDER BY first_seq`)
      .all();
    for (const row of rows) {
      guaranteeSame(WHOLE, row.firstSeq, next, "where a row of ids begins");
      next = row.firstSeq + row.count;
      const before = ids.size;
      const id = { at: row.receivedAt, rowEnd: next - 1 };
      forEachId(row, (seq) => ids.set(seq, id));
      const events = stored.get(row.firstSeq, next - 1)!.n;
      guaranteeSame(
        WHOLE,
        row.outlived,
        ids.size - before - events,
        `ids from ${row.firstSeq} on without event`,
      );
    }
    return ids;
  }

  #meta(key: string): number {
    const row = this.db
      .query<{ value: string; checksum: number | null }, [string]>(
        "SELECT value, checksum FROM meta WHERE key = ?",
      )
      .get(key);
    if (row === null) return 0;
    const isSound = isIntact(row.checksum, metaChecksum(key, row.value));
    guarantee(WHOLE, isSound, () => `the checksum of ${key} is wrong`);
    return Number(row.value);
  }
}
