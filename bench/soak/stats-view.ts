/** What a subscriber of /ws/stats knows: snapshot plus deltas, checked frame by frame. Outlives its connections. */

import { areEqual, type Counters, sumOf, wordsOf } from "../../src/load-test/counters.ts";
import type { Truth } from "./messages.ts";

interface StatsFrame extends Counters {
  readonly type: string;
  readonly epoch: string;
  readonly from: number;
  readonly revision: number;
  readonly topics: Readonly<Record<string, Counters>>;
}

const NOTHING: Counters = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };

export class StatsView {
  readonly #topics = new Map<string, Counters>();
  #totals = NOTHING;
  #epoch: string | undefined;
  #revision = 0;
  frames = 0;

  /** @param pattern A topic, or a prefix and `*`; `*` is every topic. */
  constructor(
    readonly pattern: string,
    readonly intervalMs: number,
  ) {}

  /** Query of a connection that goes on where this view stands; the whole when it knows nothing yet. */
  query({ resumes }: { resumes: boolean }): string {
    const base = `topics=${this.pattern}&interval=${this.intervalMs}`;
    return resumes && this.#epoch !== undefined
      ? `${base}&epoch=${this.#epoch}&revision=${this.#revision}`
      : base;
  }

  /** @throws Error when the frame does not follow from what is known, or does not add up. */
  take(text: string): StatsFrame {
    const frame = JSON.parse(text) as StatsFrame;
    this.frames++;
    if (frame.type === "snapshot") {
      this.#topics.clear();
      this.#totals = NOTHING;
    } else if (frame.type !== "delta" || frame.epoch !== this.#epoch || frame.from !== this.#revision) {
      throw new Error(`at revision ${this.#revision} of ${this.#epoch} came ${text.slice(0, 200)}`);
    }
    for (const [topic, more] of Object.entries(frame.topics))
      this.#topics.set(topic, sumOf([this.#topics.get(topic) ?? NOTHING, more]));
    this.#totals = sumOf([this.#totals, frame]);
    this.#epoch = frame.epoch;
    this.#revision = frame.revision;
    const sum = sumOf([...this.#topics.values()]);
    if (!areEqual(sum, this.#totals))
      throw new Error(`the topics sum to ${wordsOf(sum)}, the totals are ${wordsOf(this.#totals)}`);
    return frame;
  }

  /** What differs from the truth, or undefined. */
  differenceFrom({ epoch, topics }: Truth): string | undefined {
    if (epoch !== this.#epoch) return `the epoch is ${this.#epoch}, not ${epoch}`;
    const covered = Object.entries(topics).filter(([topic]) => this.#covers(topic));
    for (const [topic, expected] of covered) {
      const known = this.#topics.get(topic) ?? NOTHING;
      if (!areEqual(known, expected))
        return `${topic} (of ${this.pattern}) is ${wordsOf(known)}; it should be ${wordsOf(expected)}`;
    }
    const extra = this.#topics.size - covered.length;
    return extra === 0 ? undefined : `${extra} topics are known that there are not`;
  }

  #covers(topic: string): boolean {
    return this.pattern.endsWith("*") ? topic.startsWith(this.pattern.slice(0, -1)) : topic === this.pattern;
  }
}
