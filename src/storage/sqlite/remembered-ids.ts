/** The rows of `fingerprints`: one a commit, from which ids go as they are forgotten, until the row is empty. */

import type { Database, Statement } from "bun:sqlite";
import { FINGERPRINT_WORDS } from "../../events/fingerprint.ts";
import { DamagedError } from "../event-reader.ts";
import { fingerprintsChecksum, isIntact, metaChecksum } from "./checksums.ts";
import { databaseBytes } from "./database.ts";

export const FINGERPRINT_BYTES = FINGERPRINT_WORDS * Uint32Array.BYTES_PER_ELEMENT;

const OFFSET_BYTES = Uint32Array.BYTES_PER_ELEMENT;

export interface FingerprintRow {
  readonly firstSeq: number;
  readonly count: number;
  readonly words: Uint8Array;
  readonly offsets: Uint8Array | null;
  readonly receivedAt: number;
  readonly outlived: number;
  readonly checksum: number | null;
}

/** Bytes of fingerprints that a row may have and still be joined with another: what is joined is written anew. */
const JOINED_BYTES_MAX = 512 * FINGERPRINT_BYTES;

export const FINGERPRINT_COLUMNS =
  "first_seq AS firstSeq, count, words, offsets, received_at AS receivedAt, outlived, checksum";

/** Calls back for every id of a row. @throws DamagedError */
export function forEachId(
  row: FingerprintRow,
  see: (seq: number, words: Uint32Array, at: number) => void,
): void {
  const ids = isIntact(row.checksum, fingerprintsChecksum(row)) ? idsOf(row) : undefined;
  if (ids === undefined)
    throw new DamagedError(`The fingerprints from event ${row.firstSeq} on are damaged.`);
  const { count, words, offsets } = ids;
  for (let i = 0; i < count; i++) see(row.firstSeq + (offsets?.[i] ?? i), words, i * FINGERPRINT_WORDS);
}

/** The ids of a row as numbers: which they are, and their fingerprints one after the other. */
export interface RowIds {
  readonly count: number;
  readonly words: Uint32Array;
  /** Distances from the first `seq` of the row, or undefined for all of them. */
  readonly offsets: Uint32Array | undefined;
}

/** Undefined where the parts of a row do not fit each other. */
export function idsOf(row: FingerprintRow): RowIds | undefined {
  if (!(row.words instanceof Uint8Array)) return undefined;
  const words = wordsIn(row.words);
  const offsets = row.offsets === null ? undefined : wordsIn(row.offsets);
  const count = offsets?.length ?? row.count;
  return words.length === count * FINGERPRINT_WORDS ? { count, words, offsets } : undefined;
}

/** How many ids are remembered: never more than the file has room for, whatever lengths a damaged row gives itself. */
export function countIds(db: Database): number {
  const sql = "SELECT sum(length(words)) AS bytes FROM fingerprints";
  const bytes = db.prepare<{ bytes: number | null }, []>(sql).get()?.bytes ?? 0;
  return Math.min(bytes, databaseBytes(db)) / FINGERPRINT_BYTES;
}

/** An id that is no longer remembered. */
export interface ForgottenId {
  readonly low: number;
  readonly high: number;
  readonly seq: number;
}

export interface Forgetting {
  readonly ids: readonly ForgottenId[];
  /** No id up to this `seq` is remembered any more; 0 where that has not changed. */
  readonly through: number;
}

export class RememberedIds {
  readonly #covering: Statement<FingerprintRow, [number, number]>;
  readonly #before: Statement<FingerprintRow, [number]>;
  readonly #first: Statement<FingerprintRow, []>;
  readonly #outlived: Statement<FingerprintRow, [number]>;
  readonly #replace: Statement;
  readonly #delete: Statement;
  readonly #setForgottenThrough: Statement;

