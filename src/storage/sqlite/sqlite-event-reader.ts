/** Reads events on a read-only connection of its own: never waits for the writer, never scans without a budget. */

import type { Database, Statement } from "bun:sqlite";
import {
  type ConflictPage,
  type ConflictQuery,
  DamagedError,
  type EventForm,
  type EventKey,
  type EventPage,
  type EventQuery,
  type FeedPage,
  type FeedQuery,
} from "../event-reader.ts";
import { isIntact, segmentChecksum } from "./checksums.ts";
import { cloudEventJson } from "./cloud-event-json.ts";
import { CONFLICTS_MAX } from "./commit-writer.ts";
import {
  conflictJson,
  eventJson,
  expectIntact,
  type StoredConflict,
  type StoredEvent,
  sourceOf,
} from "./event-json.ts";
import { feedPage } from "./feed-page.ts";
import { merged, SEGMENT_EVENTS, segmentOf } from "./topic-segments.ts";
import { type TopicSelection, TopicSelector } from "./topic-selection.ts";

/** A page that has looked for so long is sent as it is, with a `next`. */
const PAGE_BUDGET_MS = 50;

/** A page ends once it has so many UTF-16 units of JSON. */
const PAGE_TEXT_MAX = 4 * 1024 * 1024;

/** Rows fetched by one statement, at most; the budget is looked at in between. */
const ROWS_PER_READ_MAX = 512;

/** Rows of the first statement: when their payloads turn out to be large, the next ones fetch no more. */
const ROWS_PER_READ_MIN = 8;

/** UTF-16 units of payload from which on a read counts as large. */
const LARGE_READ_TEXT = 1024 * 1024;

/** Sequence numbers that may match, a run at a time, in the order asked for. */
type Runs = Generator<{ rows: readonly StoredEvent[]; lookedThrough: number }>;

/** How a page is written: each event as text, and what stands between two of them. */
export interface PageForm {
  readonly textOf: (event: StoredEvent) => string;
  readonly separator: string;
}

const FORMS: Readonly<Record<EventForm, PageForm>> = {
  json: { textOf: eventJson, separator: "," },
  lines: { textOf: eventJson, separator: "\n" },
  "cloud-events": { textOf: cloudEventJson, separator: "," },
};

export class SqliteEventReader {
  readonly #form: PageForm;
  readonly #db: Database;
  readonly #now: () => number;
  readonly #begin: Statement;
  readonly #end: Statement;
  readonly #oldest: Statement<{ seq: number }, []>;
  readonly #newest: Statement<{ seq: number }, []>;
  readonly #selector: TopicSelector;
  readonly #meta: Statement<{ value: string }, [string]>;
  readonly #prunedThrough: Statement<{ seq: number }, [number]>;
  readonly #lastPruned: Statement<{ seq: number | null }, []>;
  readonly #prunedBeyond: Statement<{ name: string | null; seq: number }, [number]>;
  readonly #segment: Statement<{ offsets: Uint8Array; checksum: number | null }, [number, number]>;
  readonly #bySeq: Statement<StoredEvent, [number]>;
  readonly #ranges: Record<"asc" | "desc", Statement<StoredEvent, [number, number, number]>>;
  readonly #conflicts: Statement<StoredConflict, []>;
  readonly #conflictCount: Statement<{ count: number | null }, []>;
  readonly #firstReceived: Statement<{ seq: number; at: number }, [number]>;

