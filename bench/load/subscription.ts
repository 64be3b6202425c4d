/** One subscriber of statistics on a bare TCP socket: checks that each frame follows from the one before, and sums. */

import { StatsHead } from "./stats-head.ts";
import type { ToldFrames } from "./told-frames.ts";
import { wallMs } from "./wall-clock.ts";
import { FrameReader } from "./ws-frames.ts";

interface Counters {
  received: number;
  unique_processed: number;
  duplicate_dropped: number;
  conflicts: number;
}

/** What a subscriber that parses everything knows. */
export interface StatsView extends Counters {
  readonly revision: number;
  readonly topics: Record<string, Counters>;
}

interface StatsFrame extends StatsView {
  readonly type: string;
}

/** Used by one socket after the other, for as long as it takes to read a frame. */
const head = new StatsHead();

export class Subscription {
  /** -1 before the snapshot. */
  revision = -1;
  received = 0;
  deltas = 0;
  deltaBytes = 0;
  /** Of a socket that is to parse every frame. */
  view: StatsView | undefined;
  readonly #reader = new FrameReader();
  #atMs = 0;
  readonly #take = (bytes: Buffer, start: number, end: number): void => this.#takeFrame(bytes, start, end);

  constructor(
    private readonly told: ToldFrames,
    private readonly isParsing: boolean,
    private readonly onSnapshot: () => void,
  ) {}

  /** @throws Error when a frame does not follow from the one before. */
  read(chunk: Buffer): void {
    this.#atMs = wallMs();
    this.#reader.read(chunk, this.#take);
  }

  #takeFrame(bytes: Buffer, start: number, end: number): void {
    if (!head.read(bytes, start)) {
      this.#takeSnapshot(JSON.parse(bytes.toString("utf8", start, end)) as StatsFrame);
      return;
    }
    if (head.from !== this.revision) {
      throw new Error(`a delta leads from ${head.from}, the socket knows ${this.revision}`);
    }
    this.told.add(head, this.received, this.#atMs);
    this.deltas++;
    this.deltaBytes += end - start;
    this.revision = head.revision;
    this.received += head.received;
    if (this.view !== undefined)
      this.view = addFrame(this.view, JSON.parse(bytes.toString("utf8", start, end)) as StatsFrame);
  }

  #takeSnapshot(frame: StatsFrame): void {
    if (frame.type !== "snapshot") throw new Error(`a subscriber was told ${JSON.stringify(frame)}`);
    if (this.revision >= 0) throw new Error("a subscriber that reads got a second snapshot");
    this.revision = frame.revision;
    this.received = frame.received;
    if (this.isParsing) this.view = frame;
    this.onSnapshot();
  }
}

function addFrame(view: StatsView, frame: StatsView): StatsView {
  const topics = { ...view.topics };
  for (const [name, increments] of Object.entries(frame.topics)) {
    topics[name] = add(topics[name] ?? NOTHING, increments);
  }
  return { ...add(view, frame), revision: frame.revision, topics };
}

const NOTHING: Counters = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };

function add(sum: Counters, more: Counters): Counters {
  return {
    received: sum.received + more.received,
    unique_processed: sum.unique_processed + more.unique_processed,
    duplicate_dropped: sum.duplicate_dropped + more.duplicate_dropped,
    conflicts: sum.conflicts + more.conflicts,
  };
}
