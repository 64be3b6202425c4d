/** The statements of one commit. Prepared once, run on the one connection that writes. */

import type { Database, Statement } from "bun:sqlite";
import type { EventRecord } from "../../events/event.ts";
import { INCREMENT_COLUMNS, type Increments } from "../event-store.ts";
import type { AnswerStep, AnswerTable } from "./answer-table.ts";
import {
  eventChecksum,
  fingerprintsChecksum,
  metaChecksum,
  segmentChecksum,
  topicChecksum,
} from "./checksums.ts";
import type { SegmentStep } from "./topic-segments.ts";
import { Transaction } from "./transaction.ts";

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
  /** What the new events of each row of `increments` take, as `storedBytes` counts it. */
  readonly storedBytes: Float64Array;
  /** The number that the first of the new topics takes. */
  readonly firstNewTopicId: number;
  readonly segmentStep: SegmentStep | undefined;
  /** Undefined where no request of the commit brought a key. */
  readonly answers: AnswerStep | undefined;
}

export class CommitWriter {
  readonly #transaction: Transaction;
  readonly #answers: AnswerTable;
  readonly #insertTopic: Statement;
  readonly #insertEvent: Statement;
  readonly #insertPlainEvent: Statement;
  readonly #insertFingerprints: Statement;
  readonly #addCounters: Statement;
  readonly #insertConflict: Statement;
  readonly #trimConflicts: Statement;
  readonly #insertSegment: Statement;
  readonly #setIndexedThrough: Statement;

  constructor(db: Database, answers: AnswerTable) {
    this.#transaction = new Transaction(db);
    this.#answers = answers;
    this.#insertTopic = db.prepare("INSERT INTO topics (id, name, checksum) VALUES (?, ?, ?)");
    this.#insertEvent = db.prepare(
      `INSERT INTO events (seq, topic_id, scope, event_id, timestamp, source, payload, attributes, received_at, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertPlainEvent = db.prepare(
      `INSERT INTO events (seq, topic_id, scope, event_id, timestamp, source, payload, received_at, checksum)
       VALUES (?, ?, '', ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertFingerprints = db.prepare(
      "INSERT INTO fingerprints (first_seq, count, words, received_at, checksum) VALUES (?, ?, ?, ?, ?)",
    );
    this.#addCounters = db.prepare(
      `INSERT INTO counters (topic_id, received, unique_processed, duplicate_dropped, conflicts, first_at, last_at,
         stored_bytes, checksum)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8 + ?1 * 31 + ?6 * (53 + 59))
       ON CONFLICT (topic_id) DO UPDATE SET
         received = received + ?2, unique_processed = unique_processed + ?3,
         duplicate_dropped = duplicate_dropped + ?4, conflicts = conflicts + ?5, last_at = ?6,
         stored_bytes = stored_bytes + ?7, checksum = checksum + ?8 + (?6 - last_at) * 59`,
    );
    this.#insertConflict = db.prepare(
      `INSERT INTO conflicts (seq, topic_id, scope, event_id, source, payload, received_at, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trimConflicts = db.prepare(
      `DELETE FROM conflicts WHERE id <= (SELECT max(id) FROM conflicts) - ${CONFLICTS_MAX}`,
    );
    this.#insertSegment = db.prepare(
      "INSERT INTO topic_segments (segment, topic_id, offsets, checksum) VALUES (?, ?, ?, ?)",
    );
    this.#setIndexedThrough = db.prepare(
      `INSERT INTO meta (key, value, checksum) VALUES ('indexed_through', ?1, ?2)
       ON CONFLICT (key) DO UPDATE SET value = ?1, checksum = ?2`,
    );
  }

  /** Writes and syncs one transaction. @throws StoreError saying whether it may have been stored. */
  write(commit: Commit): void {
    this.#transaction.run(() => this.#writeRows(commit));
  }

  #writeRows(commit: Commit): void {
    const { firstNewTopicId, segmentStep, answers } = commit;
    const { newTopics } = commit.increments;
    for (let i = 0; i < newTopics.length; i++) {
      const [id, name] = [firstNewTopicId + i, newTopics[i]!];
      this.#insertTopic.run(id, name, topicChecksum(id, name));
    }
    this.#insertEvents(commit);
    this.#insertIds(commit);
    this.#count(commit);
    this.#insertConflicts(commit);
    if (segmentStep !== undefined) this.#insertSegments(segmentStep);
    if (answers !== undefined) this.#answers.write(answers);
  }

  #insertIds({ fresh, firstSeq, fingerprints: words, increments }: Commit): void {
    if (fresh.length === 0) return;
    const row = {
      firstSeq,
      count: fresh.length,
      words,
      offsets: null,
      receivedAt: increments.at,
      outlived: 0,
    };
    this.#insertFingerprints.run(firstSeq, row.count, words, row.receivedAt, fingerprintsChecksum(row));
  }

  #count({ increments: { rows, at }, storedBytes }: Commit): void {
    for (let i = 0, row = 0; i < rows.length; i += INCREMENT_COLUMNS, row++) {
      const [topicId, received, unique] = [rows[i]!, rows[i + 1]!, rows[i + 2]!];
      const [duplicates, conflicts, bytes] = [rows[i + 3]!, rows[i + 4]!, storedBytes[row]!];
      const sum = received * 37 + unique * 41 + duplicates * 43 + conflicts * 47 + bytes * 71;
      this.#addCounters.run(topicId, received, unique, duplicates, conflicts, at, bytes, sum);
    }
  }

  #insertEvents({ events, topicIds, fresh, firstSeq, increments }: Commit): void {
    const { at } = increments;
    for (let i = 0; i < fresh.length; i++) {
      const position = fresh[i]!;
      const event = events[position]!;
      const { scope, eventId, timestamp, source, payload, attributes } = event;
      const seq = firstSeq + i;
      const topicId = topicIds[position]!;
      const sum = eventChecksum(event, seq, topicId, at);
      if (scope === "" && attributes === null) {
        this.#insertPlainEvent.run(seq, topicId, eventId, timestamp, source, payload, at, sum);
      } else {
        this.#insertEvent.run(seq, topicId, scope, eventId, timestamp, source, payload, attributes, at, sum);
      }
    }
  }

  #insertConflicts({ events, topicIds, conflicts, increments }: Commit): void {
    if (conflicts.length === 0) return;
    for (const { at, seq } of conflicts.slice(-CONFLICTS_MAX)) {
      const { scope, eventId, source, payload } = events[at]!;
      const topicId = topicIds[at]!;
      const stored = { scope, eventId, source, payload, timestamp: null, attributes: null };
      const sum = eventChecksum(stored, seq, topicId, increments.at);
      this.#insertConflict.run(seq, topicId, scope, eventId, source, payload, increments.at, sum);
    }
    this.#trimConflicts.run();
  }

  #insertSegments({ rows, indexedThrough }: SegmentStep): void {
    for (const { segment, topicId, offsets } of rows)
      this.#insertSegment.run(segment, topicId, offsets, segmentChecksum(segment, topicId, offsets));
    if (indexedThrough === undefined) return;
    const through = String(indexedThrough);
    this.#setIndexedThrough.run(through, metaChecksum("indexed_through", through));
  }
}
