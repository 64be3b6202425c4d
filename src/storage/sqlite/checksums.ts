/**
 * 32 bits over the columns of a row, so that a flipped bit is told from a value: SQLite checks the shape of its pages,
 * not what stands in them. CRC-32 of what may be long, begun with a mix of the rest. Signed, because SQLite stores that
 * in four bytes.
 */

import type { EventRecord } from "../../events/event.ts";

/** What is stored of an event beside its numbers. */
export type ChecksummedText = Omit<EventRecord, "topic">;

/** Odd, so that no bit of a number is lost; from the finalizer of MurmurHash3 (A. Appleby). */
const MIX_A = 0x85ebca6b;
const MIX_B = 0xc2b2ae35;
const WORD = 2 ** 32;
const FNV_PRIME = 0x01000193;

/** Folds numbers below 2^53 into the 32 bits that a CRC starts from. */
function seedOf(a: number, b: number, c: number): number {
  const high = Math.imul((c / WORD) | 0, MIX_A) ^ Math.imul((a / WORD) | 0, MIX_B);
  return (Math.imul(a | 0, MIX_A) ^ Math.imul(b | 0, MIX_B) ^ (c | 0) ^ high) >>> 0;
}

/** FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) over UTF-16 units: for short text cheaper than a call out of JavaScript. */
function mixed(seed: number, text: string): number {
  let hash = seed | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** One flipped bit makes a blob of a stored text, with the same bytes: then a column is not what its type says. */
export function isAllText({
  scope,
  eventId,
  timestamp,
  source,
  payload,
  attributes,
}: ChecksummedText): boolean {
  return (
    typeof scope === "string" &&
    typeof eventId === "string" &&
    typeof payload === "string" &&
    isTextOrNull(timestamp) &&
    isTextOrNull(source) &&
    isTextOrNull(attributes)
  );
}

function isTextOrNull(value: string | null): boolean {
  return value === null || typeof value === "string";
}

/** Of a row of `events` or `conflicts`. No row has the checksum of one whose columns are not text. */
export function eventChecksum(
  text: ChecksummedText,
  seq: number,
  topicId: number,
  receivedAt: number,
): number {
  if (!isAllText(text)) return Number.NaN;
  const { scope, eventId, timestamp, source, payload, attributes } = text;
  let seed = mixed(seedOf(seq, topicId, receivedAt), eventId);
  if (scope !== "") seed = mixed(seed ^ 1, scope);
  if (timestamp !== null) seed = mixed(seed ^ 2, timestamp);
  if (source !== null) seed = mixed(seed ^ 3, source);
  if (attributes !== null) seed = Bun.hash.crc32(attributes, (seed ^ 4) >>> 0);
  return Bun.hash.crc32(payload, seed >>> 0) | 0;
}

/** Of a row of `fingerprints`. */
export function fingerprintsChecksum(row: {
  readonly firstSeq: number;
  readonly count: number;
  readonly words: Uint8Array;
  readonly offsets: Uint8Array | null;
  readonly receivedAt: number;
  readonly outlived: number;
}): number {
  if (!(row.words instanceof Uint8Array)) return Number.NaN;
  const seed = seedOf(row.firstSeq, row.count + row.outlived * MIX_B, row.receivedAt);
  const crc = Bun.hash.crc32(row.words, seed);
  return (row.offsets === null ? crc : Bun.hash.crc32(row.offsets, crc ^ 1)) | 0;
}

/** Of a row of `topic_segments`. */
export function segmentChecksum(segment: number, topicId: number, offsets: Uint8Array): number {
  return Bun.hash.crc32(offsets, seedOf(segment, topicId, 0)) | 0;
}

/** Of a row of `topics`. */
export function topicChecksum(id: number, name: string): number {
  return typeof name === "string" ? Bun.hash.crc32(name, seedOf(id, 0, 0)) | 0 : Number.NaN;
}

/** Of a row of `request_keys`. */
export function answerChecksum(row: {
  readonly digest: string;
  readonly fingerprint: string;
  readonly answer: string;
  readonly storedAt: number;
}): number {
  const texts = [row.digest, row.fingerprint, row.answer];
  if (!texts.every((text) => typeof text === "string")) return Number.NaN;
  return texts.reduce((crc, text) => Bun.hash.crc32(text, crc), seedOf(row.storedAt, 0, 0)) | 0;
}

/** Of a row of `meta`. */
export function metaChecksum(key: string, value: string | Uint8Array): number {
  return Bun.hash.crc32(value, Bun.hash.crc32(key)) | 0;
}

/**
 * Of a row of `counters`, in SQL: a weighted sum, since a commit can add to that what it adds to the counters. Damage
 * that came before stays visible after, as it would not if the sum were taken anew.
 */
export const COUNTERS_CHECKSUM = `topic_id * 31 + received * 37 + unique_processed * 41 + duplicate_dropped * 43
  + conflicts * 47 + first_at * 53 + last_at * 59 + pruned * 61 + pruned_through * 67 + stored_bytes * 71`;

/** Whether a row is as it was written. Every row has a checksum: a flipped bit can take it away as well. */
export function isIntact(stored: number | null, computed: number): boolean {
  return stored === computed;
}
