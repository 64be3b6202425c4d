/** What the node must be equal to: a plain map from dedup key to first arrival, and counters per topic. */

import { type Counters, zeroCounters } from "../../src/events/event.ts";
import type { Payload } from "./payloads.ts";

export interface SentEvent {
  readonly topic: string;
  readonly scope: string;
  readonly eventId: string;
  readonly payload: Payload;
}

export interface FirstArrival extends SentEvent {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Verdict {
  readonly status: "processed" | "duplicate" | "conflict";
  readonly first: FirstArrival;
}

export type TopicCounters = ReadonlyMap<string, Counters>;

export class Model {
  readonly #first = new Map<string, FirstArrival>();
  readonly #counters = new Map<string, Counters>();
  /** In the order of `seq`. */
  readonly arrivals: FirstArrival[] = [];
  conflicts = 0;
  #lastAt = 0;

  get topics(): TopicCounters {
    return this.#counters;
  }

  get received(): number {
    return [...this.#counters.values()].reduce((sum, { received }) => sum + received, 0);
  }

  find({ topic, scope, eventId }: SentEvent): FirstArrival | undefined {
    return this.#first.get(JSON.stringify([topic, scope, eventId]));
  }

  /** Takes in what one commit holds. @param now the clock at that moment; the store's time never goes back. */
  commit(events: readonly SentEvent[], now: number): Verdict[] {
    if (events.length === 0) return [];
    const at = Math.max(now, this.#lastAt);
    this.#lastAt = at;
    return events.map((event) => this.#take(event, at));
  }

  #take(event: SentEvent, at: number): Verdict {
    const { topic, scope, eventId, payload } = event;
    let counters = this.#counters.get(topic);
    if (counters === undefined) this.#counters.set(topic, (counters = zeroCounters()));
    counters.received++;
    const first = this.find(event);
    if (first === undefined) {
      const arrival = { ...event, seq: this.arrivals.length + 1, at };
      this.#first.set(JSON.stringify([topic, scope, eventId]), arrival);
      this.arrivals.push(arrival);
      counters.unique_processed++;
      return { status: "processed", first: arrival };
    }
    counters.duplicate_dropped++;
    if (first.payload.meaning === payload.meaning) return { status: "duplicate", first };
    counters.conflicts++;
    this.conflicts++;
    return { status: "conflict", first };
  }

  clone(): Model {
    const copy = new Model();
    for (const [key, arrival] of this.#first) copy.#first.set(key, arrival);
    for (const [topic, counters] of this.#counters) copy.#counters.set(topic, { ...counters });
    copy.arrivals.push(...this.arrivals);
    copy.conflicts = this.conflicts;
    copy.#lastAt = this.#lastAt;
    return copy;
  }

  /** The counters as they are now, which later commits don't change. */
  snapshot(): TopicCounters {
    return new Map([...this.#counters].map(([topic, counters]) => [topic, { ...counters }]));
  }
}
