/** What a publish is charged before it is known how many events it holds, and given back once that is known. */

import type { TokenBucket } from "./token-bucket.ts";

/** What a publish costs at least: one that is empty, and one that was decoded and refused. */
const PUBLISH_EVENTS_MIN = 1;

interface Taken {
  readonly bucket: TokenBucket;
  /** Less than was asked for where the debt has reached its end. */
  readonly events: number;
}

/** Keeps the buckets and not their names: what is given back goes where it came from, whoever the caller is by then. */
export class EventCharge {
  readonly #taken: readonly Taken[];

  constructor(
    buckets: readonly TokenBucket[],
    eventsAtMost: number,
    private readonly now: () => number,
  ) {
    const at = now();
    this.#taken = buckets.map((bucket) => ({ bucket, events: bucket.charge(eventsAtMost, at) }));
  }

  /** The publish held so many events. */
  accepted(events: number): void {
    this.#settle(Math.max(PUBLISH_EVENTS_MIN, events));
  }

  /** It was decoded, and nothing of it was stored. */
  refused(): void {
    this.#settle(PUBLISH_EVENTS_MIN);
  }

  /** Nobody has looked at it. */
  notTaken(): void {
    this.#settle(0);
  }

  #settle(cost: number): void {
    const at = this.now();
    for (const { bucket, events } of this.#taken) if (events > cost) bucket.refund(events - cost, at);
  }
}
