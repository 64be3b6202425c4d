/** Random numbers that a seed repeats: xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003). */

export class SeededRandom {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** Takes the seed from SEED, or a new one, and prints it, so that a failure can be repeated. */
  static printed(name: string): SeededRandom {
    const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
    console.log(`${name}: SEED=${seed}`);
    return new SeededRandom(seed);
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  /** Fisher and Yates. */
  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }
}
