/** Which topics are meant: a pattern is a topic, or a prefix and one final `*`. */

import { faultOfTopic } from "./text-rules.ts";

export const ALL_TOPICS = "*";

/** What is wrong with a pattern, or undefined. */
export function faultOfPattern(pattern: string): string | undefined {
  const prefix = pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
  if (prefix === "" && pattern === ALL_TOPICS) return undefined;
  return faultOfTopic(prefix) === undefined ? undefined : "must be a topic, or a prefix and one final `*`";
}

export class TopicPatterns {
  /** Equal for equal sets of patterns, whatever their order. */
  readonly key: string;
  /** Exact topics when there is no prefix among the patterns, so that they can be looked up one by one. */
  readonly exact: ReadonlySet<string> | undefined;
  readonly #names: ReadonlySet<string>;
  readonly #prefixes: readonly string[];

  /** @param patterns each without a fault; none at all means every topic. */
  constructor(patterns: readonly string[]) {
    const distinct = patterns.length === 0 ? [ALL_TOPICS] : [...new Set(patterns)].sort();
    // No pattern can hold a comma, so the joined text is unambiguous.
    this.key = distinct.join(",");
    this.#names = new Set(distinct.filter((pattern) => !pattern.endsWith("*")));
    this.#prefixes = distinct
      .filter((pattern) => pattern.endsWith("*"))
      .map((pattern) => pattern.slice(0, -1));
    this.exact = this.#prefixes.length === 0 ? this.#names : undefined;
  }

  get matchesAll(): boolean {
    return this.#prefixes.includes("");
  }

  matches(topic: string): boolean {
    return this.#names.has(topic) || this.#prefixes.some((prefix) => topic.startsWith(prefix));
  }
}
