/** Rebuilds what the store keeps in memory from what is in the file, and refuses a file that contradicts itself. */

import type { Database } from "bun:sqlite";
import { randomBytes, randomUUID } from "node:crypto";
import { FINGERPRINT_KEY_BYTES, FINGERPRINT_WORDS, Fingerprinter } from "../../events/fingerprint.ts";
import { DamagedError } from "../event-reader.ts";
import type { StoredTopic } from "../event-store.ts";
import { COUNTERS_CHECKSUM, isIntact, metaChecksum, topicChecksum } from "./checksums.ts";
import { readPragma } from "./database.ts";
import { DedupIndex, IndexRebuild } from "./dedup-index.ts";
import { isSound, type StoredEvent } from "./event-json.ts";
import { countIds, FINGERPRINT_COLUMNS, type FingerprintRow, forEachId } from "./remembered-ids.ts";
import { SEGMENT_EVENTS, segmentOf, TopicSegments } from "./topic-segments.ts";

/** A topic with what retention has to know of it. */
export interface RecoveredTopic extends StoredTopic {
  /** Events that retention has removed; none up to `prunedThrough` is left. */
  readonly pruned: number;
  readonly prunedThrough: number;
  /** What the events that are left take. */
  readonly storedBytes: number;
}

export interface Recovered {
  readonly fingerprintKey: Uint8Array;
  /** Tells the file from every other one, also from those that it was restored from. */
  readonly databaseId: string;
  readonly topics: readonly RecoveredTopic[];
  readonly index: DedupIndex;
  readonly segments: TopicSegments;
  readonly nextSeq: number;
  /** No id up to this `seq` is remembered. */
  readonly forgottenThrough: number;
  /** Milliseconds since 1970 of the newest arrival, duplicates included, or 0. */
  readonly lastReceivedAt: number;
}

/** @throws DamagedError where the file contradicts itself. */
export function recover(db: Database): Recovered {
  expectSound(db);
  // Left behind by a process that died while it tried the disk.
  db.run("DELETE FROM meta WHERE key = 'probe'");
  const topics = readTopics(db);
  const newestSeq = topics.reduce((sum, { unique_processed }) => sum + unique_processed, 0);
  const forgottenThrough = readNumber(db, "forgotten_through") ?? 0;
  const index = readIndex(db, forgottenThrough, newestSeq);
  const fingerprintKey = readFingerprintKey(db, newestSeq);
  expectNewestEvent(db, newestSeq, new Fingerprinter(fingerprintKey));
  return {
    fingerprintKey,
    databaseId: readDatabaseId(db),
    topics,
    index,
    segments: readSegments(db),
    nextSeq: newestSeq + 1,
    forgottenThrough,
    lastReceivedAt: topics.reduce((last, { lastAt }) => Math.max(last, lastAt), 0),
  };
}

/** Through these everything else is found. They are small; the rest is checked as it is read. */
const CHECKED_TABLES = ["meta", "topics", "counters", "topic_segments", "request_keys"] as const;

function expectSound(db: Database): void {
  for (const table of CHECKED_TABLES) {
    if (readPragma(db, `integrity_check(${table})`) !== "ok")
      throw new DamagedError(`The table ${table} is not as it should be.`);
  }
}

/**
 * Every unique event took one number, so the newest of those that are left has to be the one that was given last. Its
 * fingerprint is made with this file's key, unless it came in with the log of another database.
 */
function expectNewestEvent(db: Database, newestSeq: number, fingerprinter: Fingerprinter): void {
  const newest = db
    .prepare<StoredEvent, []>(
      `SELECT seq, topic_id AS topicId, scope, event_id AS eventId, timestamp, source, payload, attributes,
              received_at AS receivedAt, checksum FROM events ORDER BY seq DESC LIMIT 1`,
    )
    .get();
  const pruned = db
    .prepare<{ seq: number | null }, []>("SELECT max(pruned_through) AS seq FROM counters")
    .get();
  if (Math.max(newest?.seq ?? 0, pruned?.seq ?? 0) !== newestSeq)
    throw new DamagedError(`The events end at ${newest?.seq ?? 0}, the counters at ${newestSeq}.`);
  // A damaged event proves nothing of the others; it is told of when it is read.
  if (newest === null || !isSound(newest)) return;
  const words = new Uint32Array(FINGERPRINT_WORDS);
  fingerprinter.write(newest.topicId, newest.scope, newest.eventId, words, 0);
  const row = db
    .prepare<FingerprintRow, [number]>(
      `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1`,
    )
    .get(newest.seq);
  let isItsOwn = false;
  if (row !== null)
    forEachId(row, (seq, stored, at) => {
      if (seq === newest.seq) isItsOwn = words.every((word, i) => word === stored[at + i]);
    });
  if (!isItsOwn)
    throw new DamagedError(
      `The fingerprint of event ${newest.seq} is not its own: is the log another database's?`,
    );
}

function readMeta(db: Database, key: string): Uint8Array | string | undefined {
  const row = db
    .prepare<{ value: Uint8Array | string; checksum: number | null }, [string]>(
      "SELECT value, checksum FROM meta WHERE key = ?",
    )
    .get(key);
  if (row === null) return undefined;
  if (!isIntact(row.checksum, metaChecksum(key, row.value)))
    throw new DamagedError(`The ${key.replaceAll("_", " ")} is damaged.`);
  return row.value;
}

