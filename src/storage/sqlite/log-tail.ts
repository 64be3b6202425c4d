/**
 * What lies in a write-ahead log behind the place where SQLite stopped reading it.
 *
 * SQLite takes a log up to the first frame that is not sound and drops the rest without a word, which is right after
 * a power cut: only what was being written can be torn then, since all before it was synced. More commits behind the
 * torn place than that mean that a frame was damaged later, and that commits which were acknowledged
 * are gone. The format: https://www.sqlite.org/fileformat2.html#walformat
 */

import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { DatabaseUnusableError } from "./database.ts";
import { countFramesTaken, FRAME_HEADER_BYTES, LOG_HEADER_BYTES, logHeaderOf } from "./log-frames.ts";

const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/** What is not synced when the power goes: the commit that is being written. */
export const COMMITS_TORN_MAX = 1;

/** With retention, whose steps are not all synced: a step before it as well. */
export const COMMITS_TORN_WITH_RETENTION_MAX = 2;

/** What a disk writes whole. */
const SECTOR_BYTES = 512;

export interface LogTail {
  /** Frames that SQLite takes. */
  readonly framesTaken: number;
  /** Frames of this generation of the log that SQLite did not take; the torn one is among them. */
  readonly framesBehind: number;
  /** How many of them end a commit. */
  readonly commitsBehind: number;
  /**
   * Of the log itself: without a sound one SQLite takes no frame. A blank one (zeros) is what a power cut leaves of a
   * log that was just made; it is synced before the first frame.
   */
  readonly header: "sound" | "blank" | "damaged";
}

const NOTHING_BEHIND: LogTail = { framesTaken: 0, framesBehind: 0, commitsBehind: 0, header: "sound" };

/**
 * To be asked before SQLite opens the database: it would write over the frames, or delete the log when it closes it.
 * The log may be read beside a connection, too; SQLite keeps its locks on other files.
 */
export function readLogTail(databasePath: string): LogTail {
  const file = openIfThere(`${databasePath}-wal`);
  if (file === undefined) return NOTHING_BEHIND;
  try {
    const bytes = read(file, 0, LOG_HEADER_BYTES);
    if (bytes === undefined) return NOTHING_BEHIND;
    const header = logHeaderOf(bytes);
    const framesTaken = header === undefined ? 0 : countFramesTaken(file, header);
    const frameBytes = FRAME_HEADER_BYTES + (header?.pageBytes ?? mostLikelyPageBytes(file));
    // A damaged header may have lost the salts: the first frame has them as well.
    const salts = header?.salts ?? read(file, LOG_HEADER_BYTES + 8, 8);
    const databaseBytes = statSync(databasePath, { throwIfNoEntry: false })?.size ?? 0;
    const isBlank = bytes.every((byte) => byte === 0);
    return {
      framesTaken,
      ...countBehind(file, { framesTaken, frameBytes, salts, databaseBytes }),
      header: header !== undefined ? "sound" : isBlank ? "blank" : "damaged",
    };
  } finally {
    closeSync(file);
  }
}

/**
 * What has been lost, in one sentence, or undefined where a power cut explains all that is missing.
 * A commit that nobody can count any more, behind a damaged header, is a loss as well.
 *
 * @param tornMax commits that a power cut may have torn off.
 */
export function lossIn({ commitsBehind, header }: LogTail, tornMax: number): string | undefined {
  const isExplained =
    header === "sound" ? commitsBehind <= tornMax : header === "blank" && commitsBehind === 0;
  if (isExplained) return undefined;
  return header === "sound"
    ? `the write-ahead log is damaged: ${commitsBehind} commits lie behind the damage and cannot be read.`
    : `the write-ahead log has a damaged header: its commits, ${commitsBehind} by count, cannot be read.`;
}

/**
 * Nothing has been opened yet when this refuses: the log stays for whoever can make something of it.
 * @throws DatabaseUnusableError
 */
export function refuseDamagedLog(databasePath: string, tail: LogTail, tornMax: number): void {
  const loss = lossIn(tail, tornMax);
  if (loss === undefined) return;
  throw new DatabaseUnusableError(
    `${databasePath} has lost commits: ${loss} Restore a backup, or go on with what is left: --damaged-log accept.`,
  );
}

interface Frames {
  readonly framesTaken: number;
  readonly frameBytes: number;
  /** They tell the frames of this generation from older ones that lie beneath. */
  readonly salts: Buffer | undefined;
  readonly databaseBytes: number;
}

function countBehind(
  file: number,
  { framesTaken, frameBytes, salts, databaseBytes }: Frames,
): Pick<LogTail, "framesBehind" | "commitsBehind"> {
  let framesBehind = 0;
  let commitsBehind = 0;
  const { size } = fstatSync(file);
  // A page is in the file or in the log: a larger database is what stands in a sector that was never written.
  const pagesMax = size / frameBytes + databaseBytes / (frameBytes - FRAME_HEADER_BYTES);
  for (let at = LOG_HEADER_BYTES + framesTaken * frameBytes; at + frameBytes <= size; at += frameBytes) {
    const frame = read(file, at, FRAME_HEADER_BYTES);
    if (frame === undefined || salts === undefined) break;
    if (!frame.subarray(8, 16).equals(salts)) continue;
    framesBehind++;
    // Of a header that lies across two sectors one may be of an older frame.
    if (Math.floor((at + 4) / SECTOR_BYTES) !== Math.floor((at + 15) / SECTOR_BYTES)) continue;
    // The size of the database in pages after this frame's commit; zero within one.
    const pages = frame.readUInt32BE(4);
    if (pages > 0 && pages <= pagesMax) commitsBehind++;
  }
  return { framesBehind, commitsBehind };
}

/** Damage took the page size, so the size that divides the file into frames stands in for it. */
function mostLikelyPageBytes(file: number): number {
  const { size } = fstatSync(file);
  for (let pageBytes = PAGE_BYTES_MAX; pageBytes > PAGE_BYTES_MIN; pageBytes /= 2) {
    if ((size - LOG_HEADER_BYTES) % (FRAME_HEADER_BYTES + pageBytes) === 0) return pageBytes;
  }
  return PAGE_BYTES_MIN;
}

function openIfThere(path: string): number | undefined {
  const isThere = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return isThere ? openSync(path, "r") : undefined;
}

/** So many bytes, or undefined where the file ends before. */
function read(file: number, at: number, bytes: number): Buffer | undefined {
  const buffer = Buffer.alloc(bytes);
  return readSync(file, buffer, 0, bytes, at) === bytes ? buffer : undefined;
}
