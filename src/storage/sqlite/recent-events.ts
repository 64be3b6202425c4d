/** The latest events: a retry comes soon after its original, and needs no read of the file. */

import type { EventRecord } from "../../events/event.ts";

/** A power of two. */
const RECENT_EVENTS_MAX = 65_536;
const RECENT_BYTES_MAX = 32 * 1024 * 1024;

/** UTF-8 takes so many bytes for a UTF-16 unit at most. */
const BYTES_PER_UNIT_MAX = 3;

/** Texts from this length on are measured: three times theirs would be much room. */
const MEASURED_UNITS_MIN = 4_096;

/**
 * Keeps of an event what a later arrival is compared with, as bytes in one ring. The strings of the event itself may be
 * slices of the body that it came in, and would keep all of that in memory; and 65,536 strings of their own would be
 * looked through by every garbage collection.
 *
 * Places in the ring are counted on for ever: what was written at a place is there until the end has come round to it.
 */
export class RecentEvents {
  /** Allocated at the first event; memory is only taken as the ring fills. */
  #bytes: Buffer | undefined;
  /** Where the next event is written. */
  #end = 0;
  /** Of each event the place of its id, which its scope and its payload follow. */
  readonly #starts = new Float64Array(RECENT_EVENTS_MAX);
  readonly #idBytes = new Uint32Array(RECENT_EVENTS_MAX);
  readonly #scopeBytes = new Uint32Array(RECENT_EVENTS_MAX);
  readonly #payloadBytes = new Uint32Array(RECENT_EVENTS_MAX);
  readonly #topicIds = new Int32Array(RECENT_EVENTS_MAX);
  readonly #receivedAt = new Float64Array(RECENT_EVENTS_MAX);
  #oldest = 1;
  #newest = 0;

  /** Sequence numbers come in ascending order; a gap starts the collection anew. */
  add(seq: number, event: EventRecord, topicId: number, receivedAt: number): void {
    if (seq !== this.#newest + 1) this.#oldest = seq;
    this.#newest = seq;
    this.#oldest = Math.max(this.#oldest, seq - RECENT_EVENTS_MAX + 1);
    const at = seq % RECENT_EVENTS_MAX;
    const start = this.#placeFor(bytesMaxOf(event));
    this.#starts[at] = start;
    if (start === NOT_KEPT) return;
    const { eventId, scope, payload } = event;
    const bytes = (this.#bytes ??= Buffer.allocUnsafeSlow(RECENT_BYTES_MAX));
    const place = start % RECENT_BYTES_MAX;
    const ids = bytes.write(eventId, place);
    const scopes = scope === "" ? 0 : bytes.write(scope, place + ids);
    const payloads = bytes.write(payload, place + ids + scopes);
    this.#end = start + ids + scopes + payloads;
    this.#idBytes[at] = ids;
    this.#scopeBytes[at] = scopes;
    this.#payloadBytes[at] = payloads;
    this.#topicIds[at] = topicId;
    this.#receivedAt[at] = receivedAt;
  }

  has(seq: number): boolean {
    if (seq < this.#oldest || seq > this.#newest) return false;
    return this.#starts[seq % RECENT_EVENTS_MAX]! >= Math.max(0, this.#end - RECENT_BYTES_MAX);
  }

  /** Whether an event that is here has the key of another. */
  hasKeyOf(seq: number, topicId: number, { eventId, scope }: EventRecord): boolean {
    const at = seq % RECENT_EVENTS_MAX;
    if (!this.has(seq) || this.#topicIds[at] !== topicId) return false;
    const [ids, scopes] = [this.#idBytes[at]!, this.#scopeBytes[at]!];
    return this.#text(at, 0, ids) === eventId && this.#text(at, ids, scopes) === scope;
  }

  /** Of an event that is here. */
  payloadBytes(seq: number): number {
    return this.#payloadBytes[seq % RECENT_EVENTS_MAX]!;
  }

  /** Of an event that is here. */
  payload(seq: number): string {
    const at = seq % RECENT_EVENTS_MAX;
    return this.#text(at, this.#idBytes[at]! + this.#scopeBytes[at]!, this.#payloadBytes[at]!);
  }

  receivedAt(seq: number): number {
    return this.#receivedAt[seq % RECENT_EVENTS_MAX]!;
  }

  /** The event is no longer stored. */
  drop(seq: number): void {
    if (this.has(seq)) this.#starts[seq % RECENT_EVENTS_MAX] = NOT_KEPT;
  }

  /** Where so many bytes stand in one piece. */
  #placeFor(bytesMax: number): number {
    if (bytesMax > RECENT_BYTES_MAX) return NOT_KEPT;
    const left = RECENT_BYTES_MAX - (this.#end % RECENT_BYTES_MAX);
    return bytesMax <= left ? this.#end : this.#end + left;
  }

  #text(at: number, from: number, bytes: number): string {
    const start = (this.#starts[at]! % RECENT_BYTES_MAX) + from;
    return bytes === 0 ? "" : this.#bytes!.toString("utf8", start, start + bytes);
  }
}

/** Before every place. */
const NOT_KEPT = -1;

function bytesMaxOf({ eventId, scope, payload }: EventRecord): number {
  const units = eventId.length + scope.length + payload.length;
  if (units < MEASURED_UNITS_MIN) return units * BYTES_PER_UNIT_MAX;
  return Buffer.byteLength(eventId) + Buffer.byteLength(scope) + Buffer.byteLength(payload);
}
