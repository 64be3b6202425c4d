/** A zstd body is whole, or it is refused: however it is cut, and whatever stands behind it. */

import { expect, test } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import { isWholeZstd } from "../../../src/server/zstd-frames.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const random = SeededRandom.printed("zstd-frames");

function compressed(length: number, isRandom: boolean, checksum: boolean): Uint8Array {
  const content = Buffer.alloc(length, "onefold ");
  if (isRandom) for (let i = 0; i < length; i++) content[i] = random.below(256);
  return zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 } });
}

const LENGTHS = [0, 1, 100, 255, 256, 257, 65_791, 65_792, 400_000];

test.each(LENGTHS)("%d bytes, in any number of blocks, with a checksum or without, are whole", (length) => {
  for (const isRandom of [false, true])
    for (const checksum of [false, true])
      expect(isWholeZstd(compressed(length, isRandom, checksum))).toBeTrue();
});

test("a frame that is cut anywhere is not, nor one with bytes behind it", () => {
  for (const length of [0, 1, 300]) {
    for (const checksum of [false, true]) {
      const whole = compressed(length, true, checksum);
      for (let cut = 0; cut < whole.length; cut++) expect(isWholeZstd(whole.subarray(0, cut))).toBeFalse();
      expect(isWholeZstd(Buffer.concat([whole, Buffer.from([0])]))).toBeFalse();
      expect(isWholeZstd(Buffer.concat([whole, Buffer.from("rubbish")]))).toBeFalse();
    }
  }
});

test("several frames are whole together, those to be skipped included", () => {
  const whole = compressed(300, true, true);
  const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  expect(isWholeZstd(Buffer.concat([skipped, whole, whole, skipped]))).toBeTrue();
  expect(isWholeZstd(Buffer.concat([whole, skipped.subarray(0, 10)]))).toBeFalse();
});

test("any bytes at all are judged without a fault", () => {
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: 4 + random.below(20) }, () => random.below(256));
    bytes.set([0x28, 0xb5, 0x2f, 0xfd]);
    expect(isWholeZstd(bytes)).toBeBoolean();
  }
});
