/**
 * Subscribers with the same patterns and interval, told the same thing at the same time.
 *
 * Those who keep up are members of a slice: one native broadcast tells them all. Those who don't, and newcomers, are
 * stragglers: each is told alone what changed since what it knows, once nothing is buffered for it any more, and then
 * joins a slice. Nothing is kept per straggler but a revision: its delta is summed from the log when it can be sent.
 */

import type { CounterBoard } from "./counter-board.ts";
import type { DeltaLog } from "./delta-log.ts";
import { EMPTY_DELTA, type TopicFilter } from "./topic-filter.ts";

/** A broadcast to this many sockets keeps the thread busy for about 3 ms. */
export const SLICE_MEMBERS_MAX = 512;

/** Whoever has not read anything for this long is closed; the log reaches further back than that. */
export const STALL_MS_MAX = 60_000;

/** Where frames go: a WebSocket, an event stream, a test. */
export interface StatsSink {
  send(text: string): void;
  /** Bytes that were sent and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** 4408: too slow. */
  closeAsTooSlow(): void;
  join(channel: string): void;
  leave(channel: string): void;
}

export type Broadcast = (channel: string, text: string) => void;

export interface Position {
  /** The revision that was told last. */
  told: number;
  /** Nothing that the patterns cover changed between `told` and this. */
  covered: number;
}

export class Subscriber implements Position {
  told = 0;
  covered = 0;
  needsSnapshot = true;
  slice: Slice | undefined;
  /** When it was first seen with something buffered, in milliseconds of the hub's clock. */
  stalledSince: number | undefined;
  constructor(readonly sink: StatsSink) {}
}

interface Slice extends Position {
  readonly channel: string;
  readonly members: Set<Subscriber>;
}

let channels = 0;

export class StatsGroup {
  readonly #slices: Slice[] = [];
  readonly #stragglers = new Set<Subscriber>();
  /** The snapshot made last: newcomers of one moment get the same text. */
  #snapshot = { epoch: "", revision: -1, text: "" };

  constructor(
    readonly filter: TopicFilter,
    private readonly board: CounterBoard,
    private readonly log: DeltaLog,
    private readonly broadcast: Broadcast,
  ) {}

  get size(): number {
    return this.#slices.reduce((sum, { members }) => sum + members.size, this.#stragglers.size);
  }

  /**
   * Takes in a newcomer. It is told at once, either what changed since the revision it names or everything; before
   * there are any counters it waits for them. One that has not read what it was told under another subscription gets
   * its snapshot when it has: they must not pile up.
   */
  add(subscriber: Subscriber, resumeFrom: number | undefined): void {
    this.#stragglers.add(subscriber);
    if (!this.board.isOpen || subscriber.sink.bufferedBytes > 0) return;
    if (resumeFrom === undefined || !this.#resume(subscriber, resumeFrom)) this.#sendSnapshot(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#stragglers.delete(subscriber);
    this.#leaveSlice(subscriber);
  }

  /** A new epoch: whatever was told before means nothing any more. */
  reset(): void {
    for (const slice of this.#slices) for (const member of slice.members) this.#eject(slice, member);
    this.#slices.length = 0;
    for (const straggler of this.#stragglers) straggler.needsSnapshot = true;
  }

  /** Tells everyone what changed up to revision `to`; yields, as it goes, how many sockets it has just worked on. */
  *tick(to: number, now: number): Generator<number> {
    const { epoch } = this.board;
    for (const slice of [...this.#slices]) {
      if (this.board.epoch !== epoch) return;
      this.#tellSlice(slice, to);
      yield slice.members.size;
    }
    for (const straggler of [...this.#stragglers]) {
      if (this.board.epoch !== epoch) return;
      if (this.#stragglers.has(straggler)) this.#tellStraggler(straggler, to, now);
      yield 1;
    }
  }

  #tellSlice(slice: Slice, to: number): void {
    // What the slice knows may have left the log, after a long pause say: then each member gets a snapshot.
    const isLost = !this.log.reaches(slice.covered);
    for (const member of slice.members)
      if (isLost || member.sink.bufferedBytes > 0) this.#eject(slice, member);
    if (slice.members.size === 0) {
      this.#slices.splice(this.#slices.indexOf(slice), 1);
      return;
    }
    const frame = this.#deltaFrame(slice, to);
    if (frame !== undefined) this.broadcast(slice.channel, frame);
  }

  #tellStraggler(straggler: Subscriber, to: number, now: number): void {
    if (straggler.sink.bufferedBytes > 0) {
      straggler.stalledSince ??= now;
      if (now - straggler.stalledSince > STALL_MS_MAX) straggler.sink.closeAsTooSlow();
      return;
    }
    straggler.stalledSince = undefined;
    if (straggler.needsSnapshot || !this.log.reaches(straggler.covered)) {
      this.#sendSnapshot(straggler);
      return;
    }
    // It joined while this tick was under way, and knows more than the tick tells.
    if (straggler.covered > to) return;
    const frame = this.#deltaFrame(straggler, to);
    if (frame === undefined) return;
    straggler.sink.send(frame);
    this.#joinSlice(straggler);
  }

  /** The delta from where somebody stands up to `to`, moving the position; undefined when there is nothing to tell. */
  #deltaFrame(position: Position, to: number): string | undefined {
    const rows = this.log.sum(position.covered, to);
    if (rows === undefined) throw new Error(`The delta log lost revision ${position.covered} before ${to}.`);
    position.covered = to;
    const members = this.filter.delta(rows);
    if (members === undefined) return undefined;
    const frame = this.#frame(position.told, to, members);
    position.told = to;
    return frame;
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

  #joinSlice(straggler: Subscriber): void {
    const { told, covered } = straggler;
    let slice = this.#slices.find(
      (s) => s.told === told && s.covered === covered && s.members.size < SLICE_MEMBERS_MAX,
    );
    if (slice === undefined) {
      slice = { channel: `stats:${++channels}`, members: new Set(), told, covered };
      this.#slices.push(slice);
    }
    this.#stragglers.delete(straggler);
    slice.members.add(straggler);
    straggler.slice = slice;
    straggler.sink.join(slice.channel);
  }

  #eject(slice: Slice, member: Subscriber): void {
    member.told = slice.told;
    member.covered = slice.covered;
    this.#leaveSlice(member);
    this.#stragglers.add(member);
  }

  #leaveSlice(subscriber: Subscriber): void {
    const { slice } = subscriber;
    if (slice === undefined) return;
    slice.members.delete(subscriber);
    subscriber.slice = undefined;
    subscriber.sink.leave(slice.channel);
  }
}
