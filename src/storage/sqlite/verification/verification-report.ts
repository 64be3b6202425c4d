/** What a verification has found: what is proved, with numbers, and every difference. */

/** Differences that are kept whole; the rest is counted. */
export const DIFFERENCES_SHOWN_MAX = 20;

/** What is looked at. A check is proved when nothing in it differs. */
export const CHECKS = [
  "pages",
  "file",
  "counters",
  "events",
  "ids",
  "keys",
  "lists",
  "conflicts",
  "answers",
  "checksums",
] as const;
export type Check = (typeof CHECKS)[number];

export interface Difference {
  readonly check: Check;
  /** One sentence. */
  readonly detail: string;
}

export interface Proof {
  readonly check: Check;
  /** What is certain now, with its numbers. */
  readonly detail: string;
}

/** What the file holds, as far as it could be read. */
export interface FileFigures {
  readonly bytes: number;
  readonly events: number;
  readonly pruned: number;
  /** Sequence number of the newest event that was ever stored. */
  readonly newest_seq: number;
  readonly topics: number;
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
  readonly remembered_ids: number;
  readonly outlived_ids: number;
}

export interface VerificationReport {
  readonly figures: FileFigures;
  readonly proofs: readonly Proof[];
  /** The first ones. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
}

/** Collects differences: however damaged a file is, the report stays small. */
export class Differences {
  readonly shown: Difference[] = [];
  count = 0;
  readonly #checks = new Set<Check>();

  add(check: Check, detail: string): void {
    this.#checks.add(check);
    if (this.count++ < DIFFERENCES_SHOWN_MAX) this.shown.push({ check, detail });
  }

  has(check: Check): boolean {
    return this.#checks.has(check);
  }
}
