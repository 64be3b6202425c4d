/** Whether bytes are whole zstd frames and nothing else (RFC 8878): what decompresses them takes a cut one for whole. */

const FRAME_MAGIC = 0xfd2fb528;

/** Frames that carry something else than content: sixteen numbers that differ in their last four bits. */
const SKIPPABLE_MAGIC = 0x184d2a50;

const FRAME_CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;

const BLOCK_TYPE_RLE = 1;

/** Looks at the lengths that the frames announce; their content and checksums are the decompressor's to judge. */
export function isWholeZstd(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  try {
    do at = endOfFrame(view, at);
    while (at < view.byteLength);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return at === view.byteLength;
}

/** @throws RangeError when the frame is cut, or is none */
function endOfFrame(view: DataView, start: number): number {
  const magic = view.getUint32(start, true);
  if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) return start + 8 + view.getUint32(start + 4, true);
  if (magic !== FRAME_MAGIC) throw new RangeError("not a frame");
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : FRAME_CONTENT_SIZE_BYTES[sizeFlag]!;
  let at = start + 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + sizeBytes;
  for (let isLast = false; !isLast; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) === 1;
    at += BLOCK_HEADER_BYTES + (((header >> 1) & 3) === BLOCK_TYPE_RLE ? 1 : header >> 3);
  }
  return at + ((descriptor & 4) === 0 ? 0 : CHECKSUM_BYTES);
}
