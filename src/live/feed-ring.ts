/** The latest events, as they were read from the store, for the readers that are not far behind. */

import type { TopicPatterns } from "../events/topic-pattern.ts";
import type { FeedChunk } from "./feed-chunk.ts";
import { FRAME_EVENTS_MAX, FRAME_TEXT_MAX } from "./feed-frames.ts";

/** Events that are kept at most; the chunk that was read last is kept however large. */
export const RING_EVENTS_MAX = 16_384;

/** UTF-16 units of their text. */
export const RING_TEXT_MAX = 8 * 1024 * 1024;

/** What somebody at a position is told next. */
export interface NextEvents {
  /** The elements of a JSON array; empty where nothing is covered. */
  readonly text: string;
  readonly count: number;
  /** Where it stands afterwards. */
  readonly to: number;
}

export class FeedRing {
  /** Everything after this is here, up to `to`. */
  from = 0;
  to = 0;
  #chunks: FeedChunk[] = [];
  /** The answer given last: readers of one group that fall behind together ask for the same. */
  #last: (NextEvents & { readonly patterns: TopicPatterns; readonly after: number; end: number }) | undefined;
  #events = 0;
  #text = 0;

  constructor(private readonly eventsMax: number) {}

  /** Forgets everything; what comes next follows `position`. */
  reset(position: number): void {
    this.#chunks = [];
    this.#last = undefined;
    this.#events = 0;
    this.#text = 0;
    this.from = position;
    this.to = position;
  }

  /** Takes in what follows. */
  append(chunk: FeedChunk): void {
    this.to = chunk.to;
    if (chunk.count === 0) return;
    this.#chunks.push(chunk);
    this.#events += chunk.count;
    this.#text += chunk.length;
    while (this.#chunks.length > 1 && (this.#events > this.eventsMax || this.#text > RING_TEXT_MAX))
      this.#dropOldest();
  }

  /** Moves on over events that do not matter to anybody. */
  skipTo(position: number): void {
    this.to = Math.max(this.to, position);
  }

  /** Events up to here are not all there: whoever stands before it reads from the store. */
  forgetThrough(position: number): void {
    while (this.#chunks.length > 0 && this.#chunks[0]!.from < position) this.#dropOldest();
    this.from = Math.max(this.from, position);
  }

  /** What patterns cover after a position that is within: one frame at most. */
  next(patterns: TopicPatterns, after: number): NextEvents {
    const last = this.#last;
    if (last?.patterns === patterns && last.after === after && last.end === this.to) return last;
    this.#last = { ...this.#next(patterns, after), patterns, after, end: this.to };
    return this.#last;
  }

  #next(patterns: TopicPatterns, after: number): NextEvents {
    const texts: string[] = [];
    let [count, length] = [0, 0];
    for (let i = this.#firstAfter(after); i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!;
      const { text, count: more } = chunk.excerpt(patterns, after);
      if (more === 0) continue;
      const isFull = count + more > FRAME_EVENTS_MAX || length + text.length > FRAME_TEXT_MAX;
      if (count > 0 && isFull) return { text: texts.join(","), count, to: chunk.from };
      texts.push(text);
      count += more;
      length += text.length + 1;
    }
    return { text: texts.join(","), count, to: this.to };
  }

  #dropOldest(): void {
    const chunk = this.#chunks.shift()!;
    this.#events -= chunk.count;
    this.#text -= chunk.length;
    this.from = chunk.to;
  }

  /** The place of the first chunk that reaches beyond a position, by bisection. */
  #firstAfter(position: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#chunks[middle]!.to > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
