/** A seeded source of choices: the same seed makes the same history. */

export class Random {
  #state = 0;

  constructor(readonly seed: number) {
    this.restart(0);
  }

  /**
   * Begins the numbers of one part of a history. Each part has its own: what one part draws, or whether it is played
   * at all, changes nothing about the others. So a history can be shortened.
   */
  restart(part: number): void {
    // The finalizer of MurmurHash3 (A. Appleby, public domain): neighbouring parts and seeds have nothing in common.
    let state = Math.imul(this.seed, 0x9e3779b9) ^ Math.imul(part + 1, 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    this.#state = state ^ (state >>> 16);
  }

  /** A number in [0, 1): mulberry32 (T. Ettinger, public domain). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Some of the items, in any order. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    return Array.from(
      { length: Math.min(count, left.length) },
      () => left.splice(this.below(left.length), 1)[0]!,
    );
  }

  /** Picks a name by its weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.unit() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
    return entries[0]![0];
  }
}
