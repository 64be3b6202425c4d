/**
 * Which frames of a write-ahead log SQLite takes: those whose checksums follow on from one another, up to the last that
 * ends a commit. Reckoned here because SQLite, once it has opened a log and closes it again, deletes it.
 * The format: https://www.sqlite.org/fileformat2.html#walformat
 */

import { readSync } from "node:fs";

export const LOG_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;

/** The two words that begin a log; the last bit says in which byte order its checksums are computed. */
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;

const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/** Read at one time. */
const CHUNK_BYTES = 1024 * 1024;

export interface LogHeader {
  readonly pageBytes: number;
  readonly isBigEndian: boolean;
  /** They tell the frames of this generation from older ones that lie beneath. */
  readonly salts: Buffer;
  readonly checksum: Checksum;
}

type Checksum = readonly [first: number, second: number];

/** @returns undefined where these are not the sound first bytes of a log. */
export function logHeaderOf(bytes: Buffer): LogHeader | undefined {
  const magic = bytes.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return undefined;
  const isBigEndian = magic === MAGIC_BIG_ENDIAN;
  const checksum = checksumOf(bytes, { from: 0, to: LOG_HEADER_BYTES - 8, isBigEndian }, [0, 0]);
  const pageBytes = bytes.readUInt32BE(8);
  const isPage =
    pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX && Number.isInteger(Math.log2(pageBytes));
  if (!isPage || !isStoredAt(bytes, LOG_HEADER_BYTES - 8, checksum)) return undefined;
  return { pageBytes, isBigEndian, salts: bytes.subarray(16, 24), checksum };
}

/** @param file the log, open for reading. */
export function countFramesTaken(
  file: number,
  { pageBytes, isBigEndian, salts, checksum }: LogHeader,
): number {
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const chunk = Buffer.alloc(Math.max(1, Math.floor(CHUNK_BYTES / frameBytes)) * frameBytes);
  let sum = checksum;
  let taken = 0;
  for (let frames = 0, at = LOG_HEADER_BYTES; ; at += chunk.length) {
    const bytes = readSync(file, chunk, 0, chunk.length, at);
    for (let from = 0; from + frameBytes <= bytes; from += frameBytes) {
      const isOfThisLog = chunk.compare(salts, 0, 8, from + 8, from + 16) === 0;
      if (!isOfThisLog || chunk.readUInt32BE(from) === 0) return taken;
      sum = checksumOf(chunk, { from, to: from + 8, isBigEndian }, sum);
      const [page, end] = [from + FRAME_HEADER_BYTES, from + frameBytes];
      sum = checksumOf(chunk, { from: page, to: end, isBigEndian }, sum);
      if (!isStoredAt(chunk, from + 16, sum)) return taken;
      frames++;
      // The size of the database in pages after this frame's commit; zero within one.
      if (chunk.readUInt32BE(from + 4) > 0) taken = frames;
    }
    if (bytes < chunk.length) return taken;
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly isBigEndian: boolean;
}

function checksumOf(bytes: Buffer, { from, to, isBigEndian }: Range, [first, second]: Checksum): Checksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let [a, b] = [first, second];
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, !isBigEndian) + b) | 0;
    b = (b + view.getUint32(at + 4, !isBigEndian) + a) | 0;
  }
  return [a, b];
}

function isStoredAt(bytes: Buffer, at: number, [first, second]: Checksum): boolean {
  return bytes.readInt32BE(at) === first && bytes.readInt32BE(at + 4) === second;
}
