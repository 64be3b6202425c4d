/** Whether the log beside a file is sound and its own, for whoever reads the file without starting a node on it. */

import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { COMMITS_TORN_MAX, COMMITS_TORN_WITH_RETENTION_MAX, lossIn, readLogTail } from "./log-tail.ts";
import { acquireOwnerLock } from "./owner-lock.ts";
import { databaseIdIn, hasBeenPruned, idWithoutLog } from "./refused-file.ts";

/**
 * What is wrong with the log in one sentence, or undefined. Of a file that a node has open nothing can be said: its log
 * is being written. @param db a connection that reads through the log.
 */
export function faultOfLog(path: string, db: Database): string | undefined {
  return whileUnowned(path, () => {
    const ownId = idWithoutLog(path);
    if (ownId !== undefined && databaseIdIn(db) !== ownId) return "Its log is of another database.";
    const tornMax = hasBeenPruned(path) ? COMMITS_TORN_WITH_RETENTION_MAX : COMMITS_TORN_MAX;
    const loss = lossIn(readLogTail(path), tornMax);
    return loss === undefined ? undefined : `It has lost commits: ${loss}`;
  });
}

/** Without a lock file no node was ever there, and none is made. */
function whileUnowned<T>(path: string, look: () => T | undefined): T | undefined {
  if (!existsSync(`${path}.lock`)) return look();
  let lock: { release(): void };
  try {
    lock = acquireOwnerLock(path, { isOnlyLooking: true });
  } catch {
    return undefined;
  }
  try {
    return look();
  } finally {
    lock.release();
  }
}
