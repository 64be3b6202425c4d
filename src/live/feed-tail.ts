/** Reads what is new, once for all readers: one page after the other, for as long as somebody waits for it. */

import type { EventReader, FeedPage } from "../storage/event-reader.ts";
import { FRAME_EVENTS_MAX, FRAME_TEXT_MAX } from "./feed-frames.ts";
import type { FeedClock } from "./turn-work.ts";

/** From one read to the next at least: what comes in between is one page, and one frame. */
export const TAIL_INTERVAL_MS = 5;

/** A page of the tail is not cut short by time: nobody is told anything before it. */
const PAGE_BUDGET_MS = 50;

export interface FeedTailOptions {
  readonly reader: Pick<EventReader, "feedPage">;
  readonly clock: FeedClock;
  /** Everything up to here has been read, or does not matter. */
  readonly position: () => number;
  /** What was read is to be told; then `resume`. */
  readonly took: (page: FeedPage) => void;
  /** It is tried again after `resume`. */
  readonly failed: (error: unknown) => void;
  /** Everything that anybody waits for has been read and told. */
  readonly rests: () => void;
}

export class FeedTail {
  readonly #options: FeedTailOptions;
  #wanted = 0;
  /** Whether a page is being read or told, or the next is put off. */
  #isBusy = false;
  #readAt = Number.NEGATIVE_INFINITY;
  /** Another one after each restart. */
  #run = 0;

  constructor(options: FeedTailOptions) {
    this.#options = options;
  }

  /** Somebody waits for the events up to this one. */
  want(position: number): void {
    this.#wanted = Math.max(this.#wanted, position);
    this.go();
  }

  /** There may be something to do. */
  go(): void {
    if (this.#isBusy) return;
    const { clock, position, rests } = this.#options;
    if (position() >= this.#wanted) {
      rests();
      return;
    }
    const waitMs = this.#readAt + TAIL_INTERVAL_MS - clock.now();
    if (waitMs <= 0) void this.#read();
    else this.#putOff(waitMs);
  }

  /** What was read has been told, or what failed is to be tried again. */
  resume(): void {
    this.#isBusy = false;
    this.go();
  }

  /** Forgets what is wanted and what is being read. */
  restart(): void {
    this.#run++;
    this.#wanted = 0;
    this.#isBusy = false;
  }

  #putOff(waitMs: number): void {
    const run = this.#run;
    this.#isBusy = true;
    this.#options.clock.later(() => {
      if (run === this.#run) this.resume();
    }, waitMs);
  }

  async #read(): Promise<void> {
    const { reader, clock, position, took, failed } = this.#options;
    const run = this.#run;
    this.#isBusy = true;
    this.#readAt = clock.now();
    let answer: () => void;
    try {
      const page = await reader.feedPage({
        after: position(),
        limit: FRAME_EVENTS_MAX,
        textMax: FRAME_TEXT_MAX,
        budgetMs: PAGE_BUDGET_MS,
        withParts: true,
      });
      answer = () => took(page);
    } catch (error) {
      answer = () => failed(error);
    }
    if (run === this.#run) answer();
  }
}
