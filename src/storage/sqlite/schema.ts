/**
 * The tables of one node's database file. `bun run migrations` turns a change here into a migration.
 *
 * `checksum` is a CRC-32 over the other columns of its row (`checksums.ts`): SQLite itself cannot tell a flipped bit in a value from the value.
 */

import { blob, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/**
 * Facts about the file: its identity (`database_id`) and fingerprint key, how far topics are indexed, up to which `seq`
 * all ids are forgotten.
 */
export const meta = sqliteTable("meta", {
  key: text("key").primaryKey(),
  value: blob("value", { mode: "buffer" }).notNull(),
  checksum: integer("checksum"),
});

/** Topics are numbered from 1 without gaps, in the order of their first event. */
export const topics = sqliteTable("topics", {
  id: integer("id").primaryKey(),
  name: text("name").notNull().unique(),
  checksum: integer("checksum"),
});

/** Appended at one end and removed by retention: nothing but `seq` is indexed, so an insert only touches the last page. */
export const events = sqliteTable("events", {
  seq: integer("seq").primaryKey(),
  topicId: integer("topic_id").notNull(),
  /** The CloudEvents source, empty for other forms; a part of the dedup key. */
  scope: text("scope").notNull(),
  eventId: text("event_id").notNull(),
  /** As sent; null when the time of receipt stands in for it. */
  timestamp: text("timestamp"),
  source: text("source"),
  payload: text("payload").notNull(),
  /** CloudEvents context attributes and extensions, as a JSON object. */
  attributes: text("attributes"),
  /** Milliseconds since 1970; never less than the row before. */
  receivedAt: integer("received_at").notNull(),
  checksum: integer("checksum"),
});

/**
 * The ids that are remembered, as 128-bit fingerprints, 16 bytes each, in the order of `seq`. A commit writes one row
 * for its new events. Rows cover every `seq` after `meta.forgotten_through` without gaps.
 */
export const fingerprints = sqliteTable("fingerprints", {
  firstSeq: integer("first_seq").primaryKey(),
  /** Sequence numbers that the row covers, remembered or not. */
  count: integer("count").notNull(),
  words: blob("words", { mode: "buffer" }).notNull(),
  /** Which of the covered numbers are remembered, as 32-bit distances from `first_seq`; null for all of them. */
  offsets: blob("offsets", { mode: "buffer" }),
  /** Of the commit, in milliseconds since 1970. */
  receivedAt: integer("received_at").notNull().default(0),
  /** How many of the ids have outlived their event. */
  outlived: integer("outlived").notNull().default(0),
  checksum: integer("checksum"),
});

/** Per topic what was counted, and what retention has removed since: `unique_processed` = rows + `pruned`. */
export const counters = sqliteTable("counters", {
  topicId: integer("topic_id").primaryKey(),
  received: integer("received").notNull(),
  uniqueProcessed: integer("unique_processed").notNull(),
  duplicateDropped: integer("duplicate_dropped").notNull(),
  conflicts: integer("conflicts").notNull(),
  firstAt: integer("first_at").notNull(),
  lastAt: integer("last_at").notNull(),
  /** Events that retention has removed. */
  pruned: integer("pruned").notNull().default(0),
  /** The last `seq` among them: no event of the topic up to it is left. */
  prunedThrough: integer("pruned_through").notNull().default(0),
  /** What the events that are left take, as `storedBytes` counts it. */
  storedBytes: integer("stored_bytes").notNull().default(0),
  checksum: integer("checksum"),
});

/** The latest arrivals whose payload differed from the event stored under their key. */
export const conflicts = sqliteTable("conflicts", {
  id: integer("id").primaryKey(),
  /** The first arrival's. */
  seq: integer("seq").notNull(),
  topicId: integer("topic_id").notNull(),
  scope: text("scope").notNull(),
  eventId: text("event_id").notNull(),
  source: text("source"),
  payload: text("payload").notNull(),
  receivedAt: integer("received_at").notNull(),
  checksum: integer("checksum"),
});

/**
 * Which events of a segment (65,536 consecutive sequence numbers) belong to a topic: their offsets in it, 16 bits
 * each. Written in bulk behind the commits; `meta.indexed_through` says up to which `seq` it is complete.
 */
export const topicSegments = sqliteTable(
  "topic_segments",
  {
    segment: integer("segment").notNull(),
    topicId: integer("topic_id").notNull(),
    offsets: blob("offsets", { mode: "buffer" }).notNull(),
    checksum: integer("checksum"),
  },
  (table) => [primaryKey({ columns: [table.segment, table.topicId] })],
);

/**
 * What was answered to requests that brought a key (Idempotency-Key), the oldest first. The index is on random values;
 * what it takes is bounded, as the answers are.
 */
export const requestKeys = sqliteTable("request_keys", {
  id: integer("id").primaryKey(),
  /** Of whoever sent the request, and the key: 132 bits of a SHA-256. */
  digest: text("digest").notNull().unique(),
  /** Of what the request held. */
  fingerprint: text("fingerprint").notNull(),
  /** Milliseconds since 1970. */
  storedAt: integer("stored_at").notNull(),
  answer: text("answer").notNull(),
  checksum: integer("checksum").notNull(),
});
