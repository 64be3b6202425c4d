/**
 * What lies in a write-ahead log behind the place where SQLite stopped reading it.
 *
 * SQLite takes a log up to the first frame that is not sound and drops the rest without a word, which is right after
 * a power cut: only the transaction that was being written can be torn then, since every one before it was synced.
 * Whole commits behind the torn place mean that a frame was damaged later, and that commits which were acknowledged
 * are gone. The format: https://www.sqlite.org/fileformat2.html#walformat
 */

import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The two words that begin a log; the last bit says in which byte order its checksums are computed. */
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;

const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/** Of the commits behind the torn place one may be torn itself: the one that a power cut interrupted. */
const COMMITS_TORN_BY_POWER_CUT_MAX = 1;

export interface LogTail {
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

const NOTHING_BEHIND: LogTail = { framesBehind: 0, commitsBehind: 0, header: "sound" };

/**
 * To be asked right after opening, before the next commit writes over the frames. The log may be opened beside SQLite,
 * which keeps its locks on other files.
 *
 * @param framesTaken the `log` of `PRAGMA wal_checkpoint(PASSIVE)`.
 */
export function readLogTail(databasePath: string, framesTaken: number): LogTail {
  const logPath = `${databasePath}-wal`;
  const file = openIfThere(logPath);
  if (file === undefined) return NOTHING_BEHIND;
  try {
    const header = read(file, 0, HEADER_BYTES);
    if (header === undefined) return NOTHING_BEHIND;
    const pageBytes = pageBytesOf(header);
    const isSound = pageBytes !== undefined && isChecksumRight(header);
    const frameBytes = FRAME_HEADER_BYTES + (pageBytes ?? mostLikelyPageBytes(file));
    // A damaged header may have lost the salts: the first frame has them as well.
    const salts = isSound ? header.subarray(16, 24) : read(file, HEADER_BYTES + 8, 8);
    const databaseBytes = statSync(databasePath, { throwIfNoEntry: false })?.size ?? 0;
    const isBlank = header.every((byte) => byte === 0);
    return {
      ...countBehind(file, { framesTaken, frameBytes, salts, databaseBytes }),
      header: isSound ? "sound" : isBlank ? "blank" : "damaged",
    };
  } finally {
    closeSync(file);
  }
}

/**
 * What has been lost, in one sentence for the log, or undefined where a power cut explains all that is missing.
 * A commit that nobody can count any more, behind a damaged header, is a loss as well.
 */
export function lossIn({ commitsBehind, header }: LogTail): string | undefined {
  const isExplained =
    header === "sound"
      ? commitsBehind <= COMMITS_TORN_BY_POWER_CUT_MAX
      : header === "blank" && commitsBehind === 0;
  if (isExplained) return undefined;
  return header === "sound"
    ? `the write-ahead log is damaged: ${commitsBehind} commits lie behind the damage and cannot be read.`
    : `the write-ahead log has a damaged header: its commits, ${commitsBehind} by count, cannot be read.`;
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
  for (let at = HEADER_BYTES + framesTaken * frameBytes; at + frameBytes <= size; at += frameBytes) {
    const frame = read(file, at, FRAME_HEADER_BYTES);
    if (frame === undefined || salts === undefined) break;
    if (!frame.subarray(8, 16).equals(salts)) continue;
    framesBehind++;
    // The size of the database in pages after this frame's commit; zero within one.
    const pages = frame.readUInt32BE(4);
    if (pages > 0 && pages <= pagesMax) commitsBehind++;
  }
  return { framesBehind, commitsBehind };
}

/** Undefined where these are not the first bytes of a log. */
function pageBytesOf(header: Buffer): number | undefined {
  const magic = header.readUInt32BE(0);
  const pageBytes = header.readUInt32BE(8);
  const isLog = magic === MAGIC_LITTLE_ENDIAN || magic === MAGIC_BIG_ENDIAN;
  const isPage =
    pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX && Number.isInteger(Math.log2(pageBytes));
  return isLog && isPage ? pageBytes : undefined;
}

/** Damage took the page size, so the size that divides the file into frames stands in for it. */
function mostLikelyPageBytes(file: number): number {
  const { size } = fstatSync(file);
  for (let pageBytes = PAGE_BYTES_MAX; pageBytes > PAGE_BYTES_MIN; pageBytes /= 2) {
    if ((size - HEADER_BYTES) % (FRAME_HEADER_BYTES + pageBytes) === 0) return pageBytes;
  }
  return PAGE_BYTES_MIN;
}

/** The checksum of the header's first 24 bytes, as the format has it. */
function isChecksumRight(header: Buffer): boolean {
  const isBigEndian = header.readUInt32BE(0) === MAGIC_BIG_ENDIAN;
  const word = (at: number): number => (isBigEndian ? header.readUInt32BE(at) : header.readUInt32LE(at));
  let [first, second] = [0, 0];
  for (let at = 0; at < 24; at += 8) {
    first = (first + word(at) + second) >>> 0;
    second = (second + word(at + 4) + first) >>> 0;
  }
  return header.readUInt32BE(24) === first && header.readUInt32BE(28) === second;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** So many bytes, or undefined where the file ends before. */
function read(file: number, at: number, bytes: number): Buffer | undefined {
  const buffer = Buffer.alloc(bytes);
  return readSync(file, buffer, 0, bytes, at) === bytes ? buffer : undefined;
}
