/**
 * No key twice: every remembered id goes into a dedup index in memory, 17 to 34 bytes each. Where 64 bits meet, the
 * keys themselves are compared, or all 128 bits where an event is not stored any more.
 */

import type { Database, Statement } from "bun:sqlite";
import { FINGERPRINT_WORDS } from "../../../events/fingerprint.ts";
import { DedupIndex } from "../dedup-index.ts";
import { FINGERPRINT_COLUMNS, type FingerprintRow, idsOf } from "../remembered-ids.ts";
import type { Differences } from "./verification-report.ts";

interface StoredKey {
  readonly topicId: number;
  readonly scope: string;
  readonly eventId: string;
}

export class KeyAudit {
  readonly #index: DedupIndex;
  readonly #differences: Differences;
  readonly #readKey: Statement<StoredKey, [number]>;
  readonly #readIds: Statement<FingerprintRow, [number]>;

  constructor(db: Database, idsExpected: number, differences: Differences) {
    this.#index = new DedupIndex(idsExpected);
    this.#differences = differences;
    this.#readKey = db.prepare(
      "SELECT topic_id AS topicId, scope, event_id AS eventId FROM events WHERE seq = ?",
    );
    this.#readIds = db.prepare(
      `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1`,
    );
  }

  /**
   * @param seq greater than any before it.
   * @param event undefined where only the id is left.
   */
  see(words: Uint32Array, at: number, seq: number, event: StoredKey | undefined): void {
    const [low, high] = [words[at]!, words[at + 1]!];
    for (let other = this.#index.first(low, high); other > 0; other = this.#index.next(high)) {
      if (!this.#isSame(other, words, at, event)) continue;
      this.#differences.add("keys", `Events ${other} and ${seq} have the same key.`);
      return;
    }
    this.#index.insert(low, high, seq);
  }

  get size(): number {
    return this.#index.size;
  }

  #isSame(other: number, words: Uint32Array, at: number, event: StoredKey | undefined): boolean {
    try {
      const key = event && this.#readKey.get(other);
      if (event && key)
        return key.topicId === event.topicId && key.scope === event.scope && key.eventId === event.eventId;
      return this.#isSameId(other, words, at);
    } catch {
      // What cannot be read is told of where the rows are read one after the other.
      return false;
    }
  }

  #isSameId(other: number, words: Uint32Array, at: number): boolean {
    const row = this.#readIds.get(other);
    const ids = row === null ? undefined : idsOf(row);
    if (row === null || ids === undefined) return false;
    const place =
      ids.offsets === undefined ? other - row.firstSeq : ids.offsets.indexOf(other - row.firstSeq);
    const from = place * FINGERPRINT_WORDS;
    return place >= 0 && ids.words[from + 2] === words[at + 2] && ids.words[from + 3] === words[at + 3];
  }
}
