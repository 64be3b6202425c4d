/** The latest events: a retry comes soon after its original, and needs no read of the file. */

import type { EventRecord } from "../../events/event.ts";

/** A power of two. */
const RECENT_EVENTS_MAX = 65_536;
const RECENT_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Keeps of an event what a later arrival is compared with, in one text of its own. The strings of the event itself may
 * be slices of the body that it came in, and each would keep all of that in memory: 16 MiB for an event of 100 bytes.
 */
export class RecentEvents {
  /** Id, scope and payload, parted by line feeds: an id holds none, and where the payload begins is known. */
  readonly #texts: (string | undefined)[] = [];
  readonly #payloadStarts = new Uint32Array(RECENT_EVENTS_MAX);
  /** Decoded topics are no slices: few strings stand for many events. */
  readonly #topics: string[] = [];
  readonly #receivedAt = new Float64Array(RECENT_EVENTS_MAX);
  #oldest = 1;
  #newest = 0;
  #bytes = 0;

  /** Sequence numbers come in ascending order; a gap starts the collection anew. */
  add(seq: number, { topic, eventId, scope, payload }: EventRecord, receivedAt: number): void {
    if (seq !== this.#newest + 1) this.#restart(seq);
    if (seq - this.#oldest >= RECENT_EVENTS_MAX) this.#dropOldest();
    this.#newest = seq;
    const text = `${eventId}\n${scope}\n${payload}`;
    const at = seq % RECENT_EVENTS_MAX;
    this.#bytes += text.length;
    this.#texts[at] = text;
    // A sum of strings is a tree of them, and keeps them, until it is searched: then it becomes a text of its own. The
    // answer must be used, or the search is left out. `join` copies as well, at three times the cost.
    this.#payloadStarts[at] = text.indexOf("\n") + scope.length + 2;
    this.#topics[at] = topic;
    this.#receivedAt[at] = receivedAt;
    while (this.#bytes > RECENT_BYTES_MAX) this.#dropOldest();
  }

  has(seq: number): boolean {
    return this.#textOf(seq) !== undefined;
  }

  /** Whether an event that is here has the key of another. */
  hasKeyOf(seq: number, { topic, eventId, scope }: EventRecord): boolean {
    const text = this.#textOf(seq);
    const at = seq % RECENT_EVENTS_MAX;
    return (
      text !== undefined &&
      this.#payloadStarts[at] === eventId.length + scope.length + 2 &&
      this.#topics[at] === topic &&
      text.startsWith(eventId) &&
      text.startsWith(scope, eventId.length + 1)
    );
  }

  /** Of an event that is here. */
  payload(seq: number): string {
    return this.#textOf(seq)!.slice(this.#payloadStarts[seq % RECENT_EVENTS_MAX]);
  }

  receivedAt(seq: number): number {
    return this.#receivedAt[seq % RECENT_EVENTS_MAX]!;
  }

  /** The event is no longer stored. */
  drop(seq: number): void {
    if (seq >= this.#oldest && seq <= this.#newest) this.#drop(seq % RECENT_EVENTS_MAX);
  }

  #textOf(seq: number): string | undefined {
    return seq >= this.#oldest && seq <= this.#newest ? this.#texts[seq % RECENT_EVENTS_MAX] : undefined;
  }

  #dropOldest(): void {
    this.#drop(this.#oldest++ % RECENT_EVENTS_MAX);
  }

  #drop(at: number): void {
    const text = this.#texts[at];
    if (text === undefined) return;
    this.#bytes -= text.length;
    this.#texts[at] = undefined;
  }

  #restart(seq: number): void {
    this.#texts.length = 0;
    this.#topics.length = 0;
    this.#bytes = 0;
    this.#oldest = seq;
  }
}