/** One flipped bit makes a blob of a text; the checksum over its bytes is right still, and so is what they say. */
function readNumber(db: Database, key: string): number | undefined {
  const value = readMeta(db, key);
  return value === undefined ? undefined : Number(Buffer.from(value as string).toString());
}

/** The secret is made once per file: every fingerprint in the file depends on it. */
function readFingerprintKey(db: Database, newestSeq: number): Uint8Array {
  const stored = readMeta(db, "fingerprint_key");
  if (stored instanceof Uint8Array && stored.length === FINGERPRINT_KEY_BYTES) return stored;
  // With another key no id that is stored would ever be found again.
  if (stored !== undefined || newestSeq > 0)
    throw new DamagedError("The fingerprint key is damaged or missing.");
  const key = new Uint8Array(randomBytes(FINGERPRINT_KEY_BYTES));
  db.prepare("INSERT INTO meta (key, value, checksum) VALUES ('fingerprint_key', ?, ?)").run(
    key,
    metaChecksum("fingerprint_key", key),
  );
  return key;
}

/** Files of before there were such ids get theirs when they are opened. */
function readDatabaseId(db: Database): string {
  const stored = readMeta(db, "database_id");
  if (typeof stored === "string") return stored;
  if (stored !== undefined) throw new DamagedError("The database id is damaged.");
  return renewDatabaseId(db);
}

/** Makes another file of it, as far as those can tell who have read it. */
export function renewDatabaseId(db: Database): string {
  const id = randomUUID();
  db.prepare(
    `INSERT INTO meta (key, value, checksum) VALUES ('database_id', ?1, ?2)
     ON CONFLICT (key) DO UPDATE SET value = ?1, checksum = ?2`,
  ).run(id, metaChecksum("database_id", id));
  return id;
}

function readTopics(db: Database): RecoveredTopic[] {
  const topics = db
    .prepare<RecoveredTopic & { id: number; checksum: number | null; isCounted: number }, []>(
      `SELECT id, name, topics.checksum, received, unique_processed, duplicate_dropped, conflicts,
              first_at AS firstAt, last_at AS lastAt, pruned, pruned_through AS prunedThrough,
              stored_bytes AS storedBytes, counters.checksum = ${COUNTERS_CHECKSUM} AS isCounted
       FROM topics LEFT JOIN counters ON counters.topic_id = topics.id ORDER BY id`,
    )
    .all();
  return topics.map(({ id, checksum, isCounted, ...topic }, i) => {
    if (id !== i + 1) throw new DamagedError("The topics are not complete.");
    const isSum = topic.received === topic.unique_processed + topic.duplicate_dropped;
    if (isCounted !== 1 || !isSum || !isIntact(checksum, topicChecksum(id, topic.name)))
      throw new DamagedError(`The counters of topic ${id} are damaged.`);
    return topic;
  });
}

const BLOBS_PER_READ = 256;

function readIndex(db: Database, forgottenThrough: number, newestSeq: number): DedupIndex {
  // By what is remembered, not by what the numbers span: one old event may be kept while all after it went.
  const index = new DedupIndex(countIds(db));
  const rebuild = new IndexRebuild(index);
  const page = db.prepare<FingerprintRow, [number, number]>(
    `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq > ? ORDER BY first_seq LIMIT ?`,
  );
  let last = forgottenThrough;
  for (let after = 0; ; ) {
    const rows = page.all(after, BLOBS_PER_READ);
    for (const row of rows) {
      if (row.firstSeq !== last + 1)
        throw new DamagedError(`The fingerprints of event ${last + 1} are missing.`);
      forEachId(row, (seq, words, at) => rebuild.add(words[at]!, words[at + 1]!, seq));
      last += row.count;
      after = row.firstSeq;
    }
    if (rows.length < BLOBS_PER_READ) break;
  }
  rebuild.finish();
  if (last !== newestSeq)
    throw new DamagedError(`The fingerprints end at event ${last}, the counters at ${newestSeq}.`);
  return index;
}

function readSegments(db: Database): TopicSegments {
  const indexedThrough = readNumber(db, "indexed_through") ?? -1;
  const segments = new TopicSegments(indexedThrough);
  // Rows of a segment that was being written when the process died: it is written again from its events.
  db.prepare("DELETE FROM topic_segments WHERE segment > ?").run(segmentOf(indexedThrough));
  const page = db.prepare<{ seq: number; topic_id: number }, [number]>(
    `SELECT seq, topic_id FROM events WHERE seq > ? ORDER BY seq LIMIT ${SEGMENT_EVENTS}`,
  );
  for (let after = indexedThrough; ; ) {
    const rows = page.all(after);
    for (const { seq, topic_id } of rows) {
      // Reading on from a number that went back would never end.
      if (seq <= after) throw new DamagedError(`The events after ${after} are out of order.`);
      segments.add(seq, topic_id);
      after = seq;
    }
    if (rows.length === 0) return segments;
  }
}
