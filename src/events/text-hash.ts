/** A hash of short texts, unit by unit, for what sees the units anyway: FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo). */

export const HASH_START = 0x811c9dc5 | 0;

const HASH_FACTOR = 0x01000193;

/** The hash of a text and one more UTF-16 unit, given that of the text. */
export function hashWith(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, HASH_FACTOR);
}
