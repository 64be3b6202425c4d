/** What all readers of the feed together were sent, and have not read: beyond a limit all of them wait. */

import type { FeedReader } from "./feed-reader.ts";

export interface FeedFrame {
  readonly text: string;
  /** Events in it. */
  readonly count: number;
  /** Whoever has it has everything up to here. */
  readonly to: number;
}

export class FeedSending {
  /** Since the start; once for each reader. */
  eventsTold = 0;
  /** Bytes that were sent and not yet taken by the network. */
  unreadBytes = 0;

  constructor(
    private readonly now: () => number,
    private readonly unreadBytesMax: number,
  ) {}

  /** Whether some have to wait because others do not read. */
  get isCrowded(): boolean {
    return this.unreadBytes >= this.unreadBytesMax;
  }

  /** Whether a reader has read everything, and there is room for more. */
  canTake(reader: FeedReader): boolean {
    this.unreadBytes -= reader.unread;
    const hasReadAll = reader.hasReadAll(this.now());
    this.unreadBytes += reader.unread;
    return hasReadAll && !this.isCrowded;
  }

  send(reader: FeedReader, { text, count, to }: FeedFrame): void {
    this.unreadBytes -= reader.unread;
    reader.send(text, to, this.now());
    this.unreadBytes += reader.unread;
    this.eventsTold += count;
  }

  /** Whether a reader that cannot take more is to be closed. */
  isTooSlow(reader: FeedReader): boolean {
    return reader.isTooSlow(this.now(), this.isCrowded);
  }

  /** What it has not read will not be read any more. */
  gone(reader: FeedReader): void {
    this.unreadBytes -= reader.unread;
    reader.unread = 0;
  }
}
