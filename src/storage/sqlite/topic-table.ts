/** Topic names and their numbers, with those of the running commit kept apart until it has succeeded. */

export class TopicTable {
  readonly #idByName = new Map<string, number>();
  #staged: string[] = [];

  /** @param names in the order of their numbers, from 1. */
  constructor(names: readonly string[]) {
    for (const name of names) this.#idByName.set(name, this.#idByName.size + 1);
  }

  /** Topics that are stored; staged ones don't count. */
  get count(): number {
    return this.#idByName.size - this.#staged.length;
  }

  get staged(): readonly string[] {
    return this.#staged;
  }

  has(name: string): boolean {
    return this.#idByName.has(name);
  }

  idOf(name: string): number | undefined {
    return this.#idByName.get(name);
  }

  /** The topic's number; a new topic is staged with the next one. */
  idOrStage(name: string): number {
    const known = this.#idByName.get(name);
    if (known !== undefined) return known;
    const id = this.#idByName.size + 1;
    this.#idByName.set(name, id);
    this.#staged.push(name);
    return id;
  }

  /** The commit succeeded: what was staged is stored. */
  keepStaged(): void {
    this.#staged = [];
  }

  /** The commit failed: what was staged never was. */
  dropStaged(): void {
    for (const name of this.#staged) this.#idByName.delete(name);
    this.#staged = [];
  }
}
