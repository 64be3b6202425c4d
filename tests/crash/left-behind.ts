/** What a killed node was in the middle of, read from the files that it left behind. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readLogTail } from "../../src/storage/sqlite/log-tail.ts";

/** Words of the log's index in shared memory: https://www.sqlite.org/walformat.html#the_wal_index_file_format */
const FRAMES_COPIED_AT = 96;
const FRAMES_BEING_COPIED_AT = 128;

export interface LeftBehind {
  /** Frames were written that no commit has completed. */
  readonly inCommit: boolean;
  /** A checkpoint was begun and not completed. */
  readonly inCheckpoint: boolean;
}

/**
 * The file of the shared memory outlives a process that is killed, as it stood at that moment.
 *
 * @param startedAt of the killed process. A log that has been recovered looks like one that is being copied, so the
 * database file itself must have been written since then; only checkpoints do that.
 */
export function readLeftBehind(dataFolder: string, startedAt: number): LeftBehind {
  const path = join(dataFolder, "onefold.db");
  const index = existsSync(`${path}-shm`) ? readFileSync(`${path}-shm`) : Buffer.alloc(0);
  if (index.length <= FRAMES_BEING_COPIED_AT) return { inCommit: false, inCheckpoint: false };
  return {
    inCommit: readLogTail(path).framesBehind > 0,
    inCheckpoint:
      statSync(path).mtimeMs >= startedAt &&
      index.readUInt32LE(FRAMES_COPIED_AT) < index.readUInt32LE(FRAMES_BEING_COPIED_AT),
  };
}
