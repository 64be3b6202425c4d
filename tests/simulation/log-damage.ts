/** A write-ahead log after the power went in the middle of a commit: what was not synced is there, or not, or in part. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Random } from "./random.ts";

/** A disk writes whole sectors, in any order. */
const SECTOR_BYTES = 512;

/** When a log starts over, SQLite syncs its new header before it writes a frame: else old frames would come back. */
const HEADER_BYTES = 32;

/** The bytes of a log, or none. */
export function readLog(databasePath: string): Buffer {
  const path = `${databasePath}-wal`;
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

/**
 * Puts back some of the sectors that were written since `synced`. Sectors that never were become zeros, and the log
 * may end before them.
 * @returns whether anything was lost.
 */
export function loseSectors(databasePath: string, synced: Buffer, random: Random): boolean {
  const log = readLog(databasePath);
  // Of what was not synced, everything stands behind a header that is.
  if (synced.length > 0) synced.set(log.subarray(0, HEADER_BYTES));
  const isCutOff = random.chance(0.5);
  const share = random.pick([0.02, 0.5, 1]);
  let end = log.length;
  let isDamaged = false;
  for (let at = 0; at < end; at += SECTOR_BYTES) {
    const sector = log.subarray(at, at + SECTOR_BYTES);
    const before = synced.subarray(at, at + SECTOR_BYTES);
    if (sector.equals(before) || !random.chance(share)) continue;
    isDamaged = true;
    if (isCutOff && before.length === 0) end = at + random.below(sector.length);
    else sector.fill(0).set(before);
  }
  writeFileSync(`${databasePath}-wal`, log.subarray(0, end));
  return isDamaged;
}
