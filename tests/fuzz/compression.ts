/** Bodies as compressed as a client may send them: in one piece or several, and with what may stand between those. */

import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import type { Random } from "../simulation/random.ts";

/** A frame of zstd that carries nothing: four bytes that are to be skipped. */
const SKIPPABLE_FRAME = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

/** By the name of an encoding, or with gzip where it has none. */
export function compressed(random: Random, encoding: string, body: Buffer): Buffer {
  if (/zstd/i.test(encoding))
    return zstdCompressSync(body, { params: { [constants.ZSTD_c_checksumFlag]: random.below(2) } });
  return gzipSync(body, { level: 1 });
}

/** In several members or frames, cut anywhere: a decoder must take them for one body. */
export function compressedInParts(random: Random, encoding: "gzip" | "zstd", body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length || parts.length === 0; ) {
    const part = body.subarray(at, at + random.between(1, body.length));
    at += part.length;
    parts.push(compressed(random, encoding, part));
    if (encoding === "zstd" && random.chance(0.2)) parts.push(SKIPPABLE_FRAME);
  }
  return Buffer.concat(parts);
}
