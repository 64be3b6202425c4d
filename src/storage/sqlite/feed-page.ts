/** Writes the page of a feed: bounded in events, text and time, and cut into its events where that is asked for. */

import { DamagedError, type FeedPage, type FeedQuery, type PageParts } from "../event-reader.ts";
import { eventJson, expectIntact, type StoredEvent } from "./event-json.ts";
import type { TopicSelection } from "./topic-selection.ts";

export interface FeedPageContext {
  readonly selection: TopicSelection | undefined;
  /** Up to where everything has been looked at once the rows are at their end. */
  readonly end: number;
  /** Topics of which events are gone that would have followed; asked for with the parts alone. */
  readonly gapTopics: () => readonly string[];
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
}

/**
 * What stands before damage is a page of its own.
 * @throws DamagedError where the page would begin with it
 */
export function feedPage(
  { after, limit, textMax, budgetMs, withParts }: FeedQuery,
  runs: Iterable<{ readonly rows: readonly StoredEvent[]; readonly lookedThrough: number }>,
  { selection, end, gapTopics, now }: FeedPageContext,
): Omit<FeedPage, "gap"> {
  const deadline = now() + budgetMs;
  // Added up, which costs a third less than joining them in the end.
  let events = "";
  let count = 0;
  const parts = withParts ? new PartsOfPage() : undefined;
  const page = (through: number): Omit<FeedPage, "gap"> => {
    const whole = { events, count, through };
    return parts === undefined ? whole : { ...whole, parts: parts.take(gapTopics()) };
  };
  let intact = after;
  try {
    for (const { rows, lookedThrough } of runs) {
      for (const row of rows) {
        // Before anything is asked of it: damage might be why it does not match.
        expectIntact(row);
        intact = row.seq;
        if (selection?.covers(row.topic!) === false) continue;
        events += count++ === 0 ? eventJson(row) : `,${eventJson(row)}`;
        parts?.add(row.seq, row.topic!, events.length);
        if (count === limit || events.length >= textMax) return page(row.seq);
      }
      if (now() > deadline && lookedThrough < end) return page(lookedThrough);
    }
  } catch (error) {
    if (!(error instanceof DamagedError) || intact === after) throw error;
    return page(intact);
  }
  return page(end);
}

/** Where each event of a page stands, collected while it is written. */
class PartsOfPage {
  readonly #seqs: number[] = [];
  readonly #ends: number[] = [];
  readonly #topicPlaces: number[] = [];
  readonly #placeOf = new Map<string, number>();

  add(seq: number, topic: string, end: number): void {
    let place = this.#placeOf.get(topic);
    if (place === undefined) this.#placeOf.set(topic, (place = this.#placeOf.size));
    this.#seqs.push(seq);
    this.#ends.push(end);
    this.#topicPlaces.push(place);
  }

  take(gapTopics: readonly string[]): PageParts {
    return {
      seqs: new Float64Array(this.#seqs),
      ends: new Uint32Array(this.#ends),
      topicPlaces: new Uint32Array(this.#topicPlaces),
      topics: [...this.#placeOf.keys()].join(","),
      gapTopics: gapTopics.join(","),
    };
  }
}
