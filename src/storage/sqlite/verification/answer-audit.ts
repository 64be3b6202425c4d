/** Whether the answers that are kept under the keys of requests are whole. */

import type { Database } from "bun:sqlite";
import { type AnswerRow, DIGEST_LENGTH } from "../answer-table.ts";
import { answerChecksum } from "../checksums.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import { readableRows } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

const TABLE = {
  sql: `SELECT id, digest, fingerprint, answer, stored_at AS storedAt, checksum FROM request_keys
        WHERE id > ? ORDER BY id`,
  name: "Kept answers",
  check: "answers",
  keyMax: Number.MAX_SAFE_INTEGER / 2,
} as const;

/** @returns how many are kept. */
export function auditAnswers(db: Database, tally: ChecksumTally, differences: Differences): number {
  const digests = new Set<string>();
  let count = 0;
  type Row = AnswerRow & { readonly id: number; readonly checksum: number | null };
  for (const row of readableRows<Row>(db, TABLE, ({ id }) => id, differences)) {
    tally.see(row.checksum, answerChecksum(row), () => `Kept answer ${row.id}`);
    for (const fault of faultsOf(row, digests)) differences.add("answers", `Kept answer ${row.id} ${fault}.`);
    digests.add(row.digest);
    count++;
  }
  return count;
}

function* faultsOf(
  { digest, fingerprint, answer, storedAt }: AnswerRow,
  digests: ReadonlySet<string>,
): Generator<string> {
  if (![digest, fingerprint, answer].every((text) => typeof text === "string"))
    yield "has a text that is not stored as text";
  else if (digest.length !== DIGEST_LENGTH) yield "has a digest of another length";
  else if (!isAnswer(answer)) yield "is no answer to a request";
  if (digests.has(digest)) yield "has the key of an earlier one";
  if (!Number.isSafeInteger(storedAt) || storedAt < 0) yield `was stored at ${storedAt}, which is no time`;
}

function isAnswer(text: string): boolean {
  try {
    const { counters } = JSON.parse(text) as { counters?: Record<string, number> };
    const { received, unique_processed: unique, duplicate_dropped: duplicates } = counters ?? {};
    return received !== undefined && received === unique! + duplicates!;
  } catch {
    return false;
  }
}
