/** One bucket for each name, in bounded memory: whoever comes with a million names neither grows it nor resets others. */

import { type Rate, TokenBucket } from "./token-bucket.ts";

/** Names that are remembered at one time. */
export const BUCKETS_MAX = 65_536;

/** Buckets that are looked at for each new one: more than one, so that what is idle goes faster than it comes. */
const LOOKED_AT_PER_NEW = 4;

export class BucketTable {
  readonly #buckets = new Map<string, TokenBucket>();
  /** Where the search for idle buckets goes on. */
  #hand: Iterator<[string, TokenBucket]>;
  /** Shared by all that come while every bucket of the table is in use. */
  readonly #shared: TokenBucket;

  constructor(
    readonly rate: Rate,
    now: number,
    private readonly bucketsMax = BUCKETS_MAX,
  ) {
    this.#hand = this.#buckets.entries();
    this.#shared = new TokenBucket(rate, now);
  }

  get size(): number {
    return this.#buckets.size;
  }

  of(name: string, now: number): TokenBucket {
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    this.#dropIdle(now);
    if (this.#buckets.size >= this.bucketsMax) return this.#shared;
    const bucket = new TokenBucket(this.rate, now);
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** A full bucket says nothing that a new one would not. */
  #dropIdle(now: number): void {
    for (let i = 0; i < LOOKED_AT_PER_NEW; i++) {
      const { done, value } = this.#hand.next();
      if (done === true) {
        this.#hand = this.#buckets.entries();
        return;
      }
      const [name, bucket] = value;
      if (bucket.isFull(now)) this.#buckets.delete(name);
    }
  }
}
