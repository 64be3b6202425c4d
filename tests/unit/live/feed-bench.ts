/** An `EventFeed` whose time, store and readers stand still until a test moves them. */

import { expect } from "bun:test";
import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { EventFeed } from "../../../src/live/event-feed.ts";
import type { FeedSink } from "../../../src/live/feed-sink.ts";
import { type FakeEvent, FeedStore } from "./feed-store.ts";

/** A reader as a client is one: it finds fault with whatever comes twice, out of order or unasked for. */
export class FeedClient implements FeedSink {
  /** It was told every event up to here that it asked for. */
  position = 0;
  readonly seqs: number[] = [];
  readonly gaps: { from: number; to: number }[] = [];
  readonly texts: string[] = [];
  bufferedBytes = 0;
  isTooSlow = false;
  fault: string | undefined;
  /** Whether it takes what it is sent at once. */
  reads = true;
  patterns = new TopicPatterns([]);

  send(text: string, position: number): void {
    const frame = JSON.parse(text) as { type: string; events: FakeEvent[]; from: number; to: number };
    this.texts.push(text);
    if (!this.reads) this.bufferedBytes += text.length;
    if (frame.type === "gap") {
      expect(frame.from).toBeGreaterThan(this.gaps.at(-1)?.to ?? 0);
      expect(frame.to).toBeGreaterThanOrEqual(frame.from);
      this.gaps.push({ from: frame.from, to: frame.to });
    } else {
      expect(frame.events.length).toBeGreaterThan(0);
      for (const { seq, topic } of frame.events) {
        expect(seq).toBeGreaterThan(this.position);
        expect(seq).toBeLessThanOrEqual(position);
        expect(this.patterns.matches(topic)).toBe(true);
        this.position = seq;
        this.seqs.push(seq);
      }
    }
    this.advance(position);
  }

  advance(position: number): void {
    expect(position).toBeGreaterThanOrEqual(this.position);
    this.position = position;
  }

  closeAsTooSlow(): void {
    this.isTooSlow = true;
  }

  closeAsUnreadable(fault: string): void {
    this.fault = fault;
  }
}

interface Timed {
  readonly at: number;
  readonly task: () => void;
}

export class FeedBench {
  readonly store = new FeedStore();
  readonly topics: string[] = [];
  readonly feed: EventFeed;
  now = 0;
  #timed: Timed[] = [];
  #soon: (() => void)[] = [];

  constructor({ unreadBytesMax = 1_000_000, ringEventsMax = 20_000, isOpen = true } = {}) {
    this.feed = new EventFeed({
      clock: {
        now: () => this.now,
        soon: (task) => void this.#soon.push(task),
        later: (task, delayMs) => void this.#timed.push({ at: this.now + delayMs, task }),
      },
      reader: this.store,
      farReader: this.store,
      board: {
        topic: (id) => ({
          ...{ name: this.topics[id - 1]!, firstAt: 0, lastAt: 0, ratePerSecond: 0 },
          ...{ received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 },
        }),
      },
      unreadBytesMax,
      ringEventsMax,
    });
    if (isOpen) this.open();
  }

  /** The store was opened, or opened again. */
  open(): void {
    this.feed.opened({
      databaseId: "",
      topics: [],
      events: this.store.events.length,
      newest: this.store.newest,
    });
  }

  /** An event on each of these topics is stored. @returns what tells the feed of it. */
  append(...names: readonly string[]): () => void {
    this.store.append(names);
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return () => {
      for (const name of counts.keys()) if (!this.topics.includes(name)) this.topics.push(name);
      const rows = [...counts].flatMap(([name, n]) => [this.topics.indexOf(name) + 1, n + 1, n, 1, 0]);
      this.feed.committed({ at: 0, newTopics: [], rows: Float64Array.from(rows) });
    };
  }

  commit(...names: readonly string[]): void {
    this.append(...names)();
  }

  subscribe(patterns: readonly string[], after: number | "latest", client = new FeedClient()): FeedClient {
    client.patterns = new TopicPatterns(patterns);
    this.feed.subscribe(client, { patterns, after });
    return client;
  }

  /** What waits for its turn is done, and what was promised. */
  async runTasks(tasks = Number.POSITIVE_INFINITY): Promise<void> {
    for (let done = 0; done < tasks; done++) {
      await settled();
      const task = this.#soon.shift();
      if (task === undefined) return;
      task();
    }
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await this.runTasks();
      this.#timed.sort((a, b) => a.at - b.at);
      const due = this.#timed[0];
      if (due === undefined || due.at > end) break;
      this.#timed.shift();
      this.now = Math.max(this.now, due.at);
      due.task();
    }
    this.now = end;
  }

  /** Lets everything through until nobody waits for anything. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 5; ) {
      await this.advance(10);
      if (this.store.asked.length === 0) quiet++;
      else quiet = 0;
      while (this.store.asked.length > 0) this.store.answer();
    }
    await this.runTasks();
  }
}

/** Long enough for every promise that was kept to be heard of. */
async function settled(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}
