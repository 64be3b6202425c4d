/** Which units of a file's writes a power cut lost, in every combination that is worth a try. */

import type { SeededRandom } from "../support/seeded-random.ts";

/** What a disk writes whole, and what a file system does. */
export const SECTOR_BYTES = 512;
export const BLOCK_BYTES = 4_096;

/** With so many units or fewer, every subset is tried. */
const UNITS_WITH_ALL_SUBSETS_MAX = 12;

/** Of more units, so many drawn subsets, and pairs only of so many. */
const SUBSETS_DRAWN = 2_048;
const UNITS_IN_PAIRS_MAX = 80;

/** The units that are lost, by number. */
export type Loss = ReadonlySet<number>;

/**
 * All subsets of few units. Of many: none, each alone, each pair, all but each, each beginning and each end, and
 * subsets drawn at random.
 */
export function lossesOf(units: number, random: SeededRandom): Loss[] {
  const all = Array.from({ length: units }, (_, unit) => unit);
  if (units <= UNITS_WITH_ALL_SUBSETS_MAX)
    return Array.from({ length: 2 ** units }, (_, mask) => new Set(all.filter((unit) => (mask >> unit) & 1)));
  const losses: number[][] = [[], all];
  for (const unit of all) {
    losses.push([unit], all.toSpliced(unit, 1), all.slice(0, unit), all.slice(unit));
    for (let other = unit + 1; other < Math.min(units, UNITS_IN_PAIRS_MAX); other++)
      losses.push([unit, other]);
  }
  for (let i = 0; i < SUBSETS_DRAWN; i++) losses.push(all.filter(() => random.below(2) === 0));
  return losses.map((lost) => new Set(lost));
}

/** What stands where a write was lost: what was there before, nothing at all, or anything. */
export const LEFT_IN_PLACE = ["before", "zeros", "noise", "cut off"] as const;
export type LeftInPlace = (typeof LEFT_IN_PLACE)[number];

export interface Write {
  readonly before: Buffer;
  readonly after: Buffer;
  /** Bytes of the file that were written, the end exclusive. */
  readonly from: number;
  readonly to: number;
  readonly unitBytes: number;
}

/** Units are counted from the one in which the write begins, and lie at multiples of their size in the file. */
export function unitsOf({ from, to, unitBytes }: Write): number {
  return Math.ceil(to / unitBytes) - Math.floor(from / unitBytes);
}

/** The file with some units of a write lost; bytes outside of the write are never touched. */
export function withLoss(write: Write, loss: Loss, left: LeftInPlace, random: SeededRandom): Buffer {
  const { before, after, from, to, unitBytes } = write;
  const file = Buffer.from(after);
  const first = Math.floor(from / unitBytes);
  let end = to;
  for (const unit of [...loss].sort((a, b) => b - a)) {
    const [start, stop] = [
      Math.max(from, (first + unit) * unitBytes),
      Math.min(to, (first + unit + 1) * unitBytes),
    ];
    if (left === "noise") for (let at = start; at < stop; at++) file[at] = random.below(256);
    else file.fill(0, start, stop);
    if (left === "before" && start < before.length)
      before.copy(file, start, start, Math.min(stop, before.length));
    if (left === "cut off" && stop === end) end = start;
  }
  // Where only the end is lost the file may never have grown.
  return left === "cut off" && after.length === to
    ? file.subarray(0, Math.max(end, Math.min(to, before.length)))
    : file;
}
