/** What the node must be equal to: a plain map from dedup key to first arrival, and counters per topic. */

import { type Counters, zeroCounters } from "../../src/events/event.ts";
import type { Payload } from "./payloads.ts";

export interface EventKey {
  readonly topic: string;
  readonly scope: string;
  readonly eventId: string;
}

export interface SentEvent extends EventKey {
  readonly timestamp: string | null;
  readonly source: string | null;
  readonly payload: Payload;
}

/** An event as it arrived: `at` is in milliseconds since 1970, `seq` the first arrival's. */
export interface Arrival extends SentEvent {
  readonly seq: number;
  readonly at: number;
}

export interface Verdict {
  readonly status: "processed" | "duplicate" | "conflict";
  readonly first: Arrival;
}

export type TopicCounters = ReadonlyMap<string, Counters>;

export interface TopicTimes {
  firstAt: number;
  lastAt: number;
}

export class Model {
  /** Of every key that is remembered, whether its event is still stored or not. */
  readonly #first = new Map<string, Arrival>();
  readonly #counters = new Map<string, Counters>();
  readonly #times = new Map<string, TopicTimes>();
  /** How many events of a topic retention has removed. */
  readonly #pruned = new Map<string, number>();
  #events: Arrival[] = [];
  #newestSeq = 0;
  #received = 0;
  #lastAt = 0;
  #baseSeq = 0;
  readonly conflicts: Arrival[] = [];

  get topics(): TopicCounters {
    return this.#counters;
  }

  /** What is stored, in the order of `seq`. */
  get events(): readonly Arrival[] {
    return this.#events;
  }

  get newestSeq(): number {
    return this.#newestSeq;
  }

  /** Events up to here were in the file before the history began, and have been compared. */
  get baseSeq(): number {
    return this.#baseSeq;
  }

  keepAsBase(): void {
    this.#baseSeq = this.#newestSeq;
  }

  get remembered(): number {
    return this.#first.size;
  }

  get received(): number {
    return this.#received;
  }

  timesOf(topic: string): TopicTimes {
    return this.#times.get(topic)!;
  }

  prunedOf(topic: string): number {
    return this.#pruned.get(topic) ?? 0;
  }

  find({ topic, scope, eventId }: EventKey): Arrival | undefined {
    return this.#first.get(`${topic} ${scope} ${eventId}`);
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
    const counters = this.#count(topic, at);
    const first = this.find(event);
    if (first === undefined) {
      const arrival = { ...event, seq: ++this.#newestSeq, at };
      this.#first.set(`${topic} ${scope} ${eventId}`, arrival);
      this.#events.push(arrival);
      counters.unique_processed++;
      return { status: "processed", first: arrival };
    }
    counters.duplicate_dropped++;
    // Nothing is left to compare with once the event is gone and only its id is remembered.
    if (first.payload.meaning === payload.meaning || !this.#isStored(first))
      return { status: "duplicate", first };
    counters.conflicts++;
    this.conflicts.push({ ...event, seq: first.seq, at });
    return { status: "conflict", first };
  }

  #count(topic: string, at: number): Counters {
    let counters = this.#counters.get(topic);
    if (counters === undefined) {
      this.#counters.set(topic, (counters = zeroCounters()));
      this.#times.set(topic, { firstAt: at, lastAt: at });
    }
    this.#times.get(topic)!.lastAt = at;
    counters.received++;
    this.#received++;
    return counters;
  }

  #isStored({ topic, seq }: Arrival): boolean {
    return this.prunedOf(topic) === 0 || this.#events.some((event) => event.seq === seq);
  }

  /** Retention removes events; their ids go with them, or are remembered for longer. Counters stay as they are. */
  prune(seqs: ReadonlySet<number>, ids: "forgotten" | "remembered"): void {
    for (const event of this.#events) {
      if (!seqs.has(event.seq)) continue;
      const { topic, scope, eventId } = event;
      this.#pruned.set(topic, this.prunedOf(topic) + 1);
      if (ids === "forgotten") this.#first.delete(`${topic} ${scope} ${eventId}`);
    }
    this.#events = this.#events.filter(({ seq }) => !seqs.has(seq));
  }

  clone(): Model {
    const copy = new Model();
    for (const [key, arrival] of this.#first) copy.#first.set(key, arrival);
    for (const [topic, counters] of this.#counters) copy.#counters.set(topic, { ...counters });
    for (const [topic, times] of this.#times) copy.#times.set(topic, { ...times });
    for (const [topic, count] of this.#pruned) copy.#pruned.set(topic, count);
    copy.#events = [...this.#events];
    copy.#newestSeq = this.#newestSeq;
    copy.#baseSeq = this.#baseSeq;
    copy.#received = this.#received;
    copy.#lastAt = this.#lastAt;
    copy.conflicts.push(...this.conflicts);
    return copy;
  }

  /** The counters as they are now, which later commits don't change. */
  snapshot(): TopicCounters {
    return new Map([...this.#counters].map(([topic, counters]) => [topic, { ...counters }]));
  }
}
