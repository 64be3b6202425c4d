/**
 * Subscribers with the same patterns and interval.
 *
 * Each has a position of its own: the revision that it was told last. Whoever has read everything is told what changed
 * since then, whoever has not waits until it has; nothing is kept for it meanwhile but that revision. Most stand at the
 * same revision, so that the text of a delta is made once for all of them.
 */

import type { CounterBoard } from "./counter-board.ts";
import type { DeltaLog } from "./delta-log.ts";
import { EMPTY_DELTA, type TopicFilter } from "./topic-filter.ts";

/** Whoever has not read anything for this long is closed; it may come back and resume. */
export const STALL_MS_MAX = 60_000;

/** Where frames go: a WebSocket, a stream of server-sent events, or a test. */
export interface StatsSink {
  /** @param revision what whoever has this frame knows: where it may resume. */
  send(text: string, revision: number): void;
  /** Bytes that were sent and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** 4408: too slow. */
  closeAsTooSlow(): void;
}

export class Subscriber {
  /** The revision that was told last. */
  told = 0;
  /** Nothing that the patterns cover changed between `told` and this. */
  covered = 0;
  needsSnapshot = true;
  /** When it was first seen with something buffered, in milliseconds of the hub's clock. */
  stalledSince: number | undefined;
  constructor(readonly sink: StatsSink) {}
}

/**
 * UTF-16 units of deltas that are kept while a tick is under way, 16 MiB of the usual text: what readers that fell
 * behind are told stands at as many positions as there were ticks meanwhile.
 */
export const DELTA_TEXT_KEPT_MAX = 16 * 1024 * 1024;

const NO_SNAPSHOT = { epoch: "", revision: -1, text: "" };

export class StatsGroup {
  readonly #subscribers = new Set<Subscriber>();
  /** The snapshot made last: newcomers of one moment get the same text. */
  #snapshot = NO_SNAPSHOT;
  /** Deltas up to revision `#deltasTo` by where they start; empty where nothing that the patterns cover changed. */
  readonly #deltas = new Map<number, string>();
  #deltasTo = -1;
  #deltaTextKept = 0;

  constructor(
    readonly filter: TopicFilter,
    private readonly board: CounterBoard,
    private readonly log: DeltaLog,
  ) {}

  get size(): number {
    return this.#subscribers.size;
  }

  /**
   * Takes in a newcomer. It is told at once, either what changed since the revision it names or everything; before
   * there are any counters it waits for them. One that has not read what it was told under another subscription gets
   * its snapshot when it has: they must not pile up.
   */
  add(subscriber: Subscriber, resumeFrom: number | undefined): void {
    this.#subscribers.add(subscriber);
    if (!this.board.isOpen || subscriber.sink.bufferedBytes > 0) return;
    if (resumeFrom === undefined || !this.#resume(subscriber, resumeFrom)) this.#sendSnapshot(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** A new epoch: whatever was told before means nothing any more. */
  reset(): void {
    for (const subscriber of this.#subscribers) subscriber.needsSnapshot = true;
    this.#forgetDeltas(-1);
  }

  /**
   * Tells everyone what changed, and yields after each whether anything was sent to it.
   *
   * @param latest The revision to tell; it may rise in the course.
   */
  *tick(latest: () => number, now: number): Generator<boolean> {
    const { epoch } = this.board;
    // Whoever subscribes anew meanwhile is found again at the end; without a bound some could make the tick endless.
    let left = this.#subscribers.size;
    for (const subscriber of this.#subscribers) {
      if (left-- === 0) break;
      yield this.#tell(subscriber, latest(), now);
      if (this.board.epoch !== epoch) return;
    }
    this.#forgetDeltas(-1);
    // There may be as many groups as subscribers, and a snapshot may hold ten thousand topics.
    this.#snapshot = NO_SNAPSHOT;
  }

  #tell(subscriber: Subscriber, to: number, now: number): boolean {
    const { sink } = subscriber;
    if (sink.bufferedBytes > 0) {
      subscriber.stalledSince ??= now;
      if (now - subscriber.stalledSince > STALL_MS_MAX) sink.closeAsTooSlow();
      return false;
    }
    subscriber.stalledSince = undefined;
    const delta = subscriber.needsSnapshot ? undefined : this.#deltaFor(subscriber, to);
    if (delta === undefined) {
      this.#sendSnapshot(subscriber);
      return true;
    }
    if (delta !== "") {
      sink.send(delta, to);
      subscriber.told = to;
    }
    // Whoever joined while this tick was under way knows more than the tick tells.
    subscriber.covered = Math.max(subscriber.covered, to);
    return delta !== "";
  }

  /** From where somebody stands up to `to`; undefined when the log does not reach back so far, after a long pause say. */
  #deltaFor({ told, covered }: Subscriber, to: number): string | undefined {
    if (covered >= to) return "";
    if (to !== this.#deltasTo) this.#forgetDeltas(to);
    const kept = this.#deltas.get(told);
    if (kept !== undefined) return kept;
    // The sum since `told` is the same, since nothing happened in between; but the log may not reach back to that.
    const rows = this.log.sum(covered, to);
    if (rows === undefined) return undefined;
    const members = this.filter.delta(rows);
    const delta = members === undefined ? "" : this.#frame(told, to, members);
    if (this.#deltaTextKept + delta.length > DELTA_TEXT_KEPT_MAX) this.#forgetDeltas(to);
    this.#deltas.set(told, delta);
    this.#deltaTextKept += delta.length;
    return delta;
  }

  #forgetDeltas(to: number): void {
    this.#deltas.clear();
    this.#deltasTo = to;
    this.#deltaTextKept = 0;
  }

  #resume(subscriber: Subscriber, from: number): boolean {
    const to = this.log.seal();
    const rows = this.log.sum(from, to);
    if (rows === undefined) return false;
    subscriber.sink.send(this.#frame(from, to, this.filter.delta(rows) ?? EMPTY_DELTA), to);
    this.#place(subscriber, to);
    return true;
  }

  #sendSnapshot(subscriber: Subscriber): void {
    const revision = this.log.seal();
    const { epoch } = this.board;
    if (this.#snapshot.epoch !== epoch || this.#snapshot.revision !== revision) {
      this.#snapshot = { epoch, revision, text: this.filter.snapshot() };
    }
    subscriber.sink.send(this.#snapshot.text, revision);
    this.#place(subscriber, revision);
  }

  #place(subscriber: Subscriber, revision: number): void {
    subscriber.told = revision;
    subscriber.covered = revision;
    subscriber.needsSnapshot = false;
  }

  #frame(from: number, to: number, members: string): string {
    return `{"type":"delta","epoch":"${this.board.epoch}","from":${from},"revision":${to},${members}}`;
  }
}
