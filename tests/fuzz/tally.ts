/** The oracle: adds up what was acknowledged, and holds the node's counters against it. */

import { addCounters, type Counters, countersOf, NO_COUNTERS, type Stats } from "../support/contract.ts";
import { SMUGGLED_TOPIC, UNANSWERED_TOPIC } from "./fuzz-case.ts";
import { FuzzViolation } from "./judge.ts";

export class Tally {
  /** What was acknowledged, without what may have been stored unanswered. */
  acknowledged: Counters = NO_COUNTERS;
  /** Refusals that the node counts. */
  refused = 0;
  /** Refusals that it may have counted and nobody was told of. */
  perhapsRefused = 0;
  #unansweredAcknowledged = 0;

  add(answer: unknown): number {
    const counters = countersOf(answer as Counters);
    const { received, unique_processed, duplicate_dropped, conflicts } = counters;
    if (received !== unique_processed + duplicate_dropped || conflicts > duplicate_dropped)
      throw new FuzzViolation(`Counters that do not add up: ${JSON.stringify(answer)}`);
    this.acknowledged = addCounters(this.acknowledged, counters);
    return received;
  }

  /** An acknowledgement of events of `UNANSWERED_TOPIC`. */
  addUnanswered(received: number): void {
    this.#unansweredAcknowledged += received;
  }

  check({ topics, rejected, ...totals }: Stats): void {
    if (SMUGGLED_TOPIC in topics) throw new FuzzViolation("A request hidden in another one was carried out");
    const unanswered = topics[UNANSWERED_TOPIC] ?? NO_COUNTERS;
    if (unanswered.received < this.#unansweredAcknowledged)
      throw new FuzzViolation(
        `${this.#unansweredAcknowledged} acknowledged, ${unanswered.received} counted: ${UNANSWERED_TOPIC}`,
      );
    const expected = JSON.stringify(addCounters(this.acknowledged, countersOf(unanswered)));
    const counted = JSON.stringify(countersOf(totals));
    if (counted !== expected)
      throw new FuzzViolation(`Expected the counters to be ${expected}, got ${counted}`);
    if (rejected < this.refused || rejected > this.refused + this.perhapsRefused)
      throw new FuzzViolation(
        `${this.refused} refused and perhaps ${this.perhapsRefused}, counted ${rejected}`,
      );
  }
}
