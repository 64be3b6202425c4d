/** The index finds every row that may hold a key, and never makes one up. */

import { describe, expect, test } from "bun:test";
import {
  DedupIndex,
  FingerprintTable,
  IndexRebuild,
  REMEMBERED_SPAN_MAX,
} from "../../../src/storage/sqlite/dedup-index.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

function allUnder(table: FingerprintTable | DedupIndex, low: number, high: number): number[] {
  const found: number[] = [];
  for (let value = table.first(low, high); value > 0; value = table.next(high)) found.push(value);
  return found.sort((a, b) => a - b);
}

const LAST = 0xffff_ffff;

describe("a table", () => {
  test("gives back every value under its own fingerprint, and nothing under another", () => {
    const table = new FingerprintTable(16);
    table.insert(1, 2, 10);
    table.insert(2, 1, 20);
    expect(allUnder(table, 1, 2)).toEqual([10]);
    expect(allUnder(table, 2, 1)).toEqual([20]);
    for (const [low, high] of [
      [1, 1],
      [2, 2],
      [0, 0],
      [17, 2],
      [1, LAST],
    ] as const) {
      expect(allUnder(table, low, high)).toEqual([]);
    }
  });

  test("keeps equal fingerprints of different keys apart", () => {
    const table = new FingerprintTable(16);
    for (const value of [7, 8, 9]) table.insert(5, 5, value);
    table.insert(5, 6, 10);
    expect(allUnder(table, 5, 5)).toEqual([7, 8, 9]);
    expect(allUnder(table, 5, 6)).toEqual([10]);
  });

  test("goes on probing from the last slot to the first", () => {
    const table = new FingerprintTable(16);
    // All want the last slot of 16; the ones that come later wrap around.
    for (const [i, low] of [15, LAST, 31, 0x7fff_ffff, 15].entries()) table.insert(low, i, i + 1);
    table.insert(0, 0, 99);
    expect(allUnder(table, 15, 0)).toEqual([1]);
    expect(allUnder(table, LAST, 1)).toEqual([2]);
    expect(allUnder(table, 31, 2)).toEqual([3]);
    expect(allUnder(table, 0x7fff_ffff, 3)).toEqual([4]);
    expect(allUnder(table, 15, 4)).toEqual([5]);
    expect(allUnder(table, 0, 0)).toEqual([99]);
  });

  test("keeps all 32 bits of words and values", () => {
    const table = new FingerprintTable(16);
    table.insert(LAST, LAST, LAST);
    table.insert(0x8000_0000, 0x8000_0000, 0x8000_0000);
    expect(table.first(LAST, LAST)).toBe(LAST);
    expect(table.first(0x8000_0000, 0x8000_0000)).toBe(0x8000_0000);
  });

  test("loses nothing as it grows, also among equal and colliding fingerprints", () => {
    const table = new FingerprintTable(16);
    for (let i = 1; i <= 10_000; i++) {
      table.insert(i % 500, i % 3, i);
      expect(table.size).toBe(i);
    }
    for (let low = 0; low < 500; low++) {
      for (let high = 0; high < 3; high++) {
        const expected: number[] = [];
        for (let i = low || 500; i <= 10_000; i += 500) if (i % 3 === high) expected.push(i);
        expect(allUnder(table, low, high)).toEqual(expected);
      }
    }
  });

  test("is empty once cleared", () => {
    const table = new FingerprintTable(16);
    for (let i = 1; i <= 100; i++) table.insert(i, i, i);
    table.clear();
    expect(table.size).toBe(0);
    expect(allUnder(table, 1, 1)).toEqual([]);
    table.insert(1, 1, 5);
    expect(allUnder(table, 1, 1)).toEqual([5]);
  });
});

