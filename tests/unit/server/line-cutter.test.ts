/** Bytes that come in any parts are cut into whole lines, none lost, none torn. */

import { describe, expect, test } from "bun:test";
import { LineCutter, PIECE_BYTES_MAX } from "../../../src/server/line-cutter.ts";
import { linesIn, PieceText } from "../../../src/server/piece-text.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const TEXT = 'a\n\n{"é":"東京"}\r\n😀\n\ufeffb\nlast';
const BYTES = Buffer.from(TEXT);

/** All pieces, as text, where as much is taken as there is after each part. */
function piecesOf(parts: readonly Uint8Array[], lineBytesMax = 1_000): string[] {
  const cutter = new LineCutter(lineBytesMax);
  const text = new PieceText();
  const pieces: string[] = [];
  const take = (piece: Uint8Array | undefined): boolean => {
    if (piece !== undefined) pieces.push(text.decode(piece).text);
    return piece !== undefined;
  };
  for (const part of parts) {
    cutter.append(part);
    while (take(cutter.take()));
  }
  take(cutter.takeRest());
  return pieces;
}

describe("parts", () => {
  test("cut at every place, and at every two, make the same lines", () => {
    for (let i = 0; i <= BYTES.length; i++)
      for (let j = i; j <= BYTES.length; j++) {
        const pieces = piecesOf([BYTES.subarray(0, i), BYTES.subarray(i, j), BYTES.subarray(j)]);
        expect(pieces.join("")).toBe(TEXT);
        for (const piece of pieces.slice(0, -1)) expect(piece).toEndWith("\n");
      }
  });

  test("of one byte each make a piece of each line", () => {
    const pieces = piecesOf([...BYTES].map((byte) => Uint8Array.of(byte)));
    expect(pieces).toEqual(["a\n", "\n", '{"é":"東京"}\r\n', "😀\n", "\ufeffb\n", "last"]);
  });

  test("of any length, with lines of any length, lose and tear nothing", () => {
    const random = SeededRandom.printed("parts");
    for (let round = 0; round < 200; round++) {
      const lineMax = 1 + random.below(300);
      let text = "";
      while (text.length < 3_000) text += `${"x".repeat(random.below(lineMax))}\n`;
      const bytes = Buffer.from(text);
      const cutter = new LineCutter(300);
      const pieces: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + random.below(1_500));
        cutter.append(bytes.subarray(at, end));
        at = end;
        while (random.below(3) > 0) {
          const piece = cutter.take();
          if (piece === undefined) break;
          expect(piece.length).toBeLessThanOrEqual(301);
          pieces.push(Buffer.from(piece).toString());
        }
        if (random.below(4) === 0) cutter.shrink();
      }
      for (let piece = cutter.take(); piece !== undefined; piece = cutter.take())
        pieces.push(Buffer.from(piece).toString());
      expect(pieces.join("")).toBe(text);
      expect(cutter.takeRest()).toBeUndefined();
    }
  });
});

describe("pieces", () => {
  const line = (bytes: number): Buffer => Buffer.from(`${"x".repeat(bytes - 1)}\n`);

  test("are as large as is useful, and a longer line is one alone", () => {
    const cutter = new LineCutter(10 * PIECE_BYTES_MAX);
    const sizes = [1_000, PIECE_BYTES_MAX - 1_000, 1, 3 * PIECE_BYTES_MAX, 5];
    cutter.append(Buffer.concat(sizes.map(line)));
    const cuts: number[] = [];
    for (let piece = cutter.take(); piece !== undefined; piece = cutter.take()) cuts.push(piece.length);
    expect(cuts).toEqual([PIECE_BYTES_MAX, 1, 3 * PIECE_BYTES_MAX, 5]);
  });

  test.each([10, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 10])(
    "a line of %d bytes is taken where that is allowed, and one byte more is not, whole or not",
    (bytesMax) => {
      const allowed = new LineCutter(bytesMax);
      allowed.append(Buffer.concat([line(3), line(bytesMax + 1), line(3)]));
      let taken = 0;
      for (let piece = allowed.take(); piece !== undefined; piece = allowed.take()) taken += piece.length;
      expect(taken).toBe(bytesMax + 7);
      const crossed = new LineCutter(bytesMax);
      crossed.append(Buffer.concat([line(3), line(bytesMax + 2), line(3)]));
      expect(crossed.take()).toHaveLength(3);
      expect(() => crossed.take()).toThrow("A line may have");
      const unended = new LineCutter(bytesMax);
      unended.append(Buffer.concat([line(3), Buffer.alloc(bytesMax)]));
      expect(unended.isLineTooLong).toBeFalse();
      unended.append(Buffer.alloc(1));
      expect(unended.isLineTooLong).toBeTrue();
    },
  );

  test("memory is given back that a long line took", () => {
    const cutter = new LineCutter(10 * PIECE_BYTES_MAX);
    cutter.append(line(8 * PIECE_BYTES_MAX));
    expect(cutter.heldBytes).toBeGreaterThanOrEqual(8 * PIECE_BYTES_MAX);
    expect(cutter.take()).toHaveLength(8 * PIECE_BYTES_MAX);
    cutter.append(Buffer.from("rest"));
    cutter.shrink();
    expect(cutter.heldBytes).toBeLessThan(PIECE_BYTES_MAX);
    expect(Buffer.from(cutter.takeRest()!).toString()).toBe("rest");
  });
});

describe("text", () => {
  test("a mark at the beginning is no part of it, anywhere else it is", () => {
    const text = new PieceText();
    const decode = (of: string): string => text.decode(Buffer.from(of)).text;
    expect([decode("\ufeffa\n"), decode("\ufeffb\n")]).toEqual(["a\n", "\ufeffb\n"]);
  });

  test.each([["ff0a"], ["c30a"], ["eda0800a"], ["f09f98"]])(
    "ends before the first line that is ill-formed, such as %s",
    (bad) => {
      for (const before of ["", "é\n", "a\n\n東京\n"]) {
        const piece = Buffer.concat([Buffer.from(before), Buffer.from(bad, "hex"), Buffer.from("z\n")]);
        expect(new PieceText().decode(piece)).toMatchObject({
          text: before,
          fault: { code: "malformed_utf8" },
        });
      }
    },
  );

  test.each([
    ["a", 1],
    ["a\n", 1],
    ["a\nb", 2],
    ["\n\n", 2],
  ])("%j has %d lines", (text, lines) => {
    expect(linesIn(text)).toBe(lines);
  });
});
