/** Rebuilds what the store keeps in memory from what is in the file, and refuses a file that contradicts itself. */

import type { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { FINGERPRINT_KEY_BYTES, FINGERPRINT_WORDS } from "../../events/fingerprint.ts";
import type { StoredTopic } from "../event-store.ts";
import { DatabaseUnusableError } from "./database.ts";
import { DedupIndex } from "./dedup-index.ts";
import { SEGMENT_EVENTS, segmentOf, TopicSegments } from "./topic-segments.ts";

export interface Recovered {
  readonly fingerprintKey: Uint8Array;
  readonly topics: readonly StoredTopic[];
  readonly index: DedupIndex;
  readonly segments: TopicSegments;
  readonly nextSeq: number;
  /** Milliseconds since 1970 of the newest arrival, duplicates included, or 0. */
  readonly lastReceivedAt: number;
}

export function recover(db: Database): Recovered {
  const newest = db
    .prepare<{ seq: number; received_at: number }, []>(
      "SELECT seq, received_at FROM events ORDER BY seq DESC LIMIT 1",
    )
    .get();
  const index = readIndex(db, newest?.seq ?? 0);
  const topics = readTopics(db);
  return {
    fingerprintKey: readFingerprintKey(db),
    topics,
    index,
    segments: readSegments(db),
    nextSeq: (newest?.seq ?? 0) + 1,
    lastReceivedAt: topics.reduce((last, { lastAt }) => Math.max(last, lastAt), newest?.received_at ?? 0),
  };
}

function readMeta(db: Database, key: string): Uint8Array | string | undefined {
  return db.prepare<{ value: Uint8Array | string }, [string]>("SELECT value FROM meta WHERE key = ?").get(key)
    ?.value;
}

/** The secret is made once per file: every fingerprint in the file depends on it. */
function readFingerprintKey(db: Database): Uint8Array {
  const stored = readMeta(db, "fingerprint_key");
  if (stored instanceof Uint8Array && stored.length === FINGERPRINT_KEY_BYTES) return stored;
  if (stored !== undefined) throw new DatabaseUnusableError("The file's fingerprint key is damaged.");
  const key = new Uint8Array(randomBytes(FINGERPRINT_KEY_BYTES));
  db.prepare("INSERT INTO meta (key, value) VALUES ('fingerprint_key', ?)").run(key);
  return key;
}

function readTopics(db: Database): StoredTopic[] {
  const topics = db
    .prepare<StoredTopic & { id: number }, []>(
      `SELECT id, name, coalesce(received, 0) AS received, coalesce(unique_processed, 0) AS unique_processed,
              coalesce(duplicate_dropped, 0) AS duplicate_dropped, coalesce(conflicts, 0) AS conflicts,
              coalesce(first_at, 0) AS firstAt, coalesce(last_at, 0) AS lastAt
       FROM topics LEFT JOIN counters ON counters.topic_id = topics.id ORDER BY id`,
    )
    .all();
  if (topics.some(({ id }, i) => id !== i + 1))
    throw new DatabaseUnusableError("The file's topics are not complete.");
  return topics;
}

const BLOBS_PER_READ = 1_024;

function readIndex(db: Database, newestSeq: number): DedupIndex {
  const index = new DedupIndex(newestSeq);
  const page = db.prepare<{ first_seq: number; count: number; words: Uint8Array }, [number, number]>(
    "SELECT first_seq, count, words FROM fingerprints WHERE first_seq > ? ORDER BY first_seq LIMIT ?",
  );
  let last = 0;
  for (let after = 0; ; ) {
    const blobs = page.all(after, BLOBS_PER_READ);
    for (const { first_seq, count, words: bytes } of blobs) {
      if (bytes.length !== count * FINGERPRINT_WORDS * 4)
        throw new DatabaseUnusableError("The file's fingerprints are damaged.");
      if (first_seq !== last + 1)
        throw new DatabaseUnusableError(`The file's fingerprints of event ${last + 1} are missing.`);
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, count * FINGERPRINT_WORDS);
      for (let i = 0; i < count; i++) {
        index.insert(words[i * FINGERPRINT_WORDS]!, words[i * FINGERPRINT_WORDS + 1]!, first_seq + i);
      }
      last = first_seq + count - 1;
      after = first_seq;
    }
    if (blobs.length < BLOBS_PER_READ) break;
  }
  if (last !== newestSeq) {
    throw new DatabaseUnusableError(
      `The file's fingerprints end at event ${last}, its events at ${newestSeq}.`,
    );
  }
  return index;
}

function readSegments(db: Database): TopicSegments {
  const indexedThrough = Number(readMeta(db, "indexed_through") ?? -1);
  const segments = new TopicSegments(indexedThrough);
  // Rows of a segment that was being written when the process died: it is written again from its events.
  db.prepare("DELETE FROM topic_segments WHERE segment > ?").run(segmentOf(indexedThrough));
  const page = db.prepare<{ seq: number; topic_id: number }, [number]>(
    `SELECT seq, topic_id FROM events WHERE seq > ? ORDER BY seq LIMIT ${SEGMENT_EVENTS}`,
  );
  for (let after = indexedThrough; ; ) {
    const rows = page.all(after);
    for (const { seq, topic_id } of rows) segments.add(seq, topic_id);
    if (rows.length === 0) return segments;
    after = rows.at(-1)!.seq;
  }
}
