/** Reads the database file on a connection of its own and holds it against the model. */

import type { Database } from "bun:sqlite";
import type { EventQuery } from "../../src/storage/event-reader.ts";
import { openForReading } from "../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../src/storage/sqlite/sqlite-event-reader.ts";
import type { FirstArrival, Model } from "./model.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

interface EventRow {
  readonly seq: number;
  readonly topic: string | null;
  readonly scope: string;
  readonly event_id: string;
  readonly payload: string;
  readonly received_at: number;
}

export class FileAudit {
  readonly #db: Database;
  readonly #readerDb: Database;
  readonly #reader: SqliteEventReader;
  /** Rows up to here have been compared; they never change. */
  #audited = 0;

  constructor(path: string) {
    this.#db = openForReading(path);
    this.#readerDb = openForReading(path);
    this.#reader = new SqliteEventReader(this.#readerDb, () => 0);
  }

  /** What the counters in the file say was received. */
  get received(): number {
    return this.#number("SELECT coalesce(sum(received), 0) FROM counters");
  }

  /** Everything, from the first row on. */
  compareAll(model: Model): void {
    this.#audited = 0;
    this.compare(model);
  }

  /** Rows that are new since the last comparison, and all counters. */
  compare(model: Model): void {
    this.#compareRows(model);
    this.#compareCounters(model);
    const { arrivals } = model;
    const fingerprints = this.#number("SELECT coalesce(sum(count), 0) FROM fingerprints");
    guaranteeSame(fingerprints, arrivals.length, "fingerprints in the file");
    const conflicts = this.#number("SELECT count(*) FROM conflicts");
    guaranteeSame(conflicts, Math.min(model.conflicts, 1_000), "conflicts in the file");
  }

  #compareRows({ arrivals }: Model): void {
    guaranteeSame(this.#number("SELECT count(*) FROM events"), arrivals.length, "events in the file");
    const rows = this.#db
      .query<EventRow, [number]>(
        `SELECT seq, name AS topic, scope, event_id, payload, received_at
         FROM events LEFT JOIN topics ON topics.id = topic_id WHERE seq > ? ORDER BY seq`,
      )
      .all(this.#audited);
    for (const [i, row] of rows.entries()) {
      const { seq, topic, scope, eventId, payload, at } = arrivals[this.#audited + i]!;
      const expected = { seq, topic, scope, event_id: eventId, payload: payload.stored, received_at: at };
      guaranteeSame(row, expected, `row ${seq}`);
    }
    this.#audited += rows.length;
  }

  #compareCounters({ topics }: Model): void {
    const stored = this.#db
      .query<{ name: string }, []>(
        `SELECT name, received, unique_processed, duplicate_dropped, conflicts FROM topics
         LEFT JOIN counters ON topic_id = topics.id ORDER BY topics.id`,
      )
      .all();
    guaranteeSame(
      stored,
      [...topics].map(([name, counters]) => ({ name, ...counters })),
      "counters in the file",
    );
    const rows = this.#db
      .query<{ name: string; n: number }, []>(
        "SELECT name, count(*) AS n FROM events JOIN topics ON topics.id = topic_id GROUP BY topic_id ORDER BY topic_id",
      )
      .all();
    const counted = rows.map(({ name }) => ({ name, n: topics.get(name)?.unique_processed }));
    guaranteeSame(rows, counted, "rows of a topic and its counter");
  }

  /** Reads from page to page the way `GET /events` does, to the end. */
  comparePages(model: Model, query: EventQuery): void {
    const { after, order, limit, topic } = query;
    const isIn = ({ seq }: FirstArrival): boolean =>
      after === undefined || (order === "asc" ? seq > after : seq < after);
    const expected = model.arrivals.filter(
      (arrival) => isIn(arrival) && (topic ?? arrival.topic) === arrival.topic,
    );
    if (order === "desc") expected.reverse();
    const what = `the pages ${JSON.stringify(query)}`;
    const read: string[] = [];
    for (let from: number | null | undefined = after; from !== null; ) {
      const { events, count, next } = this.#reader.page(
        from === undefined ? query : { ...query, after: from },
      );
      guarantee(count <= limit && next !== from, () => `${what}: ${count} events, going on at ${next}`);
      if (count > 0) read.push(events);
      from = next;
    }
    guaranteeSame(read.join(","), expected.map(eventText).join(","), what);
  }

  /** Finds one event the way `GET /events/{topic}/{event_id}` does. */
  compareFind(
    { topic, scope, eventId }: FirstArrival,
    first: FirstArrival | undefined,
    candidates: number[],
  ): void {
    const found = this.#reader.find({ topic, scope, eventId }, candidates);
    guaranteeSame(found, first && eventText(first), `finding ${topic} ${scope} ${eventId}`);
  }

  close(): void {
    this.#db.close(true);
    this.#readerDb.close(true);
  }

  #number(sql: string): number {
    return Number(this.#db.query(sql).values()[0]![0]);
  }
}

function eventText({ seq, topic, eventId, payload, at }: FirstArrival): string {
  const time = new Date(at).toISOString();
  return `{"seq":${seq},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)},"timestamp":"${time}","source":null,"payload":${payload.stored},"received_at":"${time}"}`;
}
