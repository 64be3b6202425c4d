/**
 * What changed between any two revisions that somebody was told of, for as long as a client may come back.
 *
 * Commits are summed until a revision is told to anyone; that seals a stretch. So the log grows with what was
 * observed, not with what was committed, and any revision that a client can know is a boundary in it.
 */

import { type Counters, zeroCounters } from "../events/event.ts";
import { INCREMENT_COLUMNS } from "../storage/event-store.ts";
import { addRow } from "./counter-board.ts";

/** Contracted is a minute; the rest is for clients whose clock starts with the last frame they got. */
export const RESUME_WINDOW_MS = 75_000;

/** Rows kept in all, 40 bytes each; beyond it the oldest stretches go early, and resuming gets a snapshot. */
export const RESUME_ROWS_MAX = 2_000_000;

/** Increments by topic number. */
export type DeltaRows = ReadonlyMap<number, Counters>;

interface Stretch {
  readonly from: number;
  to: number;
  /** When its last commit was taken in. */
  at: number;
  /** As the ledger sent them, one array a commit. */
  rows: Float64Array[];
  isSealed: boolean;
}

export class DeltaLog {
  #stretches: Stretch[] = [];
  #revision = 0;
  #rowCount = 0;
  /** The last sum asked for: groups of one interval all ask for the same. */
  #memo: { from: number; to: number; rows: DeltaRows } | undefined;

  /** Forgets everything: a new epoch begins at revision 0. */
  reset(): void {
    this.#stretches = [];
    this.#revision = 0;
    this.#rowCount = 0;
    this.#memo = undefined;
  }

  /** Takes in the commit that made `revision`. */
  add(revision: number, rows: Float64Array, now: number): void {
    let open = this.#stretches.at(-1);
    if (open === undefined || open.isSealed) {
      open = { from: this.#revision, to: revision, at: now, rows: [], isSealed: false };
      this.#stretches.push(open);
    }
    open.rows.push(rows);
    open.to = revision;
    open.at = now;
    this.#revision = revision;
    this.#rowCount += rows.length / INCREMENT_COLUMNS;
    // Unobserved stretches must not grow without end: their commits are summed once there are many.
    if (open.rows.length >= COMMITS_PER_STRETCH_MAX) this.#compact(open);
    this.#trim(now);
  }

  /** The present revision is being told to somebody: from now on it is a boundary. */
  seal(): number {
    const open = this.#stretches.at(-1);
    if (open !== undefined && !open.isSealed) {
      this.#compact(open);
      open.isSealed = true;
    }
    return this.#revision;
  }

  /** The sum of what changed after revision `from`, up to `to`; undefined when `from` is gone or never was told. */
  sum(from: number, to: number): DeltaRows | undefined {
    if (this.#memo?.from === from && this.#memo.to === to) return this.#memo.rows;
    const sum = new Map<number, Counters>();
    if (from !== to) {
      const start = this.#indexOf(from);
      if (start === undefined) return undefined;
      for (let i = start; i < this.#stretches.length && this.#stretches[i]!.from < to; i++) {
        for (const rows of this.#stretches[i]!.rows) addRows(sum, rows);
      }
    }
    this.#memo = { from, to, rows: sum };
    return sum;
  }

  #indexOf(from: number): number | undefined {
    let low = 0;
    let high = this.#stretches.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const stretch = this.#stretches[middle]!;
      if (stretch.from === from) return middle;
      if (stretch.from < from) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Sums the commits of a stretch into one array of rows. */
  #compact(stretch: Stretch): void {
    if (stretch.rows.length < 2) return;
    const sum = new Map<number, Counters>();
    for (const rows of stretch.rows) {
      addRows(sum, rows);
      this.#rowCount -= rows.length / INCREMENT_COLUMNS;
    }
    stretch.rows = [packRows(sum)];
    this.#rowCount += sum.size;
  }

  #trim(now: number): void {
    let gone = 0;
    const last = this.#stretches.length - 1;
    while (
      gone < last &&
      (this.#stretches[gone]!.at < now - RESUME_WINDOW_MS || this.#rowCount > RESUME_ROWS_MAX)
    ) {
      for (const rows of this.#stretches[gone]!.rows) this.#rowCount -= rows.length / INCREMENT_COLUMNS;
      gone++;
    }
    if (gone > 0) this.#stretches.splice(0, gone);
  }
}

const COMMITS_PER_STRETCH_MAX = 64;

function addRows(sum: Map<number, Counters>, rows: Float64Array): void {
  for (let at = 0; at < rows.length; at += INCREMENT_COLUMNS) {
    let counters = sum.get(rows[at]!);
    if (counters === undefined) sum.set(rows[at]!, (counters = zeroCounters()));
    addRow(counters, rows, at);
  }
}

function packRows(sum: DeltaRows): Float64Array {
  const packed = new Float64Array(sum.size * INCREMENT_COLUMNS);
  let at = 0;
  for (const [topicId, c] of sum) {
    packed.set([topicId, c.received, c.unique_processed, c.duplicate_dropped, c.conflicts], at);
    at += INCREMENT_COLUMNS;
  }
  return packed;
}
