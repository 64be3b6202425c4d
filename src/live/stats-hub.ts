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

/**
 * After so many sockets that were sent to, or so much time, a tick lets acknowledgements and everything else have their
 * turn.
 */
export const SOCKETS_PER_TURN_MAX = 16;
const TURN_MS_MAX = 1;

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
  readonly intervalMs: number;
  readonly groups: Map<string, StatsGroup>;
  stop: () => void;
  /** The revision that is told. */
  to: number;
  /** When that was the present one. */
  sealedAt: number;
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
    for (const ticker of this.#tickers.values()) {
      ticker.sealedAt = Number.NEGATIVE_INFINITY;
      for (const group of ticker.groups.values()) group.reset();
    }
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
      intervalMs,
      groups: new Map(),
      stop: () => {},
      to: 0,
      sealedAt: Number.NEGATIVE_INFINITY,
      isTicking: false,
      isOverdue: false,
    };
    this.#start(ticker);
    this.#tickers.set(intervalMs, ticker);
    return ticker;
  }

  /** From now on the ticker's ticks fall due once an interval. */
  #start(ticker: Ticker): void {
    ticker.stop();
    ticker.stop = this.#options.every(ticker.intervalMs, () => this.#tick(ticker));
  }

  /** Tells every group of the interval, in turns. A tick that is still under way makes the next one wait. */
  #tick(ticker: Ticker): void {
    if (!this.board.isOpen) return;
    if (ticker.isTicking) {
      ticker.isOverdue = true;
      return;
    }
    this.#seal(ticker);
    this.#begin(ticker);
  }

  #seal(ticker: Ticker): void {
    ticker.to = this.#log.seal();
    ticker.sealedAt = this.#options.now();
  }

  #begin(ticker: Ticker): void {
    ticker.isTicking = true;
    const work = this.#tellAll([...ticker.groups.values()], () => ticker.to, this.#options.now());
    const turn = (): void => {
      let isDone = true;
      try {
        isDone = this.#turn(ticker, work);
      } finally {
        // After an error too: the interval goes on.
        if (isDone) this.#end(ticker);
      }
      if (!isDone) this.#options.soon(turn);
    };
    turn();
  }

  /** Works for a moment; whether that was the last of it. */
  #turn(ticker: Ticker, work: Generator<boolean>): boolean {
    const { now, socketsPerTurnMax = SOCKETS_PER_TURN_MAX } = this.#options;
    const startedAt = now();
    // A tick that takes long goes on with what is known by then. Each revision that is told is a boundary in the log,
    // whose room they share: one an interval leaves it the time that it is to reach back.
    if (startedAt - ticker.sealedAt >= ticker.intervalMs) this.#seal(ticker);
    let told = 0;
    while (told < socketsPerTurnMax) {
      const { done, value: wasTold } = work.next();
      if (done === true) return true;
      if (wasTold) told++;
      if (now() - startedAt >= TURN_MS_MAX) break;
    }
    return false;
  }

  /** Goes on with the next tick where that fell due meanwhile; its interval begins only now. */
  #end(ticker: Ticker): void {
    ticker.isTicking = ticker.isOverdue;
    if (!ticker.isOverdue) return;
    ticker.isOverdue = false;
    this.#options.soon(() => {
      if (ticker.groups.size === 0) return;
      this.#start(ticker);
      this.#begin(ticker);
    });
  }

  *#tellAll(groups: readonly StatsGroup[], latest: () => number, now: number): Generator<boolean> {
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
