/**
 * What a caller may see: its topics among those of the board, and what it asks for judged by that. Whoever was let in
 * has a grant that covers some topic.
 */

import type { Grant } from "../access/grant.ts";
import type { Counters } from "../events/event.ts";
import { TopicPatterns } from "../events/topic-pattern.ts";
import type { CounterBoard } from "../live/counter-board.ts";
import { TopicFilter } from "../live/topic-filter.ts";
import { refuse } from "../problem.ts";
import { RecentlyUsed } from "./recently-used.ts";

/** Each holds the numbers of all topics that its patterns cover, and anybody's token may bring patterns of its own. */
export const FILTERS_KEPT_MAX = 64;

const patternsByGrant = new WeakMap<Grant, TopicPatterns>();
const filtersByBoard = new WeakMap<CounterBoard, RecentlyUsed<string, TopicFilter>>();

/** The same object for the same grant. */
function patternsOf(grant: Grant): TopicPatterns {
  let patterns = patternsByGrant.get(grant);
  if (patterns === undefined) patternsByGrant.set(grant, (patterns = new TopicPatterns(grant.topics)));
  return patterns;
}

export function seesAll(grant: Grant): boolean {
  return patternsOf(grant).matchesAll;
}

export function sees(grant: Grant, topic: string): boolean {
  return patternsOf(grant).matches(topic);
}

/** Topics of a board, by their numbers. */
export interface VisibleTopics {
  readonly count: number;
  has(id: number): boolean;
  /** In ascending order. */
  ids(): Iterable<number>;
  totals(): Counters;
}

/** The topics of a board that a grant covers, as of now. */
export function visibleTopics(grant: Grant, board: CounterBoard): VisibleTopics {
  if (seesAll(grant)) return allTopics(board);
  const filter = filterOf(patternsOf(grant), board);
  const ids = filter.ids();
  return { count: ids.size, has: (id) => ids.has(id), ids: () => ids, totals: () => filter.totals() };
}

function allTopics(board: CounterBoard): VisibleTopics {
  return { count: board.topicCount, has: () => true, ids: () => idsOf(board), totals: () => board.totals };
}

function* idsOf({ topicCount }: CounterBoard): Generator<number> {
  for (let id = 1; id <= topicCount; id++) yield id;
}

/** Kept, so that a board's topics are held against the same patterns once. */
function filterOf(patterns: TopicPatterns, board: CounterBoard): TopicFilter {
  let filters = filtersByBoard.get(board);
  if (filters === undefined) filtersByBoard.set(board, (filters = new RecentlyUsed(FILTERS_KEPT_MAX)));
  return filters.of(patterns.key, () => new TopicFilter(patterns, board));
}

/** @throws ProblemError `forbidden_topic` */
export function expectVisible(grant: Grant, topic: string): void {
  if (!sees(grant, topic)) refuse("forbidden_topic", `Reading \`${topic}\` is not allowed.`);
}

/**
 * What is left of the patterns that a subscriber asks for; none means every topic, and its answer every one it may see.
 * @throws ProblemError `forbidden_topic` for a pattern of which nothing is left.
 */
export function visiblePatterns(grant: Grant, asked: readonly string[]): readonly string[] {
  if (seesAll(grant)) return asked;
  if (asked.length === 0) return grant.topics;
  const patterns = patternsOf(grant);
  const lost = asked.find((pattern) => !patterns.meets(pattern));
  if (lost !== undefined) refuse("forbidden_topic", `Reading \`${lost}\` is not allowed.`);
  return patterns.intersectionWith(asked);
}
