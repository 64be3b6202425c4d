/** Sums what a commit adds to each topic's counters, in rows ready to be written and sent. */

import { EventStatus } from "../../events/event.ts";
import { INCREMENT_COLUMNS } from "../event-store.ts";

export class IncrementRows {
  #rows = new Float64Array(64 * INCREMENT_COLUMNS);
  /** One number a row. */
  #storedBytes = new Float64Array(64);
  #count = 0;
  /** Topic number to its row + 1 in the commit at hand. */
  #rowOfTopic = new Int32Array(64);

  add(topicId: number, status: EventStatus): void {
    const at = this.#rowAt(topicId);
    const rows = this.#rows;
    rows[at + 1]! += 1;
    if (status === EventStatus.processed) rows[at + 2]! += 1;
    else rows[at + 3]! += 1;
    if (status === EventStatus.conflict) rows[at + 4]! += 1;
  }

  /** Counts what a new event takes in the file; after `add` for the same topic. */
  addStored(topicId: number, bytes: number): void {
    this.#storedBytes[this.#rowOfTopic[topicId]! - 1]! += bytes;
  }

  /** The rows of this commit; copies, so that they may cross to another thread. */
  take(): { rows: Float64Array; storedBytes: Float64Array } {
    const count = this.#count;
    const rows = this.#rows.slice(0, count * INCREMENT_COLUMNS);
    const storedBytes = this.#storedBytes.slice(0, count);
    for (let row = 0; row < count; row++) this.#rowOfTopic[rows[row * INCREMENT_COLUMNS]!] = 0;
    this.#rows.fill(0, 0, count * INCREMENT_COLUMNS);
    this.#storedBytes.fill(0, 0, count);
    this.#count = 0;
    return { rows, storedBytes };
  }

  #rowAt(topicId: number): number {
    if (topicId >= this.#rowOfTopic.length)
      this.#rowOfTopic = grown(this.#rowOfTopic, Int32Array, topicId + 1);
    const row = this.#rowOfTopic[topicId]!;
    if (row > 0) return (row - 1) * INCREMENT_COLUMNS;
    const at = this.#count * INCREMENT_COLUMNS;
    if (at === this.#rows.length) {
      this.#rows = grown(this.#rows, Float64Array, at + INCREMENT_COLUMNS);
      this.#storedBytes = grown(this.#storedBytes, Float64Array, this.#count + 1);
    }
    this.#rowOfTopic[topicId] = ++this.#count;
    this.#rows[at] = topicId;
    return at;
  }
}

function grown<T extends Int32Array | Float64Array>(
  old: T,
  Columns: new (length: number) => T,
  lengthMin: number,
): T {
  const larger = new Columns(Math.max(old.length * 2, lengthMin));
  larger.set(old);
  return larger;
}
