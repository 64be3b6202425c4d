/** Counts what the histories of this process did: steps, commits, faults, crashes, checks. */

export type Counts = Record<string, Record<string, number>>;

export class Tally {
  #counts: Counts = {};

  count(group: string, name: string, by = 1): void {
    const names = (this.#counts[group] ??= {});
    names[name] = (names[name] ?? 0) + by;
  }

  /** What was counted since it was taken last. */
  take(): Counts {
    const taken = this.#counts;
    this.#counts = {};
    return taken;
  }

  add(counts: Counts): void {
    for (const [group, names] of Object.entries(counts))
      for (const [name, by] of Object.entries(names)) this.count(group, name, by);
  }

  sum(group: string): number {
    return Object.values(this.#counts[group] ?? {}).reduce((sum, count) => sum + count, 0);
  }

  /** In order of their names. */
  sorted(): Counts {
    const inOrder = <T>(record: Record<string, T>): Record<string, T> =>
      Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
    return inOrder(Object.fromEntries(Object.entries(this.#counts).map(([k, names]) => [k, inOrder(names)])));
  }
}

/** One for the thread: a history runs on a single one. */
export const tally = new Tally();
