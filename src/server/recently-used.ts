/** So many values by their keys: those that were not asked for the longest go first. */

export class RecentlyUsed<Key, Value> {
  /** In the order of their last use. */
  readonly #values = new Map<Key, Value>();

  constructor(private readonly sizeMax: number) {}

  /** The value that is there, or else a new one. */
  of(key: Key, make: () => Value): Value {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.sizeMax) {
      const [oldest] = this.#values.keys();
      this.#values.delete(oldest!);
    }
    return value;
  }
}
