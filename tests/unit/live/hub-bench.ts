/** A `StatsHub` whose time stands still until it is moved, with readers that check every frame they get. */

import { expect } from "bun:test";
import { type Counters, zeroCounters } from "../../../src/events/event.ts";
import type { StatsSink } from "../../../src/live/stats-group.ts";
import { StatsHub, type StatsSubscription } from "../../../src/live/stats-hub.ts";

export interface StatsFrame extends Counters {
  readonly type: "snapshot" | "delta";
  readonly epoch: string;
  readonly from?: number;
  readonly revision: number;
  readonly topics: Readonly<Record<string, Counters>>;
}

const NAMES = ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const;

function add(sum: Counters, more: Counters): Counters {
  for (const name of NAMES) sum[name] += more[name];
  return sum;
}

/** A subscriber as a client is one: it sums what it is told, and finds fault with any frame that does not fit. */
export class Reader implements StatsSink {
  readonly frames: StatsFrame[] = [];
  epoch = "";
  revision = -1;
  totals = zeroCounters();
  topics = new Map<string, Counters>();
  bufferedBytes = 0;
  /** How often it was told to go. */
  closed = 0;

  send(text: string): void {
    const frame = JSON.parse(text) as StatsFrame;
    this.frames.push(frame);
    if (frame.type === "snapshot") {
      [this.totals, this.topics] = [zeroCounters(), new Map()];
    } else {
      expect({ epoch: frame.epoch, from: frame.from }).toEqual({ epoch: this.epoch, from: this.revision });
    }
    [this.epoch, this.revision] = [frame.epoch, frame.revision];
    add(this.totals, frame);
    for (const [name, counters] of Object.entries(frame.topics)) {
      this.topics.set(name, add(this.topics.get(name) ?? zeroCounters(), counters));
    }
    const sum = [...this.topics.values()].reduce((all, counters) => add(all, counters), zeroCounters());
    expect(sum).toEqual(this.totals);
    expect(this.totals.received).toBe(this.totals.unique_processed + this.totals.duplicate_dropped);
  }

  get kinds(): string[] {
    return this.frames.map(({ type }) => type);
  }

  closeAsTooSlow(): void {
    this.closed++;
  }
}

export class HubBench {
  readonly readers: Reader[] = [];
  readonly tasks: (() => void)[] = [];
  readonly tickers = new Map<() => void, { intervalMs: number; next: number }>();
  now = 0;
  readonly hub = new StatsHub({
    now: () => this.now,
    every: (intervalMs, tick) => {
      this.tickers.set(tick, { intervalMs, next: this.now + intervalMs });
      return () => this.tickers.delete(tick);
    },
    soon: (task) => this.tasks.push(task),
    newEpoch: () => `epoch-${++this.#epochs}`,
  });
  readonly #topics: string[] = [];
  #epochs = 0;

  /** @param isOpen false for a node whose store has not been opened yet. */
  constructor(isOpen = true) {
    if (isOpen) this.open();
  }

  /** The store is opened, or opened again, with nothing counted. */
  open(...topics: string[]): void {
    this.#topics.splice(0, this.#topics.length, ...topics);
    const contents = topics.map((name) => ({ name, ...zeroCounters(), firstAt: 0, lastAt: 0 }));
    this.hub.opened({ databaseId: "", topics: contents, events: 0, newest: 0 });
  }

  subscribe(subscription: Partial<StatsSubscription> = {}, reader = new Reader()): Reader {
    if (!this.readers.includes(reader)) this.readers.push(reader);
    this.hub.subscribe(reader, { patterns: [], intervalMs: 100, ...subscription });
    return reader;
  }

  /** One commit with an event on each of these topics. */
  commit(...names: string[]): void {
    const newTopics = [...new Set(names)].filter((name) => !this.#topics.includes(name));
    this.#topics.push(...newTopics);
    const counts = new Map<number, number>();
    for (const name of names) {
      const id = this.#topics.indexOf(name) + 1;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const rows = [...counts].flatMap(([id, count]) => [id, count, 1, count - 1, count > 2 ? 1 : 0]);
    this.hub.committed({ at: this.now, newTopics, rows: Float64Array.from(rows) });
  }

  /** Lets time pass, tick by tick; what ticks leave for later is done unless it is held back. */
  advance(ms: number, { turns = Number.POSITIVE_INFINITY } = {}): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.tickers].sort(([, a], [, b]) => a.next - b.next)[0];
      if (due === undefined || due[1].next > end) break;
      const [tick, timing] = due;
      this.now = timing.next;
      timing.next += timing.intervalMs;
      tick();
      this.runTasks(turns);
    }
    this.now = end;
  }

  runTasks(turns = Number.POSITIVE_INFINITY): void {
    for (let turn = 0; turn < turns && this.tasks.length > 0; turn++) this.tasks.shift()!();
  }

  /** A reader that has been told everything knows what the board knows of its topics. */
  expectUpToDate(reader: Reader, matches: (topic: string) => boolean = () => true): void {
    const { board } = this.hub;
    for (let id = 1; id <= board.topicCount; id++) {
      const { name, received, unique_processed, duplicate_dropped, conflicts } = board.topic(id);
      if (!matches(name) || received === 0) continue;
      expect(reader.topics.get(name)).toEqual({ received, unique_processed, duplicate_dropped, conflicts });
    }
    for (const name of reader.topics.keys()) expect(matches(name)).toBe(true);
  }
}
