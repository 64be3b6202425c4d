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

/** Whoever has not read anything for this long is closed; the log reaches further back than that. */
export const STALL_MS_MAX = 60_000;

/** Where frames go: a WebSocket, an event stream, a test. */
export interface StatsSink {
  send(text: string): void;
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

/** What is told to everyone who stands at one position; without a text nothing of it changed. */
interface Delta {
  readonly told: number;
  readonly covered: number;
  readonly text: string | undefined;
}

/** Deltas of one revision whose text is kept: readers that fall behind stand at as many positions as there are readers. */
const DELTAS_KEPT_MAX = 8;

export class StatsGroup {
  readonly #subscribers = new Set<Subscriber>();
  /** The snapshot made last: newcomers of one moment get the same text. */
  #snapshot = { epoch: "", revision: -1, text: "" };
  /** Up to revision `#deltasTo`, the latest first. */
  #deltas: Delta[] = [];
  #deltasTo = -1;

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
   * Tells everyone what changed, and yields after each.
   *
   * @param latest The revision to tell; it may rise in the course.
   */
  *tick(latest: () => number, now: number): Generator<void> {
    const { epoch } = this.board;
    for (const subscriber of this.#subscribers) {
      this.#tell(subscriber, latest(), now);
      yield;
      if (this.board.epoch !== epoch) return;
    }
    this.#forgetDeltas(-1);
  }

  #tell(subscriber: Subscriber, to: number, now: number): void {
    const { sink } = subscriber;
    if (sink.bufferedBytes > 0) {
      subscriber.stalledSince ??= now;
      if (now - subscriber.stalledSince > STALL_MS_MAX) sink.closeAsTooSlow();
      return;
    }
    subscriber.stalledSince = undefined;
    const delta = subscriber.needsSnapshot ? undefined : this.#deltaFor(subscriber, to);
    if (delta === undefined) {
      this.#sendSnapshot(subscriber);
      return;
    }
    // It joined while this tick was under way, and knows more than the tick tells.
    if (subscriber.covered > to) return;
    subscriber.covered = to;
    if (delta.text === undefined) return;
    subscriber.told = to;
    sink.send(delta.text);
  }

  /** From where somebody stands up to `to`; undefined when the log does not reach back so far, after a long pause say. */
  #deltaFor({ told, covered }: Subscriber, to: number): Delta | undefined {
    if (to !== this.#deltasTo) this.#forgetDeltas(to);
    const latest = this.#deltas[0];
    if (latest?.told === told && latest.covered === covered) return latest;
    const kept = this.#deltas.find((delta) => delta.told === told && delta.covered === covered);
    const delta = kept ?? this.#makeDelta(told, covered, to);
    if (delta === undefined) return undefined;
    const others = this.#deltas.filter((other) => other !== delta);
    this.#deltas = [delta, ...others.slice(0, DELTAS_KEPT_MAX - 1)];
    return delta;
  }

  #makeDelta(told: number, covered: number, to: number): Delta | undefined {
    if (covered >= to) return { told, covered, text: undefined };
    const rows = this.log.sum(covered, to);
    if (rows === undefined) return undefined;
    const members = this.filter.delta(rows);
    return { told, covered, text: members === undefined ? undefined : this.#frame(told, to, members) };
  }

  #forgetDeltas(to: number): void {
    this.#deltas = [];
    this.#deltasTo = to;
  }

  #resume(subscriber: Subscriber, from: number): boolean {
    const to = this.log.seal();
    const rows = this.log.sum(from, to);
    if (rows === undefined) return false;
    subscriber.sink.send(this.#frame(from, to, this.filter.delta(rows) ?? EMPTY_DELTA));
    this.#place(subscriber, to);
    return true;
  }

  #sendSnapshot(subscriber: Subscriber): void {
    const revision = this.log.seal();
    const { epoch } = this.board;
    if (this.#snapshot.epoch !== epoch || this.#snapshot.revision !== revision) {
      this.#snapshot = { epoch, revision, text: this.filter.snapshot() };
    }
    subscriber.sink.send(this.#snapshot.text);
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