  /**
   * @param now milliseconds; only differences matter.
   * @param form of what is not asked for in another.
   */
  constructor(db: Database, now: () => number, form = FORMS.json) {
    this.#form = form;
    this.#db = db;
    this.#now = now;
    const columns = `SELECT seq, topics.name AS topic, topic_id AS topicId, scope, event_id AS eventId, timestamp, source,
      payload, attributes, received_at AS receivedAt, events.checksum FROM events LEFT JOIN topics ON topics.id = events.topic_id`;
    const range = (order: string): string =>
      `${columns} WHERE seq BETWEEN ? AND ? ORDER BY seq ${order} LIMIT ?`;
    this.#begin = db.prepare("BEGIN");
    this.#end = db.prepare("COMMIT");
    this.#oldest = db.prepare("SELECT seq FROM events ORDER BY seq LIMIT 1");
    this.#newest = db.prepare("SELECT seq FROM events ORDER BY seq DESC LIMIT 1");
    this.#selector = new TopicSelector(db);
    this.#meta = db.prepare("SELECT CAST(value AS TEXT) AS value FROM meta WHERE key = ?");
    this.#prunedThrough = db.prepare("SELECT pruned_through AS seq FROM counters WHERE topic_id = ?");
    this.#lastPruned = db.prepare("SELECT max(pruned_through) AS seq FROM counters");
    this.#prunedBeyond = db.prepare(
      "SELECT name, pruned_through AS seq FROM counters LEFT JOIN topics ON id = topic_id WHERE pruned_through > ?",
    );
    this.#segment = db.prepare(
      "SELECT offsets, checksum FROM topic_segments WHERE segment = ? AND topic_id = ?",
    );
    this.#bySeq = db.prepare(`${columns} WHERE seq = ?`);
    this.#ranges = { asc: db.prepare(range("ASC")), desc: db.prepare(range("DESC")) };
    this.#conflicts = db.prepare(
      `SELECT seq, topics.name AS topic, topic_id AS topicId, scope, event_id AS eventId, source, payload,
              received_at AS receivedAt, conflicts.checksum, NULL AS timestamp, NULL AS attributes
       FROM conflicts LEFT JOIN topics ON topics.id = conflicts.topic_id ORDER BY conflicts.id DESC LIMIT ${CONFLICTS_MAX + 1}`,
    );
    this.#conflictCount = db.prepare("SELECT sum(conflicts) AS count FROM counters");
    this.#firstReceived = db.prepare(
      "SELECT seq, received_at AS at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1",
    );
  }

  page(query: EventQuery): EventPage {
    return this.#inOneSnapshot(() => this.#page(query));
  }

  feedPage(query: FeedQuery): FeedPage {
    return this.#inOneSnapshot(() => {
      const selection = this.#selector.select(query);
      const asked = { ...query, order: "asc" } as const;
      const bounds = this.#bounds(asked);
      const gap = this.#gap(asked, selection);
      const page = feedPage(query, this.#runs("asc", bounds, selection?.ids), {
        selection,
        // What is gone at the end has been passed as well.
        end: Math.max(query.after, bounds.high, this.#number("pruned_through", 0)),
        gapTopics: () => (gap === undefined ? [] : this.#topicsPrunedBeyond(query.after)),
        now: this.#now,
      });
      return gap === undefined ? page : { ...page, gap };
    });
  }

  find(
    { topic, scope, eventId }: EventKey,
    candidates: readonly number[],
    form?: EventForm,
  ): string | undefined {
    return this.#inOneSnapshot(() => {
      for (const seq of candidates) {
        // A candidate may be of another key, and of another topic.
        const row = this.#intact(seq, this.#number("pruned_through", 0));
        if (row?.topic === topic && row.scope === scope && row.eventId === eventId)
          return this.#formOf(form).textOf(row);
      }
      return undefined;
    });
  }

  #formOf(form: EventForm | undefined): PageForm {
    return form === undefined ? this.#form : FORMS[form];
  }

  conflicts(query: ConflictQuery): ConflictPage {
    return this.#inOneSnapshot(() => {
      const selection = this.#selector.select(query);
      const conflicts: string[] = [];
      let text = 0;
      let seen = 0;
      for (const row of this.#conflicts.iterate()) {
        expectIntact(row);
        seen++;
        if (selection?.covers(row.topic!) === false) continue;
        const json = conflictJson(row);
        conflicts.push(json);
        text += json.length;
        if (conflicts.length === query.limit || text > PAGE_TEXT_MAX)
          return { conflicts: conflicts.join(","), count: conflicts.length };
      }
      if (seen !== Math.min(CONFLICTS_MAX, this.#conflictCount.get()?.count ?? 0))
        throw new DamagedError("Conflicts are missing.");
      return { conflicts: conflicts.join(","), count: conflicts.length };
    });
  }

  /** An event, or undefined where retention may have removed it. @throws DamagedError */
  #intact(seq: number, prunedThrough: number): StoredEvent | undefined {
    const row = this.#bySeq.get(seq);
    if (row !== null) {
      expectIntact(row);
      return row;
    }
    if (seq > prunedThrough) throw new DamagedError(`Event ${seq} is missing.`);
    return undefined;
  }

  /** A read transaction that ends with the call: one held open would keep the log from restarting. */
  #inOneSnapshot<T>(read: () => T): T {
    this.#begin.run();
    try {
      return read();
    } finally {
      this.#end.run();
    }
  }

  #page(query: EventQuery): EventPage {
    const selection = this.#selector.select(query);
    const gap = this.#gap(query, selection);
    const read = this.#read(query, selection);
    return gap === undefined ? read : { ...read, gap };
  }

  /** Each topic's oldest events are removed, up to a `seq` of its own; of topics not asked for nothing is told. */
  #gap({ after, order }: EventQuery, selection: TopicSelection | undefined): EventPage["gap"] {
    if (after === undefined || order === "desc" || this.#number("pruned_through", 0) <= after)
      return undefined;
    const to = this.#removedThrough(after, selection);
    return to > after ? { from: after + 1, to } : undefined;
  }

  /** Up to where events are gone from any of the topics; `after` or less where none went that came after it. */
  #removedThrough(after: number, selection: TopicSelection | undefined): number {
    if (selection === undefined) return this.#lastPruned.get()?.seq ?? 0;
    const { ids } = selection;
    if (ids !== undefined) return ids.reduce((last, id) => Math.max(last, this.#removedOf(id)), 0);
    let last = after;
    for (const { name, seq } of this.#prunedBeyond.iterate(after))
      if (seq > last && name !== null && selection.covers(name)) last = seq;
    return last;
  }

  #topicsPrunedBeyond(after: number): string[] {
    return this.#prunedBeyond.all(after).flatMap(({ name }) => name ?? []);
  }

  #removedOf(topicId: number): number {
    return this.#prunedThrough.get(topicId)?.seq ?? 0;
  }

  #number(key: string, otherwise: number): number {
    return Number(this.#meta.get(key)?.value ?? otherwise);
  }

  #read(query: EventQuery, selection: TopicSelection | undefined): EventPage {
    const bounds = this.#bounds(query);
    const deadline = this.#now() + PAGE_BUDGET_MS;
    const { textOf, separator } = this.#formOf(query.form);
    const events: string[] = [];
    let text = 0;
    let last = 0;
    for (const { rows, lookedThrough } of this.#runs(query.order, bounds, selection?.ids)) {
      for (const row of rows) {
        // Before anything is asked of it: damage might be why it does not match.
        expectIntact(row);
        if (selection?.covers(row.topic!) === false) continue;
        if (query.source !== undefined && sourceOf(row) !== query.source) continue;
        if (events.length === query.limit || text > PAGE_TEXT_MAX) return page(events, separator, last);
        const written = textOf(row);
        events.push(written);
        text += written.length;
        last = row.seq;
      }
      last = lookedThrough;
      if (this.#now() > deadline && !isAtEnd(query, bounds, lookedThrough))
        return page(events, separator, lookedThrough);
    }
    return page(events, separator, null);
  }

  /** The sequence numbers, both inclusive, between which everything asked for lies. */
  #bounds({ after, order, since, until }: EventQuery): { low: number; high: number } {
    let low = this.#oldest.get()?.seq ?? 1;
    let high = this.#newest.get()?.seq ?? 0;
    // Beyond that one more is the same number, and no loop over them ends.
    if (!Number.isSafeInteger(high)) throw new DamagedError(`The newest event has the number ${high}.`);
    if (after !== undefined && order === "asc") low = Math.max(low, after + 1);
    if (after !== undefined && order === "desc") high = Math.min(high, after - 1);
    if (since !== undefined) low = Math.max(low, this.#firstSeqAt(since, low, high));
    if (until !== undefined) high = Math.min(high, this.#firstSeqAt(until, low, high) - 1);
    return { low, high };
  }

  /** The first event received at `time` or later, by bisection: times of receipt ascend with `seq`. */
  #firstSeqAt(time: number, low: number, high: number): number {
    let first = low;
    let last = high + 1;
    while (first < last) {
      const middle = Math.floor((first + last) / 2);
      const row = this.#firstReceived.get(middle);
      if (row === null || row.at >= time) last = middle;
      else if (row.seq < middle) throw new DamagedError(`The events from ${middle} on are out of order.`);
      else first = row.seq + 1;
    }
    return first;
  }

  /** @param topicIds of the only topics that matter; where they are not known, every event is looked at. */
  *#runs(
    order: "asc" | "desc",
    { low, high }: { low: number; high: number },
    topicIds: readonly number[] | undefined,
  ): Runs {
    if (topicIds === undefined) {
      yield* this.#scan(order, low, high);
      return;
    }
    if (topicIds.length === 0) return;
    const indexed = Math.min(high, this.#number("indexed_through", -1));
    const tail = (): Runs => this.#scan(order, Math.max(low, indexed + 1), high);
    if (order === "desc") yield* tail();
    yield* this.#lookUp(order, low, indexed, topicIds);
    if (order === "asc") yield* tail();
  }

  /** Reads a range of rows from end to end, of whatever topic. */
  *#scan(order: "asc" | "desc", low: number, high: number): Runs {
    const isAscending = order === "asc";
    const prunedThrough = this.#number("pruned_through", 0);
    let size = ROWS_PER_READ_MIN;
    for (let from = isAscending ? low : high; from >= low && from <= high; ) {
      const to = isAscending ? Math.min(high, from + size - 1) : Math.max(low, from - size + 1);
      const rows = this.#ranges[order].all(Math.min(from, to), Math.max(from, to), size);
      const isWhole = rows.length === Math.abs(to - from) + 1;
      if (!isWhole && Math.min(from, to) > prunedThrough)
        throw new DamagedError(`Events from ${from} to ${to} are missing.`);
      expectInOrder(rows, order, isAscending ? from - 1 : from + 1);
      size = nextReadSize(size, rows);
      yield { rows, lookedThrough: to };
      from = isAscending ? to + 1 : to - 1;
    }
  }

  /** Reads the rows of some topics through the lists of their segments. */
  *#lookUp(order: "asc" | "desc", low: number, high: number, topicIds: readonly number[]): Runs {
    const isAscending = order === "asc";
    const [first, last] = [segmentOf(low), segmentOf(high)];
    const prunedThrough = new Map(topicIds.map((id) => [id, this.#removedOf(id)]));
    for (let i = 0; i <= last - first; i++) {
      const segment = isAscending ? first + i : last - i;
      const base = segment * SEGMENT_EVENTS;
      const lists = topicIds.map((topicId) => ({ topicId, offsets: this.#offsets(segment, topicId) }));
      let rows: StoredEvent[] = [];
      let text = 0;
      for (const { offset, topicId } of merged(lists, { order, low: low - base, high: high - base })) {
        const seq = base + offset;
        const row = this.#intact(seq, prunedThrough.get(topicId)!);
        if (row === undefined) continue;
        if (row.topicId !== topicId)
          throw new DamagedError(`Event ${seq} is listed under topic ${topicId}, which is not its own.`);
        rows.push(row);
        text += row.payload.length;
        if (rows.length < ROWS_PER_READ_MAX && text < LARGE_READ_TEXT) continue;
        yield { rows, lookedThrough: seq };
        rows = [];
        text = 0;
      }
      yield { rows, lookedThrough: isAscending ? base + SEGMENT_EVENTS - 1 : base };
    }
  }

  #offsets(segment: number, topicId: number): Uint16Array {
    const row = this.#segment.get(segment, topicId);
    if (row === null) return new Uint16Array();
    if (!isIntact(row.checksum, segmentChecksum(segment, topicId, row.offsets)))
      throw new DamagedError(`The list of topic ${topicId} in segment ${segment} is damaged.`);
    return new Uint16Array(row.offsets.slice().buffer);
  }

  close(): void {
    this.#db.close();
  }
}

/** Each row may be intact and the page that names them not: then an event would come twice, or a cursor go back. */
function expectInOrder(rows: readonly StoredEvent[], order: "asc" | "desc", before: number): void {
  let last = before;
  for (const { seq } of rows) {
    if (order === "asc" ? seq <= last : seq >= last)
      throw new DamagedError(`Event ${seq} stands where it does not belong.`);
    last = seq;
  }
}

/** Payloads may be megabytes each: after a large read the next is as small as the first. */
function nextReadSize(size: number, rows: readonly StoredEvent[]): number {
  const text = rows.reduce((sum, { payload }) => sum + payload.length, 0);
  return text < LARGE_READ_TEXT ? Math.min(size * 2, ROWS_PER_READ_MAX) : ROWS_PER_READ_MIN;
}

function page(events: readonly string[], separator: string, next: number | null): EventPage {
  return { events: events.join(separator), count: events.length, next };
}

function isAtEnd(
  { order }: EventQuery,
  { low, high }: { low: number; high: number },
  lookedThrough: number,
): boolean {
  return order === "asc" ? lookedThrough >= high : lookedThrough <= low;
}
