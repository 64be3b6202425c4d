/** In which order ids come: ascending like UUIDv7 and ULID, or all over the place like UUIDv4. */

export type IdOrder = "random" | "ascending";

/** An id has twelve digits that vary: two halves of six. */
const HALF = 1_000_000;

/** The golden ratio's fraction in 32 bits, and two primes: any odd numbers that mix well. */
const ROUNDS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35] as const;

/**
 * Another number for each number below 10^12, without order in it and never the same twice: a Feistel network.
 *
 * An index that is kept sorted has it easy with ascending ids, which all go to its end.
 */
export function scatter(number: number): number {
  let left = Math.floor(number / HALF);
  let right = number % HALF;
  for (const round of ROUNDS) {
    const mixed = Math.imul(right ^ (right >>> 7), round) >>> 0;
    [left, right] = [right, (left + (mixed % HALF)) % HALF];
  }
  return left * HALF + right;
}
