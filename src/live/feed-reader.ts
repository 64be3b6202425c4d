/** One reader of the feed: what it has been told, and whether it can be told more. */

import type { FeedPage } from "../storage/event-reader.ts";
import type { FeedGroup } from "./feed-group.ts";
import type { FeedSink } from "./feed-sink.ts";

/** Whoever has not read anything for this long is closed; it may come back and resume. */
export const STALL_MS_MAX = 60_000;

/** The same while readers that can be told more have to wait for those that don't read. */
export const CROWDED_STALL_MS_MAX = 1_000;

/** Whoever reads, but so slowly that a frame takes this much longer for each of so many bytes, is closed as well. */
const SLOW_BYTES_PER_SECOND = 16 * 1024;

/**
 * - `live`: it has everything up to where the feed stands, and is told what comes with all others of its group.
 * - `near`: the ring has what it lacks, or will.
 * - `far`: it is told from the store.
 */
export type Place = "live" | "near" | "far";

export class FeedReader {
  place: Place = "near";
  /** A page is being read for it, or is to be. */
  isWaiting = false;
  /** What was read ahead, and is told once it has read what came before. */
  readAhead: FeedPage | undefined;
  /** Whether the ring is kept up for its sake, although it is far: what is being read now may reach it. */
  isExpected = false;
  /** Gaps up to here were told. */
  gapsTold = 0;
  /** Nothing is read for it before this time: a read failed, or brought nothing. */
  notBefore = Number.NEGATIVE_INFINITY;
  /** Bytes that it was sent and had not read when it was last looked at. */
  unread = 0;
  #stalledSince = 0;
  #blockedSince = 0;
  #sent = 0;

  /** @param position it has everything up to here; of one that is live it may be less than it has. */
  constructor(
    readonly sink: FeedSink,
    readonly group: FeedGroup,
    public position: number,
  ) {}

  send(text: string, position: number, now: number): void {
    this.sink.send(text, position);
    this.position = position;
    this.#blockedSince = now;
    this.#stalledSince = now;
    this.unread = this.sink.bufferedBytes;
    this.#sent = this.unread;
  }

  advance(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    this.sink.advance(position);
  }

  /** Whether it has read everything it was sent; notes how much it has not. */
  hasReadAll(now: number): boolean {
    const { bufferedBytes } = this.sink;
    if (bufferedBytes > 0 && this.unread === 0) this.#blockedSince = now;
    if (bufferedBytes < this.unread || this.unread === 0) this.#stalledSince = now;
    this.unread = bufferedBytes;
    return bufferedBytes === 0;
  }

  /** Since when it has not read anything, in milliseconds. */
  stalledFor(now: number): number {
    return now - this.#stalledSince;
  }

  /** @param isCrowded whether others have to wait for it. */
  isTooSlow(now: number, isCrowded: boolean): boolean {
    // It may be others that it waits for.
    if (this.unread === 0) return false;
    const stallMsMax = isCrowded ? CROWDED_STALL_MS_MAX : STALL_MS_MAX;
    const blockedMsMax = stallMsMax + (this.#sent / SLOW_BYTES_PER_SECOND) * 1_000;
    return this.stalledFor(now) > stallMsMax || now - this.#blockedSince > blockedMsMax;
  }
}