test("after any removals a table finds what was not removed, and nothing else", () => {
  const random = SeededRandom.printed("dedup-index");
  const table = new FingerprintTable(16);
  const entries: [number, number, number][] = [];
  for (let step = 1; step <= 20_000; step++) {
    if (entries.length < 200 && random.below(2) === 0) {
      // Few different low words, so that runs are long and wrap around.
      const entry: [number, number, number] = [
        random.below(2) === 0 ? LAST - random.below(9) : random.below(9),
        random.below(3),
        step,
      ];
      entries.push(entry);
      table.insert(...entry);
    } else if (entries.length > 0) {
      const [entry] = entries.splice(random.below(entries.length), 1);
      expect(table.remove(...entry!)).toBeTrue();
      expect(table.remove(...entry!)).toBeFalse();
    }
    if (step % 50 > 0) continue;
    expect(table.size).toBe(entries.length);
    for (const [low, high] of entries) {
      const expected = entries
        .filter((entry) => entry[0] === low && entry[1] === high)
        .map(([, , value]) => value);
      expect(allUnder(table, low, high).sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
    }
  }
});

describe("the index", () => {
  test.each([0, 100, 1_000_000])(
    "made for %i events, finds what was put in over all shards",
    (expectedEvents) => {
      const index = new DedupIndex(expectedEvents);
      const highOf = (i: number): number => (Math.imul(i, 0x9e37_79b9) ^ i) >>> 0;
      for (let i = 1; i <= 20_000; i++) index.insert(i, highOf(i), i);
      expect(index.size).toBe(20_000);
      for (let i = 1; i <= 20_000; i++) {
        if (allUnder(index, i, highOf(i)).join() !== String(i)) throw new Error(`event ${i} is lost`);
      }
      expect(allUnder(index, 0, 0)).toEqual([]);
    },
  );

  test("takes the lowest and the highest fingerprint", () => {
    const index = new DedupIndex(0);
    index.insert(0, 0, 1);
    index.insert(LAST, LAST, 2);
    expect(index.first(0, 0)).toBe(1);
    expect(index.first(LAST, LAST)).toBe(2);
  });

  test("tells numbers beyond 32 bits, as long as those it holds lie within the span", () => {
    const index = new DedupIndex(0);
    const base = 3 * REMEMBERED_SPAN_MAX - 2;
    for (let i = 0; i < 5; i++) index.insert(7, 7, base + i);
    expect(allUnder(index, 7, 7)).toEqual([base, base + 1, base + 2, base + 3, base + 4]);
    index.remove(7, 7, base + 2);
    index.insert(7, 7, base + REMEMBERED_SPAN_MAX);
    index.remove(7, 7, base);
    expect(allUnder(index, 7, 7).sort()).toEqual([base + 1, base + 3, base + 4, base + REMEMBERED_SPAN_MAX]);
  });
});

describe("a rebuild", () => {
  /** More than are sorted together, and not a multiple of it. */
  const EVENTS = 1_300_001;

  test.each([0, EVENTS])(
    "into an index made for %i events holds what inserting one by one does",
    (expected) => {
      const random = SeededRandom.printed("index rebuild");
      const index = new DedupIndex(expected);
      const rebuild = new IndexRebuild(index);
      const words = Uint32Array.from({ length: EVENTS * 2 }, () => random.below(2 ** 32));
      // One fingerprint comes again, far away and close by.
      for (const later of [1, EVENTS - 1]) words.copyWithin(later * 2, 0, 2);
      for (let i = 0; i < EVENTS; i++) rebuild.add(words[i * 2]!, words[i * 2 + 1]!, i + 1);
      rebuild.finish();
      rebuild.finish();
      expect(index.size).toBe(EVENTS);
      expect(allUnder(index, words[0]!, words[1]!)).toEqual([1, 2, EVENTS]);
      for (let i = 2; i < EVENTS - 1; i++) {
        if (allUnder(index, words[i * 2]!, words[i * 2 + 1]!).join() !== String(i + 1))
          throw new Error(`event ${i + 1} is lost`);
      }
      expect(allUnder(index, words[0]!, words[1]! ^ 1)).toEqual([]);
    },
  );

  test("takes numbers beyond 32 bits, and none at all", () => {
    const index = new DedupIndex(0);
    const rebuild = new IndexRebuild(index);
    rebuild.finish();
    expect(index.size).toBe(0);
    const base = 3 * REMEMBERED_SPAN_MAX - 1;
    for (let i = 0; i < 4; i++) rebuild.add(LAST, LAST, base + i);
    rebuild.finish();
    expect(allUnder(index, LAST, LAST)).toEqual([base, base + 1, base + 2, base + 3]);
  });
});
