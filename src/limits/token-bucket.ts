/** A token bucket: what may be taken at once, how fast it comes back, and how deep it may go into debt. */

/** How much a bucket takes, for many of them. */
export interface Rate {
  readonly perSecond: number;
  /** What a full bucket holds. */
  readonly burst: number;
  /** What may be owed at most, so that nobody is kept out for ever by one mistake. */
  readonly debtMax: number;
}

/** How long the largest debt takes to be paid. */
export const DEBT_SECONDS_MAX = 3_600;

/** A second's worth may come at once, and always one. */
export function rateOf(perSecond: number): Rate {
  return { perSecond, burst: Math.max(1, perSecond), debtMax: perSecond * DEBT_SECONDS_MAX };
}

/** Times are milliseconds of one clock, which is handed in. */
export class TokenBucket {
  #level: number;
  #at: number;

  constructor(
    private readonly rate: Rate,
    now: number,
  ) {
    this.#level = rate.burst;
    this.#at = now;
  }

  /** What may be taken now; below zero is a debt. */
  level(now: number): number {
    const { perSecond, burst } = this.rate;
    if (now > this.#at) {
      this.#level = Math.min(burst, this.#level + ((now - this.#at) * perSecond) / 1_000);
      this.#at = now;
    }
    return this.#level;
  }

  /** Takes one, if there is one. */
  take(now: number): boolean {
    if (this.level(now) < 1) return false;
    this.#level--;
    return true;
  }

  /** Takes an amount whether it is there or not, up to the largest debt. @returns how much that was. */
  charge(amount: number, now: number): number {
    const before = this.level(now);
    this.#level = Math.max(-this.rate.debtMax, before - amount);
    return before - this.#level;
  }

  /** Gives back what was charged and not used. */
  refund(amount: number, now: number): void {
    this.#level = Math.min(this.rate.burst, this.level(now) + amount);
  }

  isFull(now: number): boolean {
    return this.level(now) >= this.rate.burst;
  }

  /** Whole seconds until one can be taken, at least 1. */
  secondsUntilOne(now: number): number {
    return Math.max(1, Math.ceil((1 - this.level(now)) / this.rate.perSecond));
  }
}
