/** Every point at which the power may go: the files that are left then, and the commit that must be found in them. */

import type { SeededRandom } from "../support/seeded-random.ts";
import type { Desk } from "./desk.ts";
import {
  BLOCK_BYTES,
  LEFT_IN_PLACE,
  lossesOf,
  SECTOR_BYTES,
  unitsOf,
  type Write,
  withLoss,
} from "./losses.ts";
import { type Files, LOG_HEADER_BYTES, type Moment, PAGE_BYTES } from "./recording.ts";

export interface Point extends Files {
  /** Undefined where nothing was committed yet. */
  readonly expected: Moment | undefined;
}

/** Points by number, each made when it is asked for. */
export interface Points {
  readonly name: string;
  readonly count: number;
  at(i: number): Point;
}

/** A log's generation. */
function saltsOf({ log }: Moment): Buffer {
  return log.subarray(16, 24);
}

function areOneGeneration(a: Moment, b: Moment): boolean {
  return saltsOf(a).equals(saltsOf(b));
}

/** The log ends anywhere within a commit, or right behind it. */
export function cutLog(before: Moment, after: Moment): Points {
  const from = areOneGeneration(before, after) ? before.logEnd : 0;
  return {
    name: `the log cut off in ${after.name}`,
    count: after.logEnd - from + 1,
    at(i) {
      const end = from + i;
      return {
        ...after,
        log: after.log.subarray(0, end),
        expected: end === after.logEnd ? after : before,
      };
    },
  };
}

/** The log of a first start is long, since it makes every table: it is cut at every so many bytes. */
const FIRST_START_STEP_BYTES = 16;

/** The log of the very first start ends anywhere: nothing was acknowledged, and nothing is there. */
export function cutFirstStart(empty: Moment): Points {
  return {
    name: "the log cut off in the first start",
    count: Math.floor(empty.logEnd / FIRST_START_STEP_BYTES) + 1,
    at: (i) => ({ ...empty, log: empty.log.subarray(0, i * FIRST_START_STEP_BYTES), expected: undefined }),
  };
}

/** Of the last commit, which was not synced yet, any units never reached the disk, in whatever order they went. */
export function lostWrites(before: Moment, after: Moment, unitBytes: number, random: SeededRandom): Points {
  const write = logWrite(before, after, unitBytes);
  const losses = lossesOf(unitsOf(write), random);
  return {
    name: `units of ${unitBytes} bytes lost of ${after.name}`,
    count: losses.length,
    at(i) {
      const left = LEFT_IN_PLACE[random.below(LEFT_IN_PLACE.length)]!;
      const log = withLoss(write, losses[i]!, left, random);
      return { ...after, log, expected: hasWhole(log, after, write.from) ? after : before };
    },
  };
}

/** What a commit writes behind its last sync: a log that begins again syncs its header before the first frame. */
function logWrite(before: Moment, after: Moment, unitBytes: number): Write {
  if (areOneGeneration(before, after))
    return { before: before.log, after: after.log, from: before.logEnd, to: after.logEnd, unitBytes };
  const synced = Buffer.concat([
    after.log.subarray(0, LOG_HEADER_BYTES),
    before.log.subarray(LOG_HEADER_BYTES),
  ]);
  return { before: synced, after: after.log, from: LOG_HEADER_BYTES, to: after.logEnd, unitBytes };
}

/** The log begins again, and its new header reached the disk, or did not; its frames are still the old ones. */
export function restartedHeader(before: Moment, after: Moment): Points {
  const header = after.log.subarray(0, LOG_HEADER_BYTES);
  const logs = [
    Buffer.concat([header, before.log.subarray(LOG_HEADER_BYTES)]),
    before.log,
    header,
    Buffer.alloc(0),
  ];
  return {
    name: "the header of a log that began again",
    count: logs.length,
    at: (i) => ({ ...before, log: logs[i]!, expected: before }),
  };
}

/**
 * A checkpoint was copying that moment back when the power went: any units of the database file are old. The log is
 * whole, so nothing has changed.
 */
export function cutCheckpoint(desk: Desk, moment: Moment, unitBytes: number, random: SeededRandom): Points {
  const { units, file } = checkpointWrites(desk, moment, unitBytes);
  const losses = lossesOf(units.length, random);
  return {
    name: `a checkpoint of units of ${unitBytes} bytes cut short after ${moment.name}`,
    count: losses.length,
    at: (i) => ({ ...moment, db: file(losses[i]!, i % 2 === 0), expected: moment }),
  };
}

/** A checkpoint was copying one moment back while the next commit was being written; both are torn. */
export function cutCheckpointAndCommit(
  desk: Desk,
  before: Moment,
  after: Moment,
  random: SeededRandom,
): Points {
  const { units, file } = checkpointWrites(desk, before, BLOCK_BYTES);
  const commits = lostWrites(before, after, SECTOR_BYTES, random);
  return {
    name: `a checkpoint cut short while ${after.name} was torn`,
    count: commits.count,
    at(i) {
      const loss = new Set(units.keys().filter(() => random.below(2) === 0));
      return { ...commits.at(i), db: file(loss, random.below(2) === 0) };
    },
  };
}

/** Shared memory does not survive a power cut in any order: it is from any other moment, or nothing, or noise. */
export function staleIndex(moments: readonly Moment[], random: SeededRandom): Points {
  const noise = Buffer.from(Uint8Array.from({ length: 32_768 }, () => random.below(256)));
  const indexes = [
    undefined,
    Buffer.alloc(0),
    Buffer.alloc(32_768),
    noise,
    ...moments.flatMap(({ index }) => [index, index!.subarray(0, 100)]),
  ];
  return {
    name: "shared memory from another moment",
    count: indexes.length * moments.length,
    at(i) {
      const moment = moments[Math.floor(i / indexes.length)]!;
      return { ...moment, index: indexes[i % indexes.length], expected: moment };
    },
  };
}

/** Which units of the database file a checkpoint of the moment writes, and the file with some of them lost. */
function checkpointWrites(desk: Desk, moment: Moment, unitBytes: number) {
  const copied = desk.checkpointed(moment);
  const unitAt = (file: Buffer, unit: number): Buffer =>
    file.subarray(unit * unitBytes, (unit + 1) * unitBytes);
  const units = Array.from({ length: copied.length / unitBytes }, (_, unit) => unit).filter(
    (unit) => !unitAt(copied, unit).equals(unitAt(moment.db, unit)),
  );
  const file = (lost: ReadonlySet<number>, hasGrown: boolean): Buffer => {
    const mixed = Buffer.from(copied);
    for (const i of lost) {
      const unit = units[i]!;
      unitAt(mixed, unit).fill(0);
      unitAt(moment.db, unit).copy(mixed, unit * unitBytes);
    }
    if (hasGrown) return mixed;
    // Pages that were not written at the end: the file may never have grown, or only by a part.
    const kept = units.findLast((_, i) => !lost.has(i)) ?? -1;
    const end = Math.max((kept + 1) * unitBytes, moment.db.length);
    return mixed.subarray(0, Math.ceil(end / PAGE_BYTES) * PAGE_BYTES);
  };
  return { units, file };
}

/** Whether the commit is in the log after all, since what was lost was never different. */
function hasWhole(log: Buffer, after: Moment, from: number): boolean {
  return log.subarray(from, after.logEnd).equals(after.log.subarray(from, after.logEnd));
}
