/** Which event comes next: a new one, or every fifth time one of the latest again; knows what it has given out. */

/** 20 % duplicates. */
const DUPLICATE_EVERY = 5;

/** A duplicate is one of so many latest events, as a retry is. */
const RECENT_EVENTS = 1_000;

/** Coprime to the above, so that the choice wanders. */
const STRIDE = 7_919;

export class EventNumbers {
  received = 0;
  unique = 0;

  constructor(private readonly hasDuplicates = true) {}

  readonly next = (): number => {
    const ordinal = ++this.received;
    if (!this.hasDuplicates || ordinal % DUPLICATE_EVERY !== 0) return this.unique++;
    return this.unique - 1 - ((ordinal * STRIDE) % Math.min(this.unique, RECENT_EVENTS));
  };
}
