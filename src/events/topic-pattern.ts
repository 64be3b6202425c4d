/** Which topics are meant: a pattern is a topic, or a prefix and one final `*`. */

import { faultOfTopic } from "./text-rules.ts";

export const ALL_TOPICS = "*";

/** What is wrong with a pattern, or undefined. */
export function faultOfPattern(pattern: string): string | undefined {
  const prefix = pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
  if (prefix === "" && pattern === ALL_TOPICS) return undefined;
  return faultOfTopic(prefix) === undefined ? undefined : "must be a topic, or a prefix and one final `*`";
}

/** Whether one pattern means a topic; many at once are for `TopicPatterns`. */
export function isMatch(topic: string, pattern: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
}

/**
 * Patterns for what two lists of patterns both cover; none where that is nothing.
 * Both are taken as they stand: an empty list covers nothing here.
 */
export function intersectionOf(some: readonly string[], others: readonly string[]): readonly string[] {
  const both = some.flatMap((one) => others.flatMap((other) => narrower(one, other) ?? []));
  return [...new Set(both)];
}

/** The one of two patterns that covers nothing which the other does not. */
function narrower(one: string, other: string): string | undefined {
  if (covers(other, one)) return one;
  return covers(one, other) ? other : undefined;
}

/** Whether every topic that the second pattern means is one that the first means. */
function covers(wide: string, narrow: string): boolean {
  if (!wide.endsWith("*")) return wide === narrow;
  const prefix = narrow.endsWith("*") ? narrow.slice(0, -1) : narrow;
  return prefix.startsWith(wide.slice(0, -1));
}

export class TopicPatterns {
  /** Equal for equal sets of patterns, whatever their order. */
  readonly key: string;
  readonly #names: ReadonlySet<string>;
  /** In order, and none begins with another: so only the last one that is not after a topic can be its prefix. */
  readonly #prefixes: readonly string[];

  /** @param patterns each without a fault; none at all means every topic. */
  constructor(patterns: readonly string[]) {
    const distinct = patterns.length === 0 ? [ALL_TOPICS] : [...new Set(patterns)].sort();
    // No pattern can hold a comma, so the joined text is unambiguous.
    this.key = distinct.join(",");
    this.#names = new Set(distinct.filter((pattern) => !pattern.endsWith("*")));
    this.#prefixes = shortestOf(
      distinct.filter((pattern) => pattern.endsWith("*")).map((pattern) => pattern.slice(0, -1)),
    );
  }

  get matchesAll(): boolean {
    return this.#prefixes.includes("");
  }

  matches(topic: string): boolean {
    return this.#names.has(topic) || this.#hasPrefixOf(topic);
  }

  /** By bisection: a client may name a thousand prefixes, and they are held against every topic there is. */
  #hasPrefixOf(topic: string): boolean {
    let low = 0;
    let high = this.#prefixes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#prefixes[middle]! <= topic) low = middle + 1;
      else high = middle;
    }
    return low > 0 && topic.startsWith(this.#prefixes[low - 1]!);
  }
}

/** Prefixes in order, without those that begin with another and so cover nothing more. */
function shortestOf(prefixes: readonly string[]): string[] {
  const kept: string[] = [];
  for (const prefix of [...prefixes].sort()) {
    const last = kept.at(-1);
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  return kept;
}
