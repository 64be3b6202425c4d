/** Duplicate checks and readers that break a guarantee, each in a way that somebody might have written. */

import { type EventRecord, EventStatus } from "../../../src/events/event.ts";
import type { EventPage, EventQuery } from "../../../src/storage/event-reader.ts";
import { type Arrival, KeyLookup } from "../../../src/storage/sqlite/key-lookup.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { TopicSegments } from "../../../src/storage/sqlite/topic-segments.ts";
import { type BrokenVariant, replace } from "./replace.ts";

type Judge = (arrival: Arrival, event: EventRecord, lookup: KeyLookup, at: number) => void;

/** Changes what became of an event after it was judged. */
function replaceJudge(change: Judge): () => void {
  return replace(
    KeyLookup.prototype,
    "judge",
    (real) =>
      function (this: KeyLookup, ...args: Parameters<typeof real>): void {
        real.apply(this, args);
        const [events, , at, arrival] = args;
        change(arrival, events[at]!, this, at);
      },
  );
}

/** Whoever was stored last under the same 64 bits is taken for the first arrival. */
function takeFingerprintForKey(): () => void {
  const seen = new WeakMap<KeyLookup, Map<string, number>>();
  return replaceJudge((arrival, _event, lookup, at) => {
    const keys = seen.get(lookup) ?? new Map<string, number>();
    seen.set(lookup, keys);
    const key = `${lookup.words[at * 4]} ${lookup.words[at * 4 + 1]}`;
    const known = keys.get(key);
    if (arrival.seq > 0) keys.set(key, arrival.seq);
    if (arrival.status === EventStatus.processed && known !== undefined)
      Object.assign(arrival, { status: EventStatus.duplicate, seq: known });
  });
}

/** Changes the pages that a reader gets. */
function replacePage(
  make: (read: (query: EventQuery) => EventPage, query: EventQuery) => EventPage,
): () => void {
  return replace(
    SqliteEventReader.prototype,
    "page",
    (real) =>
      function (this: SqliteEventReader, query: EventQuery): EventPage {
        return make((changed) => real.call(this, changed), query);
      },
  );
}

/** The lists of a topic's events, as they are written, lack their last entry. */
function shortenSegments(): () => void {
  return replace(
    TopicSegments.prototype,
    "nextStep",
    (real) =>
      function (this: TopicSegments) {
        const step = real.call(this);
        if (step === undefined) return undefined;
        const rows = step.rows.map((row) => ({ ...row, offsets: row.offsets.subarray(0, -2) }));
        return { ...step, rows };
      },
  );
}

export const LOOKUP_VARIANTS: readonly BrokenVariant[] = [
  { name: "takes equal fingerprints for equal keys", install: takeFingerprintForKey },
  {
    name: "misses duplicates within a batch",
    install: () =>
      replaceJudge((arrival) => {
        if (arrival.seq < 0) Object.assign(arrival, { status: EventStatus.processed, seq: 0 });
      }),
  },
  {
    name: "takes a conflict for a duplicate",
    install: () =>
      replaceJudge((arrival) => {
        if (arrival.status === EventStatus.conflict) arrival.status = EventStatus.duplicate;
      }),
  },
  {
    name: "takes another spelling of a payload for a conflict",
    install: () => {
      const texts = new WeakMap<KeyLookup, Map<number, string>>();
      return replaceJudge((arrival, { payload }, lookup) => {
        const known = texts.get(lookup) ?? new Map<number, string>();
        texts.set(lookup, known);
        if (arrival.seq <= 0) return;
        if ((known.get(arrival.seq) ?? payload) !== payload) arrival.status = EventStatus.conflict;
        known.set(arrival.seq, payload);
      });
    },
  },
  {
    name: "skips a row where a page ends",
    install: () =>
      replacePage((read, query) => {
        const page = read(query);
        const step = query.order === "asc" ? 1 : -1;
        return page.next === null ? page : { ...page, next: page.next + step };
      }),
  },
  {
    name: "repeats a row where a descending page begins",
    install: () =>
      replacePage((read, query) =>
        query.order === "desc" && query.after !== undefined
          ? read({ ...query, after: query.after + 1 })
          : read(query),
      ),
  },
  {
    name: "ends a descending read with its first page",
    install: () =>
      replacePage((read, query) => (query.order === "desc" ? { ...read(query), next: null } : read(query))),
  },
  {
    name: "takes the end of a span of time as a part of it",
    install: () =>
      replacePage((read, query) =>
        read(query.until === undefined ? query : { ...query, until: query.until + 1 }),
      ),
  },
  { name: "lists a topic's events without the last", install: shortenSegments, isLarge: true },
  {
    name: "takes lists for complete that are not written yet",
    isLarge: true,
    install: () =>
      replace(
        TopicSegments.prototype,
        "nextStep",
        (real) =>
          function (this: TopicSegments) {
            const step = real.call(this);
            return step && { ...step, rows: step.rows.slice(1) };
          },
      ),
  },
  {
    name: "looks for an event without its scope",
    install: () =>
      replace(
        SqliteEventReader.prototype,
        "find",
        (real) =>
          function (this: SqliteEventReader, key, candidates) {
            return real.call(this, { ...key, scope: "" }, candidates);
          },
      ),
  },
];
