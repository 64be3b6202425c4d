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

export class TopicPatterns {
  /** Equal for equal sets of patterns, whatever their order. */
  readonly key: string;
  /** Each once, in order. */
  readonly list: readonly string[];
  readonly #names: ReadonlySet<string>;
  readonly #namesInOrder: readonly string[];
  /** In order, and none begins with another: so only the last one that is not after a topic can be its prefix. */
  readonly #prefixes: readonly string[];

  /** @param patterns each without a fault; none at all means every topic. */
  constructor(patterns: readonly string[]) {
    const distinct = patterns.length === 0 ? [ALL_TOPICS] : [...new Set(patterns)].sort();
    // No pattern can hold a comma, so the joined text is unambiguous.
    this.key = distinct.join(",");
    this.list = distinct;
    this.#namesInOrder = distinct.filter((pattern) => !pattern.endsWith("*"));
    this.#names = new Set(this.#namesInOrder);
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

  /** Whether any topic that a pattern may mean is covered. */
  meets(pattern: string): boolean {
    if (!pattern.endsWith("*")) return this.matches(pattern);
    const prefix = pattern.slice(0, -1);
    if (this.#hasPrefixOf(prefix)) return true;
    return isFirstFrom(this.#namesInOrder, prefix) || isFirstFrom(this.#prefixes, prefix);
  }

  /**
   * Patterns for what these and those of a list both cover; none where that is nothing. Each of these is named once at
   * most, so that they are no more than both lists together.
   * @param asked taken as it stands: an empty list covers nothing here.
   */
  intersectionWith(asked: readonly string[]): readonly string[] {
    const both = new Set<string>();
    for (const name of asked) if (!name.endsWith("*") && this.matches(name)) both.add(name);
    const prefixes = asked.filter((pattern) => pattern.endsWith("*")).map((pattern) => pattern.slice(0, -1));
    for (const prefix of shortestOf(prefixes)) {
      if (this.#hasPrefixOf(prefix)) both.add(`${prefix}*`);
      else {
        for (const name of startingWith(this.#namesInOrder, prefix)) both.add(name);
        for (const longer of startingWith(this.#prefixes, prefix)) both.add(`${longer}*`);
      }
    }
    return [...both];
  }

  /** By bisection: a client may name a thousand prefixes, and they are held against every topic there is. */
  #hasPrefixOf(topic: string): boolean {
    const after = placeOf(this.#prefixes, (prefix) => prefix > topic);
    return after > 0 && topic.startsWith(this.#prefixes[after - 1]!);
  }
}

/** The place of the first text in order for which it holds; it holds for all that follow. */
function placeOf(texts: readonly string[], holds: (text: string) => boolean): number {
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(texts[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Those of texts in order that begin with a prefix: they stand together. */
function* startingWith(texts: readonly string[], prefix: string): Generator<string> {
  for (let i = placeOf(texts, (text) => text >= prefix); i < texts.length; i++) {
    if (!texts[i]!.startsWith(prefix)) return;
    yield texts[i]!;
  }
}

function isFirstFrom(texts: readonly string[], prefix: string): boolean {
  return texts[placeOf(texts, (text) => text >= prefix)]?.startsWith(prefix) === true;
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
