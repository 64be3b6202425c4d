/** Which event comes next: a new one, or one that was sent before; knows what it has given out. */

/** What share of the load are duplicates, and of what. */
export interface DuplicateMix {
  readonly percent: number;
  /** Duplicates are any of the first so many events, all sent before this load; 0: of the latest, as a retry is. */
  readonly oldEvents: number;
}

/** A recent duplicate is one of so many latest events. */
export const RECENT_EVENTS = 1_000;

/** Coprime to the above, so that the choice wanders. */
const STRIDE = 7_919;

export class EventNumbers {
  received = 0;
  unique = 0;
  #debt = 0;
  #random = 0x9e3779b9;

  /** @param firstNumber of new events; those below it have been sent and acknowledged. */
  constructor(
    private readonly firstNumber = 0,
    private readonly duplicates: DuplicateMix = { percent: 20, oldEvents: 0 },
  ) {}

  readonly next = (): number => {
    const ordinal = ++this.received;
    const known = this.firstNumber + this.unique;
    this.#debt += this.duplicates.percent;
    if (this.#debt < 100 || known === 0) return this.firstNumber + this.unique++;
    this.#debt -= 100;
    const { oldEvents } = this.duplicates;
    if (oldEvents > 0) return this.#nextRandom() % oldEvents;
    return known - 1 - ((ordinal * STRIDE) % Math.min(known, RECENT_EVENTS));
  };

  /** xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003): so that old events are read from all over the file. */
  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 0;
  }
}