  constructor(db: Database) {
    const select = `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints`;
    this.#covering = db.prepare(
      `${select} WHERE first_seq >= coalesce((SELECT max(first_seq) FROM fingerprints WHERE first_seq <= ?1), ?1)
       AND first_seq <= ?2 ORDER BY first_seq`,
    );
    this.#before = db.prepare(`${select} WHERE first_seq < ? ORDER BY first_seq DESC LIMIT 1`);
    this.#first = db.prepare(`${select} ORDER BY first_seq LIMIT 1`);
    this.#outlived = db.prepare(`${select} WHERE first_seq >= ? AND outlived > 0 ORDER BY first_seq LIMIT 1`);
    this.#replace = db.prepare(
      `INSERT INTO fingerprints (first_seq, count, words, offsets, received_at, outlived, checksum)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
       ON CONFLICT (first_seq) DO UPDATE SET
         count = ?2, words = ?3, offsets = ?4, received_at = ?5, outlived = ?6, checksum = ?7`,
    );
    this.#delete = db.prepare("DELETE FROM fingerprints WHERE first_seq = ?");
    this.#setForgottenThrough = db.prepare(
      `INSERT INTO meta (key, value, checksum) VALUES ('forgotten_through', ?1, ?2)
       ON CONFLICT (key) DO UPDATE SET value = ?1, checksum = ?2`,
    );
  }

  /** The rows that cover these sequence numbers, both inclusive. */
  covering(first: number, last: number): FingerprintRow[] {
    return this.#covering.all(first, last);
  }

  /** The first row from `seq` on with ids that have outlived their event. */
  outlivedFrom(seq: number): FingerprintRow | undefined {
    return this.#outlived.get(seq) ?? undefined;
  }

  /** Writes a row anew, joined with the one before it when both have few ids left. */
  write(row: FingerprintRow): void {
    const before = isThinned(row) ? this.#before.get(row.firstSeq) : null;
    if (before === null || !isThinned(before) || !canBeJoined(before, row)) {
      this.#write(row);
      return;
    }
    this.#delete.run(row.firstSeq);
    this.#write(joined(before, row));
  }

  /** Removes the rows at the front in which nothing is remembered. @returns the last `seq` they covered, or 0. */
  dropForgotten(): number {
    let forgottenThrough = 0;
    for (let row = this.#first.get(); row !== null && isEmpty(row); row = this.#first.get()) {
      forgottenThrough = row.firstSeq + row.count - 1;
      // A row that is not found by its own number stays the first one for ever.
      if (this.#delete.run(row.firstSeq).changes === 0)
        throw new DamagedError(`The fingerprints from event ${row.firstSeq} on are out of order.`);
    }
    if (forgottenThrough === 0) return 0;
    const value = String(forgottenThrough);
    this.#setForgottenThrough.run(value, metaChecksum("forgotten_through", value));
    return forgottenThrough;
  }

  #write(row: FingerprintRow): void {
    const { firstSeq, count, words, offsets, receivedAt, outlived } = row;
    this.#replace.run(firstSeq, count, words, offsets, receivedAt, outlived, fingerprintsChecksum(row));
  }
}

/** What is left of a row, and what is forgotten, when only some of its ids are kept. */
export function thinned(
  row: FingerprintRow,
  isKept: (seq: number) => boolean,
): { row: FingerprintRow; forgotten: ForgottenId[] } {
  const offsets: number[] = [];
  const kept: number[] = [];
  const forgotten: ForgottenId[] = [];
  forEachId(row, (seq, words, at) => {
    if (isKept(seq)) {
      offsets.push(seq - row.firstSeq);
      for (let word = 0; word < FINGERPRINT_WORDS; word++) kept.push(words[at + word]!);
    } else forgotten.push({ low: words[at]!, high: words[at + 1]!, seq });
  });
  if (forgotten.length === 0) return { row, forgotten };
  const rest = { words: bytesOf(kept), offsets: bytesOf(offsets), checksum: null };
  return { row: { ...row, ...rest }, forgotten };
}

function isThinned({ offsets, outlived }: FingerprintRow): boolean {
  return offsets !== null && outlived === 0;
}

function isEmpty({ offsets }: FingerprintRow): boolean {
  return offsets?.length === 0;
}

/** Their ids have to be of one time: it is the only one that is stored of an id which outlives its event. */
function canBeJoined(a: FingerprintRow, b: FingerprintRow): boolean {
  const isOneTime = a.receivedAt === b.receivedAt || isEmpty(a) || isEmpty(b);
  return isOneTime && a.words.length + b.words.length <= JOINED_BYTES_MAX;
}

function joined(a: FingerprintRow, b: FingerprintRow): FingerprintRow {
  const distance = b.firstSeq - a.firstSeq;
  const later = wordsIn(b.offsets!).map((offset) => offset + distance);
  return {
    ...a,
    count: a.count + b.count,
    words: Buffer.concat([a.words, b.words]),
    offsets: Buffer.concat([a.offsets!, new Uint8Array(later.buffer)]),
    receivedAt: isEmpty(b) ? a.receivedAt : b.receivedAt,
  };
}

function wordsIn(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % OFFSET_BYTES === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, Math.floor(bytes.length / OFFSET_BYTES));
}

function bytesOf(words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}
