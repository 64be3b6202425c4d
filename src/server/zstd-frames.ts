/** Whether bytes are whole zstd frames and nothing else (RFC 8878): what decompresses them takes a cut one for whole. */

import { refuse } from "../problem.ts";

/** What a frame may ask to be kept of what it has become: senders over HTTP must not ask for more (RFC 9659). */
export const ZSTD_WINDOW_LOG_MAX = 23;
export const ZSTD_WINDOW_BYTES_MAX = 2 ** ZSTD_WINDOW_LOG_MAX;

const FRAME_MAGIC = 0xfd2fb528;

/** Frames that carry something else than content: sixteen numbers that differ in their last four bits. */
const SKIPPABLE_MAGIC = 0x184d2a50;

const MAGIC_BYTES = 4;
const SKIPPABLE_HEADER_BYTES = 8;
const FRAME_HEADER_BYTES_MAX = 18;
const FRAME_CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;

const BLOCK_TYPE_RLE = 1;

/** @throws ProblemError `body_too_large` when a frame asks for a larger window. */
export function isWholeZstd(bytes: Uint8Array, windowBytesMax = Number.POSITIVE_INFINITY): boolean {
  const frames = new ZstdFrames(windowBytesMax);
  return frames.take(bytes) && frames.isWhole;
}

/** Follows frames by the lengths that they announce; their content and checksums are the decompressor's to judge. */
export class ZstdFrames {
  readonly #header = new DataView(new ArrayBuffer(FRAME_HEADER_BYTES_MAX));
  /** Bytes of the header that have come, and with how many more is known about it. */
  #has = 0;
  #wants = MAGIC_BYTES;
  /** Bytes up to the next header. */
  #skips = 0;
  #isInFrame = false;
  #hasChecksum = false;
  #frames = 0;

  constructor(private readonly windowBytesMax: number) {}

  /** Whether what was taken ends with a frame. */
  get isWhole(): boolean {
    return this.#frames > 0 && !this.#isInFrame && this.#has === 0 && this.#skips === 0;
  }

  /**
   * Takes what comes next, cut anywhere. @returns whether it can be frames.
   * @throws ProblemError `body_too_large` when a frame asks for a window that is too large.
   */
  take(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#skips, bytes.length - at);
      this.#skips -= skipped;
      at += skipped;
      if (at === bytes.length) break;
      this.#header.setUint8(this.#has++, bytes[at++]!);
      if (this.#has < this.#wants) continue;
      if (this.#isInFrame) this.#enterBlock();
      else if (!this.#readHeader()) return false;
    }
    return true;
  }

  /** With each part of a header it is known how long the next one is. */
  #readHeader(): boolean {
    const header = this.#header;
    const magic = header.getUint32(0, true);
    if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) {
      if (this.#wants === MAGIC_BYTES) this.#wants = SKIPPABLE_HEADER_BYTES;
      else {
        this.#skips = header.getUint32(MAGIC_BYTES, true);
        this.#next(MAGIC_BYTES);
        this.#frames++;
      }
      return true;
    }
    if (magic !== FRAME_MAGIC) return false;
    if (this.#wants === MAGIC_BYTES) this.#wants++;
    else if (this.#wants === MAGIC_BYTES + 1)
      this.#wants += bytesAfterDescriptor(header.getUint8(MAGIC_BYTES));
    else this.#enterFrame();
    return true;
  }

  #enterFrame(): void {
    const descriptor = this.#header.getUint8(MAGIC_BYTES);
    if (windowOf(this.#header, this.#wants) > this.windowBytesMax)
      refuse("body_too_large", `A zstd frame may ask for a window of ${this.windowBytesMax} bytes.`);
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#isInFrame = true;
    this.#next(BLOCK_HEADER_BYTES);
  }

  #enterBlock(): void {
    const header = this.#header.getUint16(0, true) | (this.#header.getUint8(2) << 16);
    this.#skips = ((header >> 1) & 3) === BLOCK_TYPE_RLE ? 1 : header >> 3;
    if ((header & 1) === 0) {
      this.#next(BLOCK_HEADER_BYTES);
      return;
    }
    if (this.#hasChecksum) this.#skips += CHECKSUM_BYTES;
    this.#isInFrame = false;
    this.#frames++;
    this.#next(MAGIC_BYTES);
  }

  #next(wants: number): void {
    this.#has = 0;
    this.#wants = wants;
  }
}

/** One at least. */
function bytesAfterDescriptor(descriptor: number): number {
  const windowBytes = isSingleSegment(descriptor) ? 0 : 1;
  return windowBytes + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSizeBytes(descriptor);
}

function isSingleSegment(descriptor: number): boolean {
  return (descriptor & 0x20) !== 0;
}

function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >> 6;
  return flag === 0 && isSingleSegment(descriptor) ? 1 : FRAME_CONTENT_SIZE_BYTES[flag]!;
}

/** @param length of the header, at whose end the size of the content stands. A single segment is its own window. */
function windowOf(header: DataView, length: number): number {
  const descriptor = header.getUint8(MAGIC_BYTES);
  if (!isSingleSegment(descriptor)) {
    const window = header.getUint8(MAGIC_BYTES + 1);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const sizeBytes = contentSizeBytes(descriptor);
  const at = length - sizeBytes;
  if (sizeBytes === 1) return header.getUint8(at);
  if (sizeBytes === 2) return header.getUint16(at, true) + 256;
  return sizeBytes === 4 ? header.getUint32(at, true) : Number(header.getBigUint64(at, true));
}
