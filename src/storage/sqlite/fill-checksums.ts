/** Gives the rows of a file from before there were checksums theirs, once, when it is brought to the present schema. */

import type { Database } from "bun:sqlite";
import { DamagedError } from "../event-reader.ts";
import { checkpoint } from "./checkpointer.ts";
import {
  eventChecksum,
  fingerprintsChecksum,
  metaChecksum,
  segmentChecksum,
  topicChecksum,
} from "./checksums.ts";
import type { StoredEvent } from "./event-json.ts";
import { FINGERPRINT_COLUMNS, type FingerprintRow } from "./remembered-ids.ts";

/** Stands in `meta` once every row has its checksum. */
const DONE_KEY = "checksums";
const DONE_VALUE = "all";

/** Rows written in one transaction. */
const ROWS_PER_STEP = 2_000;

/** Steps after which the log is copied back: it would grow to the size of the file. */
const STEPS_PER_CHECKPOINT = 20;

/** A death in between is no harm: the next start goes through it again. */
export function fillChecksums(db: Database): void {
  const isDone = db.prepare("SELECT 1 FROM meta WHERE key = ?").get(DONE_KEY) !== null;
  if (isDone) return;
  fillEvents(db, "events", "seq");
  fillEvents(db, "conflicts", "id");
  fillFingerprints(db);
  fillSegments(db);
  db.transaction(() => {
    fillTopics(db);
    fillMeta(db);
    db.prepare("INSERT INTO meta (key, value, checksum) VALUES (?, ?, ?)").run(
      DONE_KEY,
      DONE_VALUE,
      metaChecksum(DONE_KEY, DONE_VALUE),
    );
  })();
}

function fillEvents(db: Database, table: "events" | "conflicts", key: "seq" | "id"): void {
  const absent = table === "conflicts" ? "NULL AS timestamp, NULL AS attributes" : "timestamp, attributes";
  const page = db.prepare<StoredEvent & { key: number }, [number, number]>(
    `SELECT ${key} AS key, seq, topic_id AS topicId, scope, event_id AS eventId, source, payload, ${absent},
            received_at AS receivedAt FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ?`,
  );
  const update = db.prepare(`UPDATE ${table} SET checksum = ? WHERE ${key} = ?`);
  inSteps(
    db,
    (after) => page.all(after, ROWS_PER_STEP),
    (row) => update.run(eventChecksum(row, row.seq, row.topicId, row.receivedAt), row.key),
  );
}

function fillFingerprints(db: Database): void {
  const page = db.prepare<FingerprintRow & { key: number }, [number]>(
    `SELECT first_seq AS key, ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq > ? ORDER BY first_seq LIMIT 256`,
  );
  const update = db.prepare("UPDATE fingerprints SET checksum = ? WHERE first_seq = ?");
  inSteps(
    db,
    (after) => page.all(after),
    (row) => update.run(fingerprintsChecksum(row), row.key),
  );
}

function fillSegments(db: Database): void {
  type Row = { key: number; segment: number; topicId: number; offsets: Uint8Array };
  const page = db.prepare<Row, [number, number]>(
    `SELECT rowid AS key, segment, topic_id AS topicId, offsets FROM topic_segments
     WHERE rowid > ? ORDER BY rowid LIMIT ?`,
  );
  const update = db.prepare("UPDATE topic_segments SET checksum = ? WHERE rowid = ?");
  inSteps(
    db,
    (after) => page.all(after, ROWS_PER_STEP),
    ({ key, segment, topicId, offsets }) => update.run(segmentChecksum(segment, topicId, offsets), key),
  );
}

function fillTopics(db: Database): void {
  const update = db.prepare("UPDATE topics SET checksum = ? WHERE id = ?");
  const topics = db.prepare<{ id: number; name: string }, []>("SELECT id, name FROM topics").all();
  for (const { id, name } of topics) update.run(topicChecksum(id, name), id);
}

function fillMeta(db: Database): void {
  const update = db.prepare("UPDATE meta SET checksum = ? WHERE key = ?");
  const facts = db
    .prepare<{ key: string; value: string | Uint8Array }, []>("SELECT key, value FROM meta")
    .all();
  for (const { key, value } of facts) update.run(metaChecksum(key, value), key);
}

function inSteps<Row extends { readonly key: number }>(
  db: Database,
  pageAfter: (key: number) => Row[],
  write: (row: Row) => void,
): void {
  let after = 0;
  for (let step = 1; ; step++) {
    const rows = pageAfter(after);
    if (rows.length === 0) return;
    db.transaction(() => {
      for (const row of rows) write(row);
    })();
    const last = rows.at(-1)!.key;
    // Going on from a key that went back would never end.
    if (last <= after) throw new DamagedError(`The rows after number ${after} are out of order.`);
    after = last;
    if (step % STEPS_PER_CHECKPOINT === 0) checkpoint(db, "PASSIVE");
  }
}
