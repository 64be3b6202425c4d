/** Events that were read from the store in one go, and those among them that patterns cover. */

import type { TopicPatterns } from "../events/topic-pattern.ts";
import type { FeedPage } from "../storage/event-reader.ts";

/** Some of the events of a chunk, as the elements of a JSON array. */
export interface Excerpt {
  readonly text: string;
  readonly count: number;
}

const NOTHING: Excerpt = { text: "", count: 0 };

export class FeedChunk {
  /** The names of the topics that occur. */
  readonly topics: readonly string[];
  readonly #text: string;
  readonly #seqs: Float64Array;
  readonly #ends: Uint32Array;
  readonly #topicPlaces: Uint32Array;
  #byTopic: number[][] | undefined;

  /** @param page with parts. @param from it holds every event after this one, up to `to`. */
  constructor(
    { events, through, parts }: FeedPage,
    readonly from: number,
    readonly to = through,
  ) {
    this.#text = events;
    this.#seqs = parts!.seqs;
    this.#ends = parts!.ends;
    this.#topicPlaces = parts!.topicPlaces;
    this.topics = parts!.topics === "" ? [] : parts!.topics.split(",");
  }

  get count(): number {
    return this.#seqs.length;
  }

  /** UTF-16 units. */
  get length(): number {
    return this.#text.length;
  }

  /** The events after a position that patterns cover. */
  excerpt(patterns: TopicPatterns, after: number): Excerpt {
    const places: number[] = [];
    for (const [place, topic] of this.topics.entries()) if (patterns.matches(topic)) places.push(place);
    return this.excerptOf(places, after);
  }

  /** The events of some topics. @param places ascending, of their names in `topics`. */
  excerptOf(places: readonly number[], after = this.from): Excerpt {
    if (places.length === 0) return NOTHING;
    const isAfterAll = (this.#seqs[0] ?? 0) > after;
    if (places.length === this.topics.length && isAfterAll) return { text: this.#text, count: this.count };
    if (places.length === 1) return this.#cutOut(this.#eventsOf(places[0]!), after);
    const isCovered = new Uint8Array(this.topics.length);
    for (const place of places) isCovered[place] = 1;
    const events: number[] = [];
    for (let i = 0; i < this.count; i++) if (isCovered[this.#topicPlaces[i]!] === 1) events.push(i);
    return this.#cutOut(events, after);
  }

  /** The places of one topic's events. There may be as many groups of readers as topics, so all are sorted at once. */
  #eventsOf(topicPlace: number): readonly number[] {
    if (this.#byTopic === undefined) {
      this.#byTopic = this.topics.map(() => []);
      for (let i = 0; i < this.count; i++) this.#byTopic[this.#topicPlaces[i]!]!.push(i);
    }
    return this.#byTopic[topicPlace]!;
  }

  /** Neighbours are cut out together. */
  #cutOut(events: readonly number[], after: number): Excerpt {
    const pieces: string[] = [];
    let count = 0;
    for (let i = 0; i < events.length; ) {
      const first = events[i++]!;
      if (this.#seqs[first]! <= after) continue;
      let last = first;
      while (events[i] === last + 1) last = events[i++]!;
      count += last - first + 1;
      pieces.push(this.#text.slice(first === 0 ? 0 : this.#ends[first - 1]! + 1, this.#ends[last]));
    }
    return count === 0 ? NOTHING : { text: pieces.join(","), count };
  }
}
