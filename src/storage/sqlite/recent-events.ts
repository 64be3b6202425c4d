/** The latest events, whole: a retry comes soon after its original, and needs no read of the file. */

import type { EventRecord } from "../../events/event.ts";

/** A power of two. */
const RECENT_EVENTS_MAX = 65_536;
const RECENT_BYTES_MAX = 32 * 1024 * 1024;

export class RecentEvents {
  readonly #records: (EventRecord | undefined)[] = [];
  readonly #receivedAt = new Float64Array(RECENT_EVENTS_MAX);
  #oldest = 1;
  #newest = 0;
  #bytes = 0;

  /** Sequence numbers come in ascending order; a gap starts the collection anew. */
  add(seq: number, record: EventRecord, receivedAt: number): void {
    if (seq !== this.#newest + 1) this.#restart(seq);
    if (seq - this.#oldest >= RECENT_EVENTS_MAX) this.#dropOldest();
    this.#newest = seq;
    this.#bytes += sizeOf(record);
    this.#records[seq % RECENT_EVENTS_MAX] = record;
    this.#receivedAt[seq % RECENT_EVENTS_MAX] = receivedAt;
    while (this.#bytes > RECENT_BYTES_MAX) this.#dropOldest();
  }

  get(seq: number): EventRecord | undefined {
    return seq >= this.#oldest && seq <= this.#newest ? this.#records[seq % RECENT_EVENTS_MAX] : undefined;
  }

  receivedAt(seq: number): number {
    return this.#receivedAt[seq % RECENT_EVENTS_MAX]!;
  }

  /** The event is no longer stored. */
  drop(seq: number): void {
    if (seq >= this.#oldest && seq <= this.#newest) this.#drop(seq % RECENT_EVENTS_MAX);
  }

  #dropOldest(): void {
    this.#drop(this.#oldest++ % RECENT_EVENTS_MAX);
  }

  #drop(at: number): void {
    const record = this.#records[at];
    if (record === undefined) return;
    this.#bytes -= sizeOf(record);
    this.#records[at] = undefined;
  }

  #restart(seq: number): void {
    this.#records.length = 0;
    this.#bytes = 0;
    this.#oldest = seq;
  }
}

function sizeOf({ eventId, payload, attributes }: EventRecord): number {
  return eventId.length + payload.length + (attributes?.length ?? 0);
}
