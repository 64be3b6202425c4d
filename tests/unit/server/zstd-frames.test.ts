/** A zstd body is whole, or it is refused: however it is cut, and whatever stands behind it. */

import { describe, expect, test } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import { isWholeZstd, ZstdFrames } from "../../../src/server/zstd-frames.ts";
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

test("however the bytes come in parts, it is told the same of them", () => {
  const whole = compressed(70_000, true, true);
  const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const bytes = Buffer.concat([skipped, whole, compressed(300, false, false), skipped]);
  for (let round = 0; round < 200; round++) {
    const end = random.below(3) === 0 ? bytes.length : random.below(bytes.length);
    const frames = new ZstdFrames(Number.POSITIVE_INFINITY);
    const partMax = 1 + random.below(round % 2 === 0 ? 10 : 50_000);
    for (let at = 0; at < end; ) {
      const next = Math.min(end, at + 1 + random.below(partMax));
      expect(frames.take(bytes.subarray(at, next))).toBeTrue();
      at = next;
    }
    expect(frames.isWhole).toBe(isWholeZstd(bytes.subarray(0, end)));
  }
});

describe("a window", () => {
  const MIB = 2 ** 20;
  /** A frame of six bytes of content. */
  const frame = (...head: number[]): Uint8Array =>
    Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...head, 0x31, 0, 0, ...Buffer.from("hello\n")]);

  test.each([
    ["of 8 MiB", frame(0, 13 << 3), 8 * MIB],
    ["of 9 MiB", frame(0, (13 << 3) | 1), 9 * MIB],
    ["of 128 MiB", frame(0, 17 << 3), 128 * MIB],
    ["that is the content, with its length in a byte", frame(0x20, 6), 6],
    ["that is the content, with its length in two bytes", frame(0x60, 6, 0), 262],
    ["that is the content, with its length in four bytes", frame(0xa0, 0, 0, 0, 1), 16 * MIB],
    ["that is the content, with its length in eight bytes", frame(0xe0, 0, 0, 0, 0, 1, 0, 0, 0), 4_096 * MIB],
    ["beside a dictionary and a length", frame(0x83, 13 << 3, 1, 2, 3, 4, 255, 255, 255, 255), 8 * MIB],
  ])("%s is taken where it is allowed and refused where it is not", (_, bytes, window) => {
    expect(isWholeZstd(bytes, window)).toBeTrue();
    expect(() => isWholeZstd(bytes, window - 1)).toThrow("may ask for a window");
  });
});
