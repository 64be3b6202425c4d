/** The tables of one node's database file. `bun run migrations` turns a change here into a migration. */

import { blob, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Facts about the file: its fingerprint key, how far topics are indexed. */
export const meta = sqliteTable("meta", {
  key: text("key").primaryKey(),
  value: blob("value", { mode: "buffer" }).notNull(),
});

/** Topics are numbered from 1 without gaps, in the order of their first event. */
export const topics = sqliteTable("topics", {
  id: integer("id").primaryKey(),
  name: text("name").notNull().unique(),
});

/** Append-only: nothing but `seq` is indexed, so an insert only ever touches the last page. */
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
});

/** The 128-bit fingerprints of one commit's new events, in the order of `seq`: 16 bytes an event. */
export const fingerprints = sqliteTable("fingerprints", {
  firstSeq: integer("first_seq").primaryKey(),
  count: integer("count").notNull(),
  words: blob("words", { mode: "buffer" }).notNull(),
});

export const counters = sqliteTable("counters", {
  topicId: integer("topic_id").primaryKey(),
  received: integer("received").notNull(),
  uniqueProcessed: integer("unique_processed").notNull(),
  duplicateDropped: integer("duplicate_dropped").notNull(),
  conflicts: integer("conflicts").notNull(),
  firstAt: integer("first_at").notNull(),
  lastAt: integer("last_at").notNull(),
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
  },
  (table) => [primaryKey({ columns: [table.segment, table.topicId] })],
);
