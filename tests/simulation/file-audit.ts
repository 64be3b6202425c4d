/** Reads the database file on a connection of its own and holds it against the model. */

import type { Database } from "bun:sqlite";
import { CONFLICTS_MAX } from "../../src/storage/sqlite/commit-writer.ts";
import { openForReading } from "../../src/storage/sqlite/database.ts";
import type { Arrival, Model } from "./model.ts";
import { RetentionAudit } from "./retention-audit.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

interface EventRow {
  readonly seq: number;
  readonly topic: string | null;
  readonly scope: string;
  readonly event_id: string;
  readonly timestamp: string | null;
  readonly source: string | null;
  readonly payload: string;
  readonly received_at: number;
}

const ROW_COLUMNS = "seq, name AS topic, scope, event_id, source, payload, received_at";

/** Comparisons of what is new, between two of everything. */
const EVERYTHING_EVERY = 40;

export class FileAudit {
  readonly #db: Database;
  readonly retention: RetentionAudit;
  /** Rows up to here have been compared; they never change. */
  #audited = 0;
  #auditedConflicts = 0;
  #lastConflictId = 0;
  #comparisons = 0;

  constructor(path: string) {
    this.#db = openForReading(path);
    this.retention = new RetentionAudit(this.#db);
  }

  /** What the counters in the file say was received. */
  get received(): number {
    return this.#number("SELECT coalesce(sum(received), 0) FROM counters");
  }

  /** Everything, from the first row on. */
  compareAll(model: Model): void {
    this.#audited = model.baseSeq;
    this.#auditedConflicts = 0;
    this.#lastConflictId = 0;
    this.#comparisons = 0;
    const conflicts = this.#number("SELECT count(*) FROM conflicts");
    const kept = Math.min(model.conflicts.length, CONFLICTS_MAX);
    guaranteeSame("conflicts in the file are those of the commits", conflicts, kept, "conflicts in the file");
    this.#compareCounters(model);
    this.#compareConflicts(model);
    this.#compareRows(model);
    const rows = this.#number("SELECT count(*) FROM events");
    guaranteeSame("there is one row for each key", rows, model.events.length, "events in the file");
    const distinct =
      "SELECT count(*) FROM (SELECT DISTINCT topic_id, scope, event_id FROM events WHERE seq > ?)";
    const keys = this.#number(distinct, model.baseSeq);
    const expected = after(model.events, model.baseSeq).length;
    guaranteeSame("there is one row for each key", keys, expected, "keys in the file");
    const fingerprints = this.#number(
      "SELECT coalesce(sum(coalesce(octet_length(offsets) / 4, count)), 0) FROM fingerprints",
    );
    guaranteeSame("fingerprints equal rows", fingerprints, model.remembered.size, "fingerprints in the file");
    this.#compareCounts(model);
    const answers = this.#number("SELECT count(*) FROM request_keys");
    guaranteeSame(
      "answers in the file are those of the commits",
      answers,
      model.answers.size,
      "answers kept",
    );
  }

  /** Rows that are new since the last comparison, and all counters; now and then everything. */
  compare(model: Model): void {
    if (++this.#comparisons >= EVERYTHING_EVERY) {
      this.compareAll(model);
      return;
    }
    this.#compareCounters(model);
    this.#compareConflicts(model);
    this.#compareFingerprints(model);
    this.#compareRows(model);
  }

  #compareRows({ events, newestSeq }: Model): void {
    const expected = after(events, this.#audited);
    const rows = this.#db
      .query<EventRow, [number]>(
        `SELECT timestamp, ${ROW_COLUMNS} FROM events LEFT JOIN topics ON topics.id = topic_id
         WHERE seq > ? ORDER BY seq`,
      )
      .all(this.#audited);
    guaranteeSame("there is one row for each key", rows.length, expected.length, "new events in the file");
    for (const [i, row] of rows.entries()) compareRow(row, expected[i]!);
    this.#audited = newestSeq;
  }

  #compareFingerprints({ events }: Model): void {
    const sum = this.#db
      .query<{ n: number }, [number]>(
        "SELECT coalesce(sum(count), 0) AS n FROM fingerprints WHERE first_seq > ?",
      )
      .get(this.#audited)!.n;
    const expected = after(events, this.#audited).length;
    guaranteeSame("fingerprints equal rows", sum, expected, "new fingerprints in the file");
  }

  #compareCounters({ topics }: Model): void {
    const stored = this.#db
      .query<{ name: string }, []>(
        `SELECT name, received, unique_processed, duplicate_dropped, conflicts FROM topics
         LEFT JOIN counters ON topic_id = topics.id ORDER BY topics.id`,
      )
      .all();
    const expected = [...topics].map(([name, counters]) => ({ name, ...counters }));
    guaranteeSame("counters in the file are those of the commits", stored, expected, "counters in the file");
  }

  /** The rows of each topic and what is said to have been removed of it make its counter. */
  #compareCounts(model: Model): void {
    const rows = this.#db
      .query<{ name: string; n: number }, []>(
        `SELECT name, (SELECT count(*) FROM events WHERE topic_id = topics.id) AS n FROM topics ORDER BY topics.id`,
      )
      .all();
    const expected = [...model.topics].map(([name, { unique_processed }]) => ({
      name,
      n: unique_processed - model.prunedOf(name).length,
    }));
    guaranteeSame("counters equal rows", rows, expected, "rows of each topic");
  }

  /** In the order in which they came, the latest thousand. */
  #compareConflicts({ conflicts }: Model): void {
    if (conflicts.length === this.#auditedConflicts) return;
    const rows = this.#db
      .query<Omit<EventRow, "timestamp"> & { id: number }, [number]>(
        `SELECT conflicts.id, ${ROW_COLUMNS} FROM conflicts LEFT JOIN topics ON topics.id = topic_id
         WHERE conflicts.id > ? ORDER BY conflicts.id`,
      )
      .all(this.#lastConflictId);
    const kept = conflicts.slice(Math.max(this.#auditedConflicts, conflicts.length - CONFLICTS_MAX));
    this.#lastConflictId = rows.at(-1)?.id ?? this.#lastConflictId;
    const stored = rows.map(({ id: _, ...row }) => row);
    const what = "conflicts in the file";
    guaranteeSame("conflicts in the file are those of the commits", stored, kept.map(rowOf), what);
    this.#auditedConflicts = conflicts.length;
  }

  close(): void {
    this.#db.close(true);
  }

  #number(sql: string, ...values: number[]): number {
    return Number(this.#db.query(sql).values(...values)[0]![0]);
  }
}

/** The events after a sequence number; the list is in its order, and what is new is little. */
function after(events: readonly Arrival[], seq: number): readonly Arrival[] {
  let from = events.length;
  while (from > 0 && events[from - 1]!.seq > seq) from--;
  return from === 0 ? events : events.slice(from);
}

function rowOf({ seq, topic, scope, eventId, source, payload, at }: Arrival): Omit<EventRow, "timestamp"> {
  return { seq, topic, scope, event_id: eventId, source, payload: payload.stored, received_at: at };
}

function compareRow(row: EventRow, expected: Arrival): void {
  guarantee(
    "stored rows are the first arrivals, in order",
    row.seq === expected.seq &&
      row.topic === expected.topic &&
      row.scope === expected.scope &&
      row.event_id === expected.eventId &&
      row.timestamp === expected.timestamp &&
      row.source === expected.source &&
      row.payload === expected.payload.stored &&
      row.received_at === expected.at,
    () => `expected ${JSON.stringify(expected)}, got ${JSON.stringify(row)}`,
  );
}
