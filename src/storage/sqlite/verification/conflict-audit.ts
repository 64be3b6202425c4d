/** Whether the conflicts that are kept are of events and topics that there are. */

import type { Database } from "bun:sqlite";
import { eventChecksum, isAllText } from "../checksums.ts";
import { CONFLICTS_MAX } from "../commit-writer.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import type { FileFacts } from "./file-facts.ts";
import { readableRows } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

interface ConflictRow {
  readonly id: number;
  readonly seq: number;
  readonly topicId: number;
  readonly scope: string;
  readonly eventId: string;
  readonly source: string | null;
  readonly payload: string;
  readonly receivedAt: number;
  readonly checksum: number | null;
  /** Of the first arrival, null where that is not stored any more. */
  readonly isSameKey: number | null;
}

const SQL = `SELECT conflicts.id, conflicts.seq, conflicts.topic_id AS topicId, conflicts.scope,
    conflicts.event_id AS eventId, conflicts.source, conflicts.payload, conflicts.received_at AS receivedAt,
    conflicts.checksum, conflicts.topic_id = events.topic_id AND conflicts.scope = events.scope
      AND conflicts.event_id = events.event_id AS isSameKey
  FROM conflicts LEFT JOIN events ON events.seq = conflicts.seq WHERE conflicts.id > ? ORDER BY conflicts.id`;

/** @returns how many are kept. */
export function auditConflicts(
  db: Database,
  { topics }: FileFacts,
  tally: ChecksumTally,
  differences: Differences,
): number {
  const ofTopic = new Map<number, number>();
  let count = 0;
  const table = {
    sql: SQL,
    name: "Conflicts",
    check: "conflicts" as const,
    keyMax: Number.MAX_SAFE_INTEGER / 2,
  };
  for (const row of readableRows<ConflictRow>(db, table, ({ id }) => id, differences)) {
    const { id, seq, topicId, scope, eventId, source, payload, receivedAt } = row;
    const stored = { scope, eventId, source, payload, timestamp: null, attributes: null };
    tally.see(row.checksum, eventChecksum(stored, seq, topicId, receivedAt), () => `Conflict ${id}`);
    if (!isAllText(stored)) differences.add("conflicts", `A text of conflict ${id} is not stored as text.`);
    if (!topics.has(topicId))
      differences.add("conflicts", `Conflict ${id} is of topic ${topicId}, which there is not.`);
    if (row.isSameKey === 0)
      differences.add("conflicts", `Conflict ${id} has another key than event ${seq}.`);
    ofTopic.set(topicId, (ofTopic.get(topicId) ?? 0) + 1);
    count++;
  }
  for (const [topicId, kept] of ofTopic) {
    const counted = topics.get(topicId)?.conflicts ?? 0;
    if (kept > counted)
      differences.add("conflicts", `Of topic ${topicId} ${kept} conflicts are kept, but ${counted} counted.`);
  }
  if (count > CONFLICTS_MAX)
    differences.add("conflicts", `${count} conflicts are kept, ${CONFLICTS_MAX} at most.`);
  return count;
}
