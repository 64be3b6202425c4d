/** Frames of one socket that are no publishes: so many a second, and whoever goes on regardless is closed. */

import { type Problem, problem } from "../problem.ts";
import { type Rate, TokenBucket } from "./token-bucket.ts";

/** What may come at once, as seconds' worth. */
export const CONTROL_BURST_SECONDS = 2;

export function controlRateOf(perSecond: number): Rate {
  const burst = perSecond * CONTROL_BURST_SECONDS;
  return { perSecond, burst, debtMax: burst };
}

/** Over all sockets, since the start. */
export interface ControlFrameCounts {
  refused: number;
  closed: number;
}

export class ControlFrames {
  #bucket: TokenBucket | undefined;
  #isOver = false;

  constructor(
    private readonly rate: Rate,
    private readonly counts: ControlFrameCounts,
  ) {}

  /** Whether the socket is to be closed: it was refused as many as may come at once, and did not pause. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Judges one frame. One that is refused counts as well. @returns why it is not to be worked on. */
  judge(now: number): Problem | undefined {
    this.#bucket ??= new TokenBucket(this.rate, now);
    if (this.#bucket.take(now)) return undefined;
    this.#bucket.charge(1, now);
    this.counts.refused++;
    if (!this.#isOver && this.#bucket.level(now) <= -this.rate.debtMax) {
      this.#isOver = true;
      this.counts.closed++;
    }
    const detail = `A socket may send ${this.rate.perSecond} frames a second that are no publishes.`;
    return { ...problem("rate_limited", detail), retry_after: this.#bucket.secondsUntilOne(now) };
  }

  /**
   * Counts what the work on a frame came to, as frames beyond the one; of what is more than a second's worth no more
   * than that, so that a single frame keeps nobody out for long.
   */
  charge(frames: number, now: number): void {
    this.#bucket?.charge(Math.min(frames, this.rate.perSecond), now);
  }
}
