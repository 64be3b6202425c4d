/** Subscribers to the statistics: each adds up what it reads, and must stand where the counters stood. */

import { addCounters, type Counters, zeroCounters } from "../../src/events/event.ts";
import { STALL_MS_MAX, type StatsSink } from "../../src/live/stats-group.ts";
import type { StatsHub, StatsSubscription } from "../../src/live/stats-hub.ts";
import type { TopicCounters } from "./model.ts";
import { isCovered } from "./oracle.ts";
import type { Scheduler } from "./scheduler.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** The true counters at every revision of every epoch. */
export class Timeline {
  readonly #boards = new Map<string, TopicCounters>();

  record(epoch: string, revision: number, counters: TopicCounters): void {
    this.#boards.set(`${epoch}/${revision}`, counters);
  }

  at(epoch: string, revision: number): TopicCounters {
    const board = this.#boards.get(`${epoch}/${revision}`);
    guarantee(board !== undefined, () => `there was no revision ${revision} in epoch ${epoch}`);
    return board;
  }
}

interface StatsFrame extends Counters {
  readonly type: "snapshot" | "delta";
  readonly epoch: string;
  readonly from: number;
  readonly revision: number;
  readonly topics: Readonly<Record<string, Counters>>;
}

export class SimulatedSubscriber {
  /** What the counters it holds cover: those of the frame it read last. */
  patterns: readonly string[] = [];
  epoch = "";
  revision = 0;
  #totals = zeroCounters();
  #topics = new Map<string, Counters>();
  connection: StatsConnection | undefined;

  constructor(
    readonly name: string,
    private readonly timeline: Timeline,
  ) {}

  /** What it names when it comes back. */
  get position(): { epoch: string; revision: number } {
    return { epoch: this.epoch, revision: this.revision };
  }

  /** Takes in one frame, sent while it was subscribed to these patterns. */
  read(text: string, patterns: readonly string[]): void {
    const frame = JSON.parse(text) as StatsFrame;
    if (frame.type === "snapshot") this.#begin(frame);
    else this.#follow(frame);
    this.revision = frame.revision;
    this.patterns = patterns;
    addCounters(this.#totals, frame);
    for (const [name, counters] of Object.entries(frame.topics)) {
      const topic = this.#topics.get(name) ?? zeroCounters();
      addCounters(topic, counters);
      this.#topics.set(name, topic);
    }
    this.#compare(patterns, frame);
  }

  #begin({ epoch }: StatsFrame): void {
    this.epoch = epoch;
    this.#totals = zeroCounters();
    this.#topics.clear();
  }

  #follow({ epoch, from, revision }: StatsFrame): void {
    const what = (): string =>
      `${this.name} stands at ${this.epoch}/${this.revision} and was sent ${epoch}/${from} to ${revision}`;
    guarantee(epoch === this.epoch && from === this.revision && revision >= from, what);
  }

  /** Snapshot plus deltas equals the counters. */
  #compare(patterns: readonly string[], { type }: StatsFrame): void {
    const expected = covered(this.timeline.at(this.epoch, this.revision), patterns);
    const where = `${this.name} after a ${type} at ${this.epoch}/${this.revision}`;
    guaranteeSame(sortedByName(this.#topics), sortedByName(expected), `the topics of ${where}`);
    const totals = zeroCounters();
    for (const counters of expected.values()) addCounters(totals, counters);
    guaranteeSame(this.#totals, totals, `the totals of ${where}`);
  }

  /** Has been told all there is to know. */
  expectCurrent({ board }: StatsHub): void {
    guaranteeSame(this.epoch, board.epoch, `the epoch of ${this.name}`);
    const now = covered(this.timeline.at(board.epoch, board.revision), this.connection!.patterns);
    guaranteeSame(sortedByName(this.#topics), sortedByName(now), `what ${this.name} knows at rest`);
  }
}

function covered(counters: TopicCounters, patterns: readonly string[]): TopicCounters {
  if (patterns.length === 0) return counters;
  return new Map([...counters].filter(([name]) => isCovered(name, patterns)));
}

function sortedByName(counters: TopicCounters): [string, Counters][] {
  return [...counters].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** One socket to /ws/stats: what was sent waits until its reader takes it. */
export class StatsConnection implements StatsSink {
  isSlow = false;
  isOpen = true;
  patterns: readonly string[] = [];
  readonly #channels = new Set<string>();
  #unread: { text: string; patterns: readonly string[] }[] = [];
  #unreadSince = 0;

  constructor(
    private readonly subscriber: SimulatedSubscriber,
    private readonly hub: StatsHub,
    private readonly scheduler: Scheduler,
  ) {}

  get bufferedBytes(): number {
    return this.#unread.reduce((sum, { text }) => sum + text.length, 0);
  }

  send(text: string): void {
    guarantee(this.isOpen, () => `${this.subscriber.name} was sent something after it had left`);
    if (this.#unread.length === 0) this.#unreadSince = this.scheduler.now;
    this.#unread.push({ text, patterns: this.patterns });
    if (!this.isSlow) this.readAll();
  }

  /** A native broadcast drops what a slow reader has no room for, so none may be in it. */
  broadcast(channel: string, text: string): void {
    if (!this.#channels.has(channel)) return;
    guarantee(this.bufferedBytes === 0, () => `${this.subscriber.name} was slow and part of a broadcast`);
    this.send(text);
  }

  readAll(): void {
    for (const { text, patterns } of this.#unread.splice(0)) this.subscriber.read(text, patterns);
  }

  subscribe(subscription: StatsSubscription): void {
    this.patterns = subscription.patterns;
    this.hub.subscribe(this, subscription);
  }

  disconnect(): void {
    this.isOpen = false;
    this.hub.unsubscribe(this);
    this.subscriber.connection = undefined;
  }

  closeAsTooSlow(): void {
    const stalled = this.scheduler.now - this.#unreadSince;
    guarantee(stalled > STALL_MS_MAX, () => `${this.subscriber.name} was closed after ${stalled} ms`);
    this.scheduler.add("edge tasks", () => this.isOpen && this.disconnect());
  }

  join(channel: string): void {
    this.#channels.add(channel);
  }

  leave(channel: string): void {
    this.#channels.delete(channel);
  }
}
