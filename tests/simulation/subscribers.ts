/** Subscribers to the statistics: each adds up what it reads, and must stand where the counters stood. */

import { addCounters, type Counters, zeroCounters } from "../../src/events/event.ts";
import { STALL_MS_MAX, type StatsSink } from "../../src/live/stats-group.ts";
import type { StatsHub, StatsSubscription } from "../../src/live/stats-hub.ts";
import type { TopicCounters } from "./model.ts";
import { countersIn, isCovered } from "./oracle.ts";
import type { Scheduler } from "./scheduler.ts";
import { tally } from "./tally.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** The true counters at every revision of every epoch. */
export class Timeline {
  readonly #boards = new Map<string, { counters: TopicCounters; at: number }>();

  /** @param at milliseconds of the scheduler. */
  record(epoch: string, revision: number, counters: TopicCounters, at: number): void {
    this.#boards.set(`${epoch}/${revision}`, { counters, at });
  }

  at(epoch: string, revision: number): TopicCounters {
    const board = this.#boards.get(`${epoch}/${revision}`);
    const isKnown = board !== undefined;
    guarantee("a delta follows on what its subscriber knows", isKnown, () => `no ${epoch}/${revision}`);
    return board.counters;
  }

  /** When the next revision took its place. */
  supersededAt(epoch: string, revision: number): number {
    return this.#boards.get(`${epoch}/${revision + 1}`)?.at ?? Number.POSITIVE_INFINITY;
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

  /** Whether a revision was the present one at that time or later. */
  wasCurrent(revision: number, since: number): boolean {
    return this.timeline.supersededAt(this.epoch, revision) >= since;
  }

  /** Takes in one frame, sent while it was subscribed to these patterns. */
  read({ text, patterns }: Unread): void {
    const frame = JSON.parse(text) as StatsFrame;
    tally.count("statistics", `${frame.type}s compared`);
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

  /** Takes over what `GET /stats` says; from there on it may follow. */
  readBoard(hub: StatsHub): void {
    const { board } = hub;
    tally.count("statistics", "readings over HTTP");
    this.#begin(board);
    this.revision = hub.observeRevision();
    this.patterns = [];
    addCounters(this.#totals, board.totals);
    for (let id = 1; id <= board.topicCount; id++) {
      const topic = board.topic(id);
      this.#topics.set(topic.name, countersIn(topic));
    }
    this.#compare([], { type: "snapshot" });
  }

  #begin({ epoch }: Pick<StatsFrame, "epoch">): void {
    this.epoch = epoch;
    this.#totals = zeroCounters();
    this.#topics.clear();
  }

  #follow({ epoch, from, revision }: StatsFrame): void {
    const what = (): string =>
      `${this.name} stands at ${this.epoch}/${this.revision} and was sent ${epoch}/${from} to ${revision}`;
    const follows = epoch === this.epoch && from === this.revision && revision >= from;
    guarantee("a delta follows on what its subscriber knows", follows, what);
  }

  /** Snapshot plus deltas equals the counters. */
  #compare(patterns: readonly string[], { type }: Pick<StatsFrame, "type">): void {
    const expected = covered(this.timeline.at(this.epoch, this.revision), patterns);
    const where = `${this.name} after a ${type} at ${this.epoch}/${this.revision}`;
    const check = "snapshot plus deltas equals the counters";
    guaranteeSame(check, sortedByName(this.#topics), sortedByName(expected), `the topics of ${where}`);
    const totals = zeroCounters();
    for (const counters of expected.values()) addCounters(totals, counters);
    guaranteeSame(check, this.#totals, totals, `the totals of ${where}`);
  }

  /** Has been told all there is to know. */
  expectCurrent({ board }: StatsHub): void {
    const check = "a subscriber at rest knows everything";
    guaranteeSame(check, this.epoch, board.epoch, `the epoch of ${this.name}`);
    const now = covered(this.timeline.at(board.epoch, board.revision), this.connection!.patterns);
    guaranteeSame(check, sortedByName(this.#topics), sortedByName(now), `what ${this.name} knows`);
  }
}

function covered(counters: TopicCounters, patterns: readonly string[]): TopicCounters {
  if (patterns.length === 0) return counters;
  return new Map([...counters].filter(([name]) => isCovered(name, patterns)));
}

function sortedByName(counters: TopicCounters): [string, Counters][] {
  return [...counters].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A frame that was sent and not read yet. */
interface Unread {
  readonly text: string;
  readonly patterns: readonly string[];
}

/** So long after a revision was superseded, a subscriber that knows it may come back and hear what changed since. */
const RESUMABLE_MS = 60_000;

/** One socket to /ws/stats: what was sent waits until its reader takes it. */
export class StatsConnection implements StatsSink {
  isSlow = false;
  isOpen = true;
  /** How often it is told, at most. */
  intervalMs = 0;
  patterns: readonly string[] = [];
  #unread: Unread[] = [];
  /** Set where the next frame must be a delta: its subscriber returns in time. */
  #mustResume = false;
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
    guarantee("who has left is told nothing", this.isOpen, () => this.subscriber.name);
    const isDelta = text.startsWith('{"type":"delta"');
    const hasRead = this.bufferedBytes === 0;
    guarantee("who is behind is told nothing more", hasRead || !isDelta, () => this.subscriber.name);
    if (this.#unread.length === 0) this.#unreadSince = this.scheduler.now;
    const check = "who returns within a minute is told what changed";
    if (this.#mustResume) guarantee(check, isDelta, () => text);
    this.#mustResume = false;
    this.#unread.push({ text, patterns: this.patterns });
    if (!this.isSlow) this.readAll();
  }

  readAll(): void {
    for (const unread of this.#unread.splice(0)) this.subscriber.read(unread);
  }

  subscribe(subscription: StatsSubscription): void {
    const { patterns, intervalMs, resume } = subscription;
    this.patterns = patterns;
    this.intervalMs = contractedInterval(intervalMs);
    const { board } = this.hub;
    const isKnown = board.isOpen && resume?.epoch === board.epoch && this.bufferedBytes === 0;
    const since = this.scheduler.now - RESUMABLE_MS;
    this.#mustResume = isKnown && this.subscriber.wasCurrent(resume.revision, since);
    tally.count("statistics", resume === undefined ? "subscriptions" : "resumptions");
    this.hub.subscribe(this, subscription);
  }

  disconnect(): void {
    this.isOpen = false;
    this.hub.unsubscribe(this);
    this.subscriber.connection = undefined;
  }

  closeAsTooSlow(): void {
    const stalled = this.scheduler.now - this.#unreadSince;
    const check = "only who stalls for a minute is closed";
    guarantee(check, stalled > STALL_MS_MAX, () => `${this.subscriber.name} after ${stalled} ms`);
    tally.count("statistics", "closed as too slow");
    this.scheduler.add("edge tasks", () => this.isOpen && this.disconnect());
  }
}

/** As the contract has it: rounded up to one of these, and never beyond the last. */
function contractedInterval(intervalMs: number): number {
  return [20, 50, 100, 250, 500].find((interval) => intervalMs <= interval) ?? 1_000;
}

/** Every interval somebody is subscribed to has its one ticker, and there is no other. */
export function compareTickers(
  connections: readonly (StatsConnection | undefined)[],
  scheduler: Scheduler,
): void {
  const wanted = new Set(connections.flatMap((connection) => connection?.intervalMs || []));
  guaranteeSame(
    "there is a ticker for each interval that is subscribed to",
    scheduler.intervals,
    [...wanted].sort((a, b) => a - b),
    "intervals of the tickers",
  );
}
