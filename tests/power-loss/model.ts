/** What a store must answer, as a plain map works it out. */

import { type EventRecord, EventStatus } from "../../src/events/event.ts";
import type { StoreContents } from "../../src/storage/event-store.ts";
import { addCounters, type Counters, NO_COUNTERS } from "../support/contract.ts";

export class Model {
  readonly #payloads: Map<string, string>;
  readonly #counters: Map<string, Counters>;

  constructor(other?: Model) {
    this.#payloads = new Map(other === undefined ? [] : other.#payloads);
    this.#counters = new Map(other === undefined ? [] : other.#counters);
  }

  get events(): number {
    return this.#payloads.size;
  }

  /** Takes in a batch. @returns the status of each event. */
  append(events: readonly EventRecord[]): EventStatus[] {
    return events.map((event) => this.#arrive(event));
  }

  /** Whether a store that has just been opened says it holds what is here. */
  isSame({ events, topics }: StoreContents): boolean {
    const counters = topics.map(
      ({ name, received, unique_processed, duplicate_dropped, conflicts }) =>
        [name, { received, unique_processed, duplicate_dropped, conflicts }] as const,
    );
    return events === this.events && Bun.deepEquals(counters, [...this.#counters]);
  }

  #arrive({ topic, scope, eventId, payload }: EventRecord): EventStatus {
    const key = JSON.stringify([topic, scope, eventId]);
    const first = this.#payloads.get(key);
    if (first === undefined) this.#payloads.set(key, payload);
    const isConflict = first !== undefined && first !== payload;
    const more: Counters = {
      received: 1,
      unique_processed: first === undefined ? 1 : 0,
      duplicate_dropped: first === undefined ? 0 : 1,
      conflicts: isConflict ? 1 : 0,
    };
    this.#counters.set(topic, addCounters(this.#counters.get(topic) ?? NO_COUNTERS, more));
    if (first === undefined) return EventStatus.processed;
    return isConflict ? EventStatus.conflict : EventStatus.duplicate;
  }
}
