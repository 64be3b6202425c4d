/** The statements of one commit. Prepared once, run on the one connection that writes. */

import type { Database, Statement } from "bun:sqlite";
import type { EventRecord } from "../../events/event.ts";
import { INCREMENT_COLUMNS, type Increments, StoreError } from "../event-store.ts";
import type { SegmentStep } from "./topic-segments.ts";

/** Conflicts that are kept; older ones go. */
export const CONFLICTS_MAX = 1_000;

/** Positions in `events` and `topicIds` stand for events: a commit makes no object per event. */
export interface Commit {
  readonly events: readonly EventRecord[];
  readonly topicIds: Int32Array;
  /** Positions of the new events; they take consecutive sequence numbers from `firstSeq`. */
  readonly fresh: readonly number[];
  readonly firstSeq: number;
  /** 16 bytes for each of the new events. */
  readonly fingerprints: Uint8Array;
  /** Positions of the arrivals in conflict, and the sequence numbers of their first arrivals. */
  readonly conflicts: readonly { readonly at: number; readonly seq: number }[];
  readonly increments: Increments;
  /** The number that the first of the new topics takes. */
  readonly firstNewTopicId: number;
  readonly segmentStep: SegmentStep | undefined;
}

export class CommitWriter {
  readonly #db: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #insertTopic: Statement;
  readonly #insertEvent: Statement;
  readonly #insertPlainEvent: Statement;
  readonly #insertFingerprints: Statement;
  readonly #addCounters: Statement;
  readonly #insertConflict: Statement;
  readonly #trimConflicts: Statement;
  readonly #insertSegment: Statement;
  readonly #setIndexedThrough: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
    this.#insertTopic = db.prepare("INSERT INTO topics (id, name) VALUES (?, ?)");
    this.#insertEvent = db.prepare(
      `INSERT INTO events (seq, topic_id, scope, event_id, timestamp, source, payload, attributes, received_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertPlainEvent = db.prepare(
      `INSERT INTO events (seq, topic_id, scope, event_id, timestamp, source, payload, received_at)
       VALUES (?, ?, '', ?, ?, ?, ?, ?)`,
    );
    this.#insertFingerprints = db.prepare(
      "INSERT INTO fingerprints (first_seq, count, words) VALUES (?, ?, ?)",
    );
    this.#addCounters = db.prepare(
      `INSERT INTO counters (topic_id, received, unique_processed, duplicate_dropped, conflicts, first_at, last_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
       ON CONFLICT (topic_id) DO UPDATE SET
         received = received + ?2, unique_processed = unique_processed + ?3,
         duplicate_dropped = duplicate_dropped + ?4, conflicts = conflicts + ?5, last_at = ?6`,
    );
    this.#insertConflict = db.prepare(
      `INSERT INTO conflicts (seq, topic_id, scope, event_id, source, payload, received_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trimConflicts = db.prepare(
      `DELETE FROM conflicts WHERE id <= (SELECT max(id) FROM conflicts) - ${CONFLICTS_MAX}`,
    );
    this.#insertSegment = db.prepare(
      "INSERT INTO topic_segments (segment, topic_id, offsets) VALUES (?, ?, ?)",
    );
    this.#setIndexedThrough = db.prepare(
      "INSERT INTO meta (key, value) VALUES ('indexed_through', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
    );
  }

  /** Writes and syncs one transaction. @throws StoreError saying whether it may have been stored. */
  write(commit: Commit): void {
    try {
      this.#begin.run();
      this.#writeRows(commit);
    } catch (error) {
      throw this.#undo("The commit was rolled back.", error);
    }
    try {
      this.#commit.run();
    } catch (error) {
      // A full disk stops the log before the frame that makes a commit valid; any other failure may come after it.
      if (isDiskFull(error)) throw this.#undo("The disk is full.", error);
      throw new StoreError("unknown", "The commit failed while it was being synced.", error);
    }
  }

  #writeRows(commit: Commit): void {
    const { fresh, firstSeq, fingerprints, increments, firstNewTopicId, segmentStep } = commit;
    const { newTopics, rows, at } = increments;
    for (let i = 0; i < newTopics.length; i++) this.#insertTopic.run(firstNewTopicId + i, newTopics[i]!);
    this.#insertEvents(commit);
    if (fresh.length > 0) this.#insertFingerprints.run(firstSeq, fresh.length, fingerprints);
    for (let i = 0; i < rows.length; i += INCREMENT_COLUMNS) {
      this.#addCounters.run(rows[i]!, rows[i + 1]!, rows[i + 2]!, rows[i + 3]!, rows[i + 4]!, at);
    }
    this.#insertConflicts(commit);
    if (segmentStep !== undefined) this.#insertSegments(segmentStep);
  }

  #insertEvents({ events, topicIds, fresh, firstSeq, increments }: Commit): void {
    const { at } = increments;
    for (let i = 0; i < fresh.length; i++) {
      const position = fresh[i]!;
      const { scope, eventId, timestamp, source, payload, attributes } = events[position]!;
      const [seq, topicId] = [firstSeq + i, topicIds[position]!];
      if (scope === "" && attributes === null) {
        this.#insertPlainEvent.run(seq, topicId, eventId, timestamp, source, payload, at);
      } else {
        this.#insertEvent.run(seq, topicId, scope, eventId, timestamp, source, payload, attributes, at);
      }
    }
  }

  #insertConflicts({ events, topicIds, conflicts, increments }: Commit): void {
    if (conflicts.length === 0) return;
    for (const { at, seq } of conflicts.slice(-CONFLICTS_MAX)) {
      const { scope, eventId, source, payload } = events[at]!;
      this.#insertConflict.run(seq, topicIds[at]!, scope, eventId, source, payload, increments.at);
    }
    this.#trimConflicts.run();
  }

  #insertSegments({ rows, indexedThrough }: SegmentStep): void {
    for (const { segment, topicId, offsets } of rows) this.#insertSegment.run(segment, topicId, offsets);
    if (indexedThrough !== undefined) this.#setIndexedThrough.run(String(indexedThrough));
  }

  /** Rolls back. Only if that works is it certain that nothing was stored. */
  #undo(message: string, cause: unknown): StoreError {
    try {
      if (this.#db.inTransaction) this.#rollback.run();
      return new StoreError("refused", message, cause);
    } catch {
      return new StoreError("unknown", "The commit could not be rolled back.", cause);
    }
  }
}

function isDiskFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === "SQLITE_FULL";
}
