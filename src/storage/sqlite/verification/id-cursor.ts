/** Walks the remembered ids beside the events: every event has its id, and ids without one are those that outlived it. */

import type { Database } from "bun:sqlite";
import { FINGERPRINT_WORDS } from "../../../events/fingerprint.ts";
import { fingerprintsChecksum } from "../checksums.ts";
import { FINGERPRINT_COLUMNS, type FingerprintRow, idsOf, type RowIds } from "../remembered-ids.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import type { FileFacts } from "./file-facts.ts";
import { readableRows } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

export interface IdCursorOptions {
  readonly db: Database;
  readonly facts: FileFacts;
  readonly tally: ChecksumTally;
  readonly differences: Differences;
  /** Called for every id that has outlived its event, in the order of `seq`. */
  readonly onOutlived: (seq: number, words: Uint32Array, at: number) => void;
}

export class IdCursor {
  readonly #options: IdCursorOptions;
  readonly #rows: Generator<FingerprintRow, void>;
  #row: FingerprintRow | undefined;
  #ids: RowIds | undefined;
  /** Which id of the row comes next. */
  #next = 0;
  #outlivedInRow = 0;
  #coveredThrough: number;
  /** Ids seen. */
  count = 0;
  outlived = 0;

  constructor(options: IdCursorOptions) {
    const { db, facts, differences } = options;
    this.#options = options;
    this.#coveredThrough = facts.forgottenThrough;
    const table = {
      sql: `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq > ? ORDER BY first_seq`,
      name: "Fingerprints of events",
      check: "ids" as const,
      keyMax: facts.newestSeq,
    };
    this.#rows = readableRows<FingerprintRow>(db, table, ({ firstSeq }) => firstSeq, differences);
  }

  /** The words of the row at hand. */
  get words(): Uint32Array {
    return this.#ids!.words;
  }

  /** When the commit of the row at hand was received. */
  get receivedAt(): number {
    return this.#row!.receivedAt;
  }

  /** Moves to the id of an event. @returns where its words are, or undefined where there is no id. */
  moveTo(seq: number): number | undefined {
    for (;;) {
      if (this.#ids === undefined || this.#next === this.#ids.count) {
        if (!this.#nextRow()) return undefined;
        continue;
      }
      const { offsets, words } = this.#ids;
      const id = this.#row!.firstSeq + (offsets?.[this.#next] ?? this.#next);
      if (id > seq) return undefined;
      const at = this.#next++ * FINGERPRINT_WORDS;
      this.count++;
      if (id === seq) return at;
      this.#outlivedInRow++;
      this.#options.onOutlived(id, words, at);
    }
  }

  /** After the last event: what is left has outlived its event, and must end where the counters end. */
  finish(): void {
    this.moveTo(Number.POSITIVE_INFINITY);
    const { facts, differences } = this.#options;
    if (this.#coveredThrough !== facts.newestSeq)
      differences.add(
        "ids",
        `Fingerprints end at event ${this.#coveredThrough}, counters at ${facts.newestSeq}.`,
      );
  }

  #nextRow(): boolean {
    this.#finishRow();
    const next = this.#rows.next();
    this.#row = next.done ? undefined : next.value;
    if (this.#row === undefined) return false;
    const { firstSeq, count, checksum } = this.#row;
    const { tally, differences } = this.#options;
    tally.see(
      checksum,
      fingerprintsChecksum(this.#row),
      () => `The row of fingerprints from event ${firstSeq} on`,
    );
    if (firstSeq > this.#coveredThrough + 1)
      differences.add(
        "ids",
        `Fingerprints of events ${this.#coveredThrough + 1} to ${firstSeq - 1} are missing.`,
      );
    if (firstSeq <= this.#coveredThrough)
      differences.add("ids", `Fingerprints from event ${firstSeq} on stand in two rows.`);
    this.#coveredThrough = Math.max(this.#coveredThrough, firstSeq + count - 1);
    this.#ids = idsOf(this.#row);
    if (this.#ids === undefined)
      differences.add("ids", `The row of fingerprints from event ${firstSeq} on has the wrong size.`);
    return true;
  }

  #finishRow(): void {
    const { differences } = this.#options;
    if (this.#row !== undefined && this.#ids !== undefined && this.#row.outlived !== this.#outlivedInRow) {
      const { firstSeq, outlived } = this.#row;
      differences.add(
        "ids",
        `Of the ids from event ${firstSeq} on ${this.#outlivedInRow} have no event, noted are ${outlived}.`,
      );
    }
    this.outlived += this.#outlivedInRow;
    this.#outlivedInRow = 0;
    this.#next = 0;
    this.#ids = undefined;
  }
}
