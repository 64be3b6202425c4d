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

/** A request that was done: what it held, and what became of its events. */
export interface Answered {
  readonly fingerprint: string;
  readonly verdicts: readonly Verdict[];
}

export type TopicCounters = ReadonlyMap<string, Counters>;

export interface TopicTimes {
  firstAt: number;
  lastAt: number;
}

/** One step of retention. */
export interface Pruning {
  /** In the order of `seq`. */
  readonly removed: readonly Arrival[];
  readonly forgotten: readonly Arrival[];
}

export class Model {
  /** Of every key that is remembered, whether its event is still stored or not. */
  readonly #first = new Map<string, Arrival>();
  /** The same by their `seq`. */
  readonly #ids = new Map<number, Arrival>();
  readonly #counters = new Map<string, Counters>();
  readonly #times = new Map<string, TopicTimes>();
  /** What retention has removed of each topic. */
  readonly #pruned = new Map<string, Arrival[]>();
  #events: Arrival[] = [];
  /** When the event of each `seq` was received, whatever has become of it; nothing at 0. */
  readonly #receivedAt: number[] = [0];
  #newestSeq = 0;
  #received = 0;
  #lastAt = 0;
  #baseSeq = 0;
  readonly conflicts: Arrival[] = [];
  /** What was answered to requests that brought a key, by that. */
  readonly answers = new Map<string, Answered>();

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

  /** The ids that are remembered, by their `seq`. */
  get remembered(): ReadonlyMap<number, Arrival> {
    return this.#ids;
  }

  get received(): number {
    return this.#received;
  }

  timesOf(topic: string): TopicTimes {
    return this.#times.get(topic)!;
  }

  /** What retention has removed of a topic, in the order of `seq`. */
  prunedOf(topic: string): readonly Arrival[] {
    return this.#pruned.get(topic) ?? [];
  }

  /** No event of the topic up to this `seq` is left. */
  prunedThrough(topic: string): number {
    return this.prunedOf(topic).at(-1)?.seq ?? 0;
  }

  /** Whether retention has ever removed anything. */
  get isPruned(): boolean {
    return this.#pruned.size > 0;
  }

  /** The first arrival of a key that is remembered. */
  find({ topic, scope, eventId }: EventKey): Arrival | undefined {
    return this.#first.get(`${topic} ${scope} ${eventId}`);
  }

  /** The same where its event is stored. */
  findStored(key: EventKey): Arrival | undefined {
    const first = this.find(key);
    return first !== undefined && this.isStored(first) ? first : undefined;
  }

  /** Takes in what one commit holds. @param now the clock at that moment; the store's time never goes back. */
  commit(events: readonly SentEvent[], now: number): Verdict[] {
    if (events.length === 0) return [];
    const at = Math.max(now, this.#lastAt);
    this.#lastAt = at;
    return events.map((event) => this.#take(event, at));
  }

  #take(event: SentEvent, at: number): Verdict {
    const { topic, payload } = event;
    const counters = this.#count(topic, at);
    const first = this.find(event);
    if (first === undefined) {
      const arrival = { ...event, seq: ++this.#newestSeq, at };
      this.#remember(arrival);
      this.#receivedAt.push(at);
      this.#events.push(arrival);
      counters.unique_processed++;
      return { status: "processed", first: arrival };
    }
    counters.duplicate_dropped++;
    // Nothing is left to compare with once the event is gone and only its id is remembered.
    if (first.payload.meaning === payload.meaning || !this.isStored(first))
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

  isStored({ topic, seq }: Arrival): boolean {
    return seq > this.prunedThrough(topic);
  }

  /**
   * Retention removes events and forgets ids. Counters stay as they are.
   * @returns what takes that back, as a power cut does with a step that was not synced.
   */
  prune({ removed, forgotten }: Pruning): () => void {
    const gone = new Set(removed.map(({ seq }) => seq));
    const [events, pruned] = [this.#events, new Map(this.#pruned)];
    this.#events = events.filter(({ seq }) => !gone.has(seq));
    for (const event of removed) this.#pruned.set(event.topic, [...this.prunedOf(event.topic), event]);
    for (const { topic, scope, eventId, seq } of forgotten) {
      this.#first.delete(`${topic} ${scope} ${eventId}`);
      this.#ids.delete(seq);
    }
    return () => {
      this.#events = events;
      this.#pruned.clear();
      for (const [topic, list] of pruned) this.#pruned.set(topic, list);
      for (const arrival of [...removed, ...forgotten]) this.#remember(arrival);
    };
  }

  #remember(arrival: Arrival): void {
    const { topic, scope, eventId, seq } = arrival;
    this.#first.set(`${topic} ${scope} ${eventId}`, arrival);
    this.#ids.set(seq, arrival);
  }

  clone(): Model {
    const copy = new Model();
    for (const arrival of this.#ids.values()) copy.#remember(arrival);
    for (const [topic, counters] of this.#counters) copy.#counters.set(topic, { ...counters });
    for (const [topic, times] of this.#times) copy.#times.set(topic, { ...times });
    for (const [topic, list] of this.#pruned) copy.#pruned.set(topic, list);
    copy.#events = [...this.#events];
    for (const at of this.#receivedAt.slice(1)) copy.#receivedAt.push(at);
    copy.#newestSeq = this.#newestSeq;
    copy.#baseSeq = this.#baseSeq;
    copy.#received = this.#received;
    copy.#lastAt = this.#lastAt;
    copy.conflicts.push(...this.conflicts);
    for (const [key, answered] of this.answers) copy.answers.set(key, answered);
    return copy;
  }

  /** The counters as they are now, which later commits don't change. */
  snapshot(): TopicCounters {
    return new Map([...this.#counters].map(([topic, counters]) => [topic, { ...counters }]));
  }
}
