/** Tells of neighbouring events with the same fault in one sentence: a lost page would fill the report otherwise. */

import type { Check, Differences } from "./verification-report.ts";

export class RunOfEvents {
  #first = 0;
  #last = 0;

  constructor(
    private readonly differences: Differences,
    private readonly check: Check,
    /** What the events have: completes "Event 7 has". */
    private readonly fault: string,
  ) {}

  /** Both inclusive, in ascending order. */
  add(first: number, last: number): void {
    if (this.#first > 0 && first === this.#last + 1) {
      this.#last = last;
      return;
    }
    this.finish();
    this.#first = first;
    this.#last = last;
  }

  finish(): void {
    if (this.#first === 0) return;
    const [first, last] = [this.#first, this.#last];
    const sentence =
      first === last
        ? `Event ${first} has ${this.fault}.`
        : `Events ${first} to ${last}: each has ${this.fault}.`;
    this.differences.add(this.check, sentence);
    this.#first = 0;
  }
}
