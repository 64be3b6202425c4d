/** What a simulation throws when a guarantee does not hold. */

export class Violation extends Error {
  override readonly name = "Violation";
}

export function guarantee(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new Violation(otherwise());
}

/** @throws Violation unless both have the same JSON. */
export function guaranteeSame(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  guarantee(left === right, () => `${what}: expected ${right}, got ${left}`);
}
