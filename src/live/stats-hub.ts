/** Live statistics: who is subscribed to what, and when each is told. */

import { TopicPatterns } from "../events/topic-pattern.ts";
import type { Increments, StoreContents } from "../storage/event-store.ts";
import { CounterBoard } from "./counter-board.ts";
import { DeltaLog } from "./delta-log.ts";
import { StatsGroup, type StatsSink, Subscriber } from "./stats-group.ts";
import { TopicFilter } from "./topic-filter.ts";

/** Asked-for intervals are rounded up to one of these, so that subscribers fall into few groups. */
export const STATS_INTERVALS_MS = [20, 50, 100, 250, 500, 1_000] as const;
export const STATS_INTERVAL_DEFAULT_MS = 100;

/** After this many sockets, or so much time, a tick lets acknowledgements and everything else have their turn. */
export const SOCKETS_PER_TURN_MAX = 16;
const TURN_MS_MAX = 1;

/** What a tick tells gets no older than this while it is under way: then it goes on with the present revision. */
const AGE_MS_MAX = 20;

export interface StatsSubscription {
  readonly patterns: readonly string[];
  readonly intervalMs: number;
  /** What a returning client knows. */
  readonly resume?: { readonly epoch: string; readonly revision: number };
}

export interface StatsHubOptions {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** Calls back every so many milliseconds until the returned function is called. */
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  /** Runs a task after everything that waits for the thread now. */
  readonly soon: (task: () => void) => void;
  readonly newEpoch: () => string;
  /** Lowered by tests, so that a tick takes many turns. */
  readonly socketsPerTurnMax?: number;
}

/** The groups of one interval, ticking together. */
interface Ticker {
  readonly groups: Map<string, StatsGroup>;
  readonly stop: () => void;
  isTicking: boolean;
  /** Whether the next tick fell due while the last was still under way. */
  isOverdue: boolean;
}

export class StatsHub {
  readonly board = new CounterBoard();
  readonly #log = new DeltaLog();
  readonly #options: StatsHubOptions;
  readonly #tickers = new Map<number, Ticker>();
  readonly #places = new Map<StatsSink, { subscriber: Subscriber; group: StatsGroup; intervalMs: number }>();

  constructor(options: StatsHubOptions) {
    this.#options = options;
  }

  get subscribers(): number {
    return this.#places.size;
  }

  /** Counters start from the store: a new epoch, in which every subscriber begins with a snapshot. */
  opened(contents: StoreContents): void {
    this.board.reset(this.#options.newEpoch(), contents);
    this.#log.reset();
    for (const { groups } of this.#tickers.values()) for (const group of groups.values()) group.reset();
  }

  committed(increments: Increments): void {
    this.board.apply(increments);
    this.#log.add(this.board.revision, increments.rows, this.#options.now());
  }

  /** The present revision, which from now on can be resumed from. */
  observeRevision(): number {
    return this.#log.seal();
  }

  /** Subscribes a sink, or changes what it is subscribed to. It is told at once. */
  subscribe(sink: StatsSink, { patterns, intervalMs, resume }: StatsSubscription): void {
    this.unsubscribe(sink);
    const parsed = new TopicPatterns(patterns);
    const interval = roundUpInterval(intervalMs);
    const ticker = this.#ticker(interval);
    let group = ticker.groups.get(parsed.key);
    if (group === undefined) {
      group = new StatsGroup(new TopicFilter(parsed, this.board), this.board, this.#log);
      ticker.groups.set(parsed.key, group);
    }
    const subscriber = new Subscriber(sink);
    this.#places.set(sink, { subscriber, group, intervalMs: interval });
    group.add(subscriber, resume?.epoch === this.board.epoch ? resume.revision : undefined);
  }

  unsubscribe(sink: StatsSink): void {
    const place = this.#places.get(sink);
    if (place === undefined) return;
    this.#places.delete(sink);
    place.group.remove(place.subscriber);
    const ticker = this.#tickers.get(place.intervalMs)!;
    if (place.group.size === 0) ticker.groups.delete(place.group.filter.patterns.key);
    if (ticker.groups.size === 0) {
      ticker.stop();
      this.#tickers.delete(place.intervalMs);
    }
  }

  #ticker(intervalMs: number): Ticker {
    const known = this.#tickers.get(intervalMs);
    if (known !== undefined) return known;
    const ticker: Ticker = {
      groups: new Map(),
      stop: this.#options.every(intervalMs, () => this.#tick(ticker)),
      isTicking: false,
      isOverdue: false,
    };
    this.#tickers.set(intervalMs, ticker);
    return ticker;
  }

  /** Tells every group of the interval, in turns. A tick that is still under way makes the next one wait. */
  #tick(ticker: Ticker): void {
    if (!this.board.isOpen) return;
    ticker.isOverdue = ticker.isTicking;
    if (ticker.isTicking) return;
    ticker.isTicking = true;
    this.#begin(ticker);
  }

  #begin(ticker: Ticker): void {
    const { now, soon, socketsPerTurnMax = SOCKETS_PER_TURN_MAX } = this.#options;
    let to = this.#log.seal();
    let sealedAt = now();
    const work = this.#tellAll([...ticker.groups.values()], () => to, sealedAt);
    const turn = (): void => {
      const startedAt = now();
      if (startedAt - sealedAt >= AGE_MS_MAX) [to, sealedAt] = [this.#log.seal(), startedAt];
      for (let sockets = 0; sockets < socketsPerTurnMax; sockets++) {
        if (work.next().done === true) {
          this.#end(ticker);
          return;
        }
        if (now() - startedAt >= TURN_MS_MAX) break;
      }
      soon(turn);
    };
    turn();
  }

  #end(ticker: Ticker): void {
    ticker.isTicking = ticker.isOverdue;
    ticker.isOverdue = false;
    if (ticker.isTicking) this.#options.soon(() => this.#begin(ticker));
  }

  *#tellAll(groups: readonly StatsGroup[], latest: () => number, now: number): Generator<void> {
    const { epoch } = this.board;
    for (const group of groups) {
      // A revision of the epoch before means nothing in this one.
      if (this.board.epoch !== epoch) return;
      yield* group.tick(latest, now);
    }
  }
}

/** The smallest interval that is not below what was asked for; the largest for whatever exceeds it. */
export function roundUpInterval(intervalMs: number): number {
  return STATS_INTERVALS_MS.find((interval) => interval >= intervalMs) ?? STATS_INTERVALS_MS.at(-1)!;
}
