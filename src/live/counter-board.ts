/** The counters of this node in memory, as of one revision: in all and per topic. */

import { addCounters, type Counters, zeroCounters } from "../events/event.ts";
import { INCREMENT_COLUMNS, type Increments, type StoreContents } from "../storage/event-store.ts";

/** The time in which a topic's rate forgets 63 % of what it was. */
const RATE_WINDOW_MS = 10_000;

export interface TopicState extends Counters {
  readonly name: string;
  /** Milliseconds since 1970; 0 before anything was counted. */
  firstAt: number;
  lastAt: number;
  /** Received events a second as of `lastAt`, an exponentially weighted average. */
  ratePerSecond: number;
}

export class CounterBoard {
  /** New whenever counters start from the store again: revisions of another epoch mean nothing here. */
  epoch = "";
  /** Commits counted since the epoch began. */
  revision = 0;
  readonly totals = zeroCounters();
  /** Publish requests and frames answered 4xx since the process started; outside revisions and topics. */
  rejected = 0;
  #topics: TopicState[] = [];
  #idByName = new Map<string, number>();

  /** Whether there are counters yet: they come from the store, which takes a while to open. */
  get isOpen(): boolean {
    return this.epoch !== "";
  }

  /** Topic numbers run from 1 to this. */
  get topicCount(): number {
    return this.#topics.length;
  }

  topic(id: number): TopicState {
    return this.#topics[id - 1]!;
  }

  idOf(name: string): number | undefined {
    return this.#idByName.get(name);
  }

  /** Starts over from what is stored. */
  reset(epoch: string, { topics }: StoreContents): void {
    this.epoch = epoch;
    this.revision = 0;
    Object.assign(this.totals, zeroCounters());
    this.#topics = [];
    this.#idByName = new Map();
    for (const topic of topics) {
      this.#addTopic({ ...topic, ratePerSecond: 0 });
      addCounters(this.totals, topic);
    }
  }

  apply({ at, newTopics, rows }: Increments): void {
    this.revision++;
    for (const name of newTopics)
      this.#addTopic({ name, ...zeroCounters(), firstAt: at, lastAt: at, ratePerSecond: 0 });
    for (let i = 0; i < rows.length; i += INCREMENT_COLUMNS) {
      const topic = this.topic(rows[i]!);
      topic.ratePerSecond = rateAt(topic, at) + rows[i + 1]! / (RATE_WINDOW_MS / 1_000);
      topic.lastAt = at;
      addRow(topic, rows, i);
      addRow(this.totals, rows, i);
    }
  }

  #addTopic(topic: TopicState): void {
    this.#topics.push(topic);
    this.#idByName.set(topic.name, this.#topics.length);
  }
}

/** What is left of a topic's rate at a later time. */
export function rateAt({ ratePerSecond, lastAt }: TopicState, now: number): number {
  return ratePerSecond * Math.exp(-Math.max(0, now - lastAt) / RATE_WINDOW_MS);
}

/** Adds one row of increments to a set of counters. */
export function addRow(sum: Counters, rows: Float64Array, at: number): void {
  sum.received += rows[at + 1]!;
  sum.unique_processed += rows[at + 2]!;
  sum.duplicate_dropped += rows[at + 3]!;
  sum.conflicts += rows[at + 4]!;
}
