/** What a simulation throws when a guarantee does not hold, and the two ways to hold something against one. */

import type { Check } from "./checks.ts";
import { tally } from "./tally.ts";

export class Violation extends Error {
  override readonly name = "Violation";
  constructor(
    readonly check: Check,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${check}: ${detail}`, options);
  }
}

export function guarantee(check: Check, holds: boolean, otherwise: () => string): asserts holds {
  tally.count("checks", check);
  if (!holds) throw new Violation(check, otherwise());
}

/** @throws Violation unless both have the same JSON. */
export function guaranteeSame(check: Check, actual: unknown, expected: unknown, what: string): void {
  tally.count("checks", check);
  if (actual === expected || Bun.deepEquals(actual, expected)) return;
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Violation(check, `${what}: expected ${right}, got ${left}`);
}
