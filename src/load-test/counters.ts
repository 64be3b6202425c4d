/** The four counters as a node tells them: in acknowledgements, and for each topic in its statistics. */

import { askJson, LoadError, type NodeAddress } from "./node-answer.ts";

export interface Counters {
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

const COUNTER_NAMES = ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const;

export function countersFrom(number: (name: keyof Counters) => number): Counters {
  const entries = COUNTER_NAMES.map((name) => [name, number(name)] as const);
  return Object.fromEntries(entries) as unknown as Counters;
}

export function sumOf(list: readonly Counters[]): Counters {
  return countersFrom((name) => list.reduce((sum, counters) => sum + counters[name], 0));
}

export function differenceOf(after: Counters, before: Counters): Counters {
  return countersFrom((name) => after[name] - before[name]);
}

export function areEqual(a: Counters, b: Counters): boolean {
  return COUNTER_NAMES.every((name) => a[name] === b[name]);
}

/** As it stands in a sentence. */
export function wordsOf(counters: Counters): string {
  const { received, unique_processed: unique, duplicate_dropped: duplicates, conflicts } = counters;
  return `received ${received}, unique ${unique}, duplicates ${duplicates}, conflicts ${conflicts}`;
}

/** @throws LoadError when an answer is none of a onefold node. */
export function readCounters(answer: unknown): Counters {
  return countersFrom((name) => {
    const value = (answer as Partial<Counters> | null)?.[name];
    if (Number.isSafeInteger(value)) return value!;
    throw new LoadError(`What answers there is no onefold node: its answer has no number \`${name}\`.`);
  });
}

/** What a node has counted on these topics so far. @throws LoadError */
export async function countersOfTopics(node: NodeAddress, topics: readonly string[]): Promise<Counters> {
  const asked = topics.map((topic) => askJson(node, `/stats?topic=${encodeURIComponent(topic)}`));
  return sumOf((await Promise.all(asked)).map(readCounters));
}
