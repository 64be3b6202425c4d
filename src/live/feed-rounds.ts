/** Looks after the readers of the feed that are not live, round after round, for as long as there are any. */

import type { FeedReader } from "./feed-reader.ts";
import { type FeedClock, workInTurns } from "./turn-work.ts";

/** From one round to the next: that is how soon it is seen that somebody has read what it was sent. */
export const ROUND_INTERVAL_MS = 5;

/** Whoever has not read for so long is looked at every so many rounds. */
const LONG_STALLED_MS = 1_000;
const ROUNDS_PER_LONG_STALLED = 10;

export class FeedRounds {
  #isUnderWay = false;
  #rounds = 0;

  /** @param serve tells one reader what comes next; whether anything was sent. */
  constructor(
    private readonly clock: FeedClock,
    private readonly readers: ReadonlySet<FeedReader>,
    private readonly serve: (reader: FeedReader) => boolean,
  ) {}

  begin(): void {
    if (this.#isUnderWay || this.readers.size === 0) return;
    this.#isUnderWay = true;
    this.clock.later(() => {
      workInTurns(this.clock, this.#round(), () => {
        this.#isUnderWay = false;
        this.begin();
      });
    }, ROUND_INTERVAL_MS);
  }

  *#round(): Generator<boolean> {
    const isForAll = this.#rounds++ % ROUNDS_PER_LONG_STALLED === 0;
    // Whoever joins meanwhile is found again at the end; without a bound some could make it endless.
    let left = this.readers.size;
    for (const reader of this.readers) {
      if (left-- === 0) return;
      const hasStalled = reader.unread > 0 && reader.stalledFor(this.clock.now()) > LONG_STALLED_MS;
      yield hasStalled && !isForAll ? false : this.serve(reader);
    }
  }
}
