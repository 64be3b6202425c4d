/** A store of events as the feed sees it: commits and retention when a test says so, pages when it lets them through. */

import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import type { FeedPage, FeedQuery } from "../../../src/storage/event-reader.ts";

export interface FakeEvent {
  readonly seq: number;
  readonly topic: string;
}

interface AskedPage {
  readonly query: FeedQuery;
  readonly resolve: (page: FeedPage) => void;
  readonly reject: (error: Error) => void;
}

export function textOf({ seq, topic }: FakeEvent): string {
  return `{"seq":${seq},"topic":"${topic}"}`;
}

export class FeedStore {
  /** Those that are stored, in order. */
  events: FakeEvent[] = [];
  newest = 0;
  /** By topic: up to where its events are gone. */
  readonly prunedThrough = new Map<string, number>();
  readonly asked: AskedPage[] = [];
  readonly reads: FeedQuery[] = [];

  append(topics: readonly string[]): void {
    for (const topic of topics) this.events.push({ seq: ++this.newest, topic });
  }

  /** Removes a topic's events up to one. */
  prune(topic: string, through: number): void {
    const before = this.events.length;
    this.events = this.events.filter((event) => event.topic !== topic || event.seq > through);
    if (this.events.length < before)
      this.prunedThrough.set(topic, Math.max(through, this.prunedThrough.get(topic) ?? 0));
  }

  feedPage(query: FeedQuery): Promise<FeedPage> {
    const { promise, resolve, reject } = Promise.withResolvers<FeedPage>();
    this.reads.push(query);
    this.asked.push({ query, resolve, reject });
    return promise;
  }

  /** Answers one page that was asked for. @param rowsMax how far it looks at most: a page may be cut short by time. */
  answer(at = 0, rowsMax = Number.POSITIVE_INFINITY): void {
    const [asked] = this.asked.splice(at, 1);
    asked?.resolve(this.#page(asked.query, rowsMax));
  }

  fail(error: Error, at = 0): void {
    const [asked] = this.asked.splice(at, 1);
    asked?.reject(error);
  }

  #page({ topics, after, limit, textMax, withParts }: FeedQuery, rowsMax: number): FeedPage {
    const covers = (topic: string): boolean =>
      topics === undefined || new TopicPatterns(topics).matches(topic);
    const gone = [...this.prunedThrough].filter(([topic, seq]) => seq > after && covers(topic));
    const taken: FakeEvent[] = [];
    const ends: number[] = [];
    let text = 0;
    let through = Math.max(after, this.events.at(-1)?.seq ?? 0, ...this.prunedThrough.values());
    let rows = 0;
    for (const event of this.events) {
      if (event.seq <= after) continue;
      if (covers(event.topic)) {
        taken.push(event);
        text += textOf(event).length + 1;
        ends.push(text - 1);
      }
      if (++rows === rowsMax || taken.length === limit || text >= textMax) {
        through = event.seq;
        break;
      }
    }
    const names = [...new Set(taken.map(({ topic }) => topic))];
    const page = { events: taken.map(textOf).join(","), count: taken.length, through };
    const gap = { from: after + 1, to: Math.max(0, ...gone.map(([, seq]) => seq)) };
    const parts = {
      seqs: Float64Array.from(taken, ({ seq }) => seq),
      ends: Uint32Array.from(ends),
      topicPlaces: Uint32Array.from(taken, ({ topic }) => names.indexOf(topic)),
      topics: names.join(","),
      gapTopics: gone.map(([topic]) => topic).join(","),
    };
    return { ...page, ...(gone.length === 0 ? {} : { gap }), ...(withParts ? { parts } : {}) };
  }
}
