/** What a file says of itself beside its events: its topics, their counters, and the facts in `meta`. */

import type { Database } from "bun:sqlite";
import { FINGERPRINT_KEY_BYTES } from "../../../events/fingerprint.ts";
import { COUNTERS_CHECKSUM, metaChecksum, topicChecksum } from "../checksums.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import { reasonOf } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

export interface TopicFacts {
  readonly id: number;
  readonly name: string;
  readonly received: number;
  readonly unique: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly pruned: number;
  readonly prunedThrough: number;
  readonly storedBytes: number;
}

export interface FileFacts {
  /** By topic number. */
  readonly topics: ReadonlyMap<number, TopicFacts>;
  /** Unique events ever, so also the newest sequence number that was given. */
  readonly newestSeq: number;
  readonly prunedThrough: number;
  readonly forgottenThrough: number;
  readonly indexedThrough: number;
  /** Undefined when it is missing or damaged: then ids cannot be told from one another's. */
  readonly fingerprintKey: Uint8Array | undefined;
}

type MetaValue = Uint8Array | string;

export function readFacts(db: Database, tally: ChecksumTally, differences: Differences): FileFacts {
  const meta = readMeta(db, tally, differences);
  const topics = readTopics(db, tally, differences);
  const newestSeq = [...topics.values()].reduce((sum, { unique }) => sum + unique, 0);
  const prunedThrough = [...topics.values()].reduce((last, topic) => Math.max(last, topic.prunedThrough), 0);
  const key = meta.get("fingerprint_key");
  const isKey = key instanceof Uint8Array && key.length === FINGERPRINT_KEY_BYTES;
  if (!isKey && newestSeq > 0) differences.add("file", "Its fingerprint key is missing or damaged.");
  const noted = Number(meta.get("pruned_through") ?? 0);
  if (noted !== prunedThrough)
    differences.add("file", `It is noted as pruned through ${noted}, its topics through ${prunedThrough}.`);
  const facts = {
    topics,
    newestSeq,
    prunedThrough,
    forgottenThrough: Number(meta.get("forgotten_through") ?? 0),
    indexedThrough: Number(meta.get("indexed_through") ?? -1),
    fingerprintKey: isKey ? key : undefined,
  };
  expectWithin(differences, "forgotten_through", facts.forgottenThrough, newestSeq);
  expectWithin(differences, "indexed_through", facts.indexedThrough, newestSeq);
  return facts;
}

function expectWithin(differences: Differences, name: string, value: number, newestSeq: number): void {
  if (Number.isSafeInteger(value) && value >= -1 && value <= newestSeq) return;
  differences.add("file", `Its ${name} is ${value}, its newest event ${newestSeq}.`);
}

function readMeta(db: Database, tally: ChecksumTally, differences: Differences): Map<string, MetaValue> {
  const values = new Map<string, MetaValue>();
  try {
    const rows = db
      .prepare<{ key: string; value: MetaValue; checksum: number | null }, []>(
        "SELECT key, value, checksum FROM meta",
      )
      .all();
    for (const { key, value, checksum } of rows) {
      tally.see(checksum, metaChecksum(key, value), () => `The fact \`${key}\``);
      if ((typeof value === "string") !== (key !== "fingerprint_key"))
        differences.add("file", `The fact \`${key}\` is not of its type.`);
      values.set(key, value);
    }
  } catch (error) {
    differences.add("file", `Its facts cannot be read (${reasonOf(error)}).`);
  }
  return values;
}

type TopicRow = Omit<TopicFacts, "received"> & {
  readonly received: number | null;
  readonly checksum: number | null;
  readonly countersChecksum: number | null;
  readonly countersSum: number;
};

function readTopics(
  db: Database,
  tally: ChecksumTally,
  differences: Differences,
): ReadonlyMap<number, TopicFacts> {
  const topics = new Map<number, TopicFacts>();
  try {
    const rows = db
      .prepare<TopicRow, []>(
        `SELECT id, name, topics.checksum, received, unique_processed AS "unique", duplicate_dropped AS duplicates,
           conflicts, first_at AS firstAt, last_at AS lastAt, pruned, pruned_through AS prunedThrough,
           stored_bytes AS storedBytes, counters.checksum AS countersChecksum, ${COUNTERS_CHECKSUM} AS countersSum
         FROM topics LEFT JOIN counters ON counters.topic_id = topics.id ORDER BY id`,
      )
      .all();
    for (const [i, { checksum, countersChecksum, countersSum, received, ...topic }] of rows.entries()) {
      if (topic.id !== i + 1)
        differences.add("file", `Its topics are not numbered without gaps: ${topic.id} is the ${i + 1}th.`);
      tally.see(checksum, topicChecksum(topic.id, topic.name), () => `The name of topic ${topic.id}`);
      if (received === null) differences.add("counters", `Topic ${topic.id} has no counters.`);
      else {
        tally.see(countersChecksum, countersSum, () => `The counters of topic ${topic.id}`);
        topics.set(topic.id, { ...topic, received });
      }
    }
    const strays = db
      .prepare<{ id: number }, []>(
        "SELECT topic_id AS id FROM counters WHERE topic_id NOT IN (SELECT id FROM topics)",
      )
      .all();
    for (const { id } of strays) differences.add("counters", `Counters of topic ${id} have no topic.`);
  } catch (error) {
    differences.add("counters", `Topics and counters cannot be read (${reasonOf(error)}).`);
  }
  return topics;
}
