/**
 * Which events a batch holds: new ones, duplicates of recent and of old events, conflicts; and what is refused.
 * Knows what the node's counters must be once all of it is acknowledged.
 */

import { type Counters, countersFrom } from "../../src/load-test/counters.ts";
import type { SeededRandom } from "../../tests/support/seeded-random.ts";
import { EVENTS_PER_BATCH, TOPIC_COUNT, TOPICS } from "./plan.ts";

/** In a thousand events. Half the duplicates are retries, the others come late; a tenth of both differ. */
const RECENT_DUPLICATES = 100;
const OLD_DUPLICATES = 100;
const CONFLICTS_IN_DUPLICATES = 10;

/** A retry is of one of so many latest events. */
const RECENT_EVENTS = 1_000;

/** `received, unique_processed, duplicate_dropped, conflicts` of each topic. */
const COLUMNS = 4;

export class EventMix {
  readonly #sums = new Float64Array(TOPIC_COUNT * COLUMNS);
  #unique = 0;
  #invalid = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly oldEventsMax: number,
    /**
     * Events with smaller numbers have been acknowledged. Only of those a conflict is made: of two that are under way
     * together nobody knows which comes first.
     */
    private readonly acknowledgedBelow: () => number,
  ) {}

  /** How many new events there have been; the next one has this number. */
  get unique(): number {
    return this.#unique;
  }

  /** JSON of the next events, as an array. */
  nextBatch(): string {
    const events: string[] = [];
    for (let i = 0; i < EVENTS_PER_BATCH; i++) events.push(this.#next());
    return `[${events.join(",")}]`;
  }

  /** Text that must be refused whole: were any of it counted, the counters at the end would be off. */
  nextInvalid(): string {
    const number = this.#invalid++;
    const good = `{"topic":"${TOPICS[0]}","event_id":"never-${number}","payload":1}`;
    const bad = INVALID_EVENTS[number % INVALID_EVENTS.length]!;
    return `[${good},${bad}]`;
  }

  /** What must have been counted once everything has been acknowledged. */
  expected(): Record<string, Counters> {
    const entries = TOPICS.map((topic, i): [string, Counters] => {
      const [received, unique_processed, duplicate_dropped, conflicts] = this.#sums.subarray(i * COLUMNS);
      const sums = { received, unique_processed, duplicate_dropped, conflicts };
      return [topic, countersFrom((name) => sums[name]!)];
    });
    return Object.fromEntries(entries.filter(([, { received }]) => received > 0));
  }

  #next(): string {
    const draw = this.random.below(1_000);
    if (this.#unique === 0 || draw >= RECENT_DUPLICATES + OLD_DUPLICATES) {
      const number = this.#unique++;
      this.#count(number, { isDuplicate: false, isConflict: false });
      return eventText(number, "first");
    }
    const within = draw < RECENT_DUPLICATES ? RECENT_EVENTS : this.oldEventsMax;
    const below = draw % CONFLICTS_IN_DUPLICATES === 0 ? this.acknowledgedBelow() : 0;
    const isConflict = below > 0;
    const last = isConflict ? below : this.#unique;
    const number = last - 1 - this.random.below(Math.min(last, within));
    this.#count(number, { isDuplicate: true, isConflict });
    return eventText(number, isConflict ? "other" : "first");
  }

  #count(number: number, { isDuplicate, isConflict }: { isDuplicate: boolean; isConflict: boolean }): void {
    const at = (number % TOPIC_COUNT) * COLUMNS;
    this.#sums[at]! += 1;
    this.#sums[at + (isDuplicate ? 2 : 1)]! += 1;
    if (isConflict) this.#sums[at + 3]! += 1;
  }
}

const INVALID_EVENTS: readonly string[] = [
  `{"topic":"${TOPICS[0]}"}`,
  `{"topic":"${TOPICS[0]}","event_id":"x","paylod":1}`,
  '{"topic":"no blanks","event_id":"x"}',
  `{"topic":"${TOPICS[0]}","event_id":"x","timestamp":"31-12-2024"}`,
  `{"topic":"${TOPICS[0]}","event_id":"x"`,
];

/** An event is its number: the same number is the same event, to the byte. */
function eventText(number: number, version: "first" | "other"): string {
  return (
    `{"topic":"${TOPICS[number % TOPIC_COUNT]}","event_id":"${eventIdOf(number)}","source":"soak",` +
    `"timestamp":"2026-01-15T09:26:53Z","payload":{"number":${number},"version":"${version}","items":[1,2,3]}}`
  );
}

export function eventIdOf(number: number): string {
  return `7f3c2a10-5b7e-4c1d-9e2f-${String(number).padStart(12, "0")}`;
}
