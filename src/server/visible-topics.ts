/**
 * What a caller may see: its topics among those of the board, and what it asks for judged by that. Whoever was let in
 * has a grant that covers some topic.
 */

import type { Grant } from "../access/grant.ts";
import { TopicPatterns } from "../events/topic-pattern.ts";
import type { CounterBoard } from "../live/counter-board.ts";
import { TopicFilter } from "../live/topic-filter.ts";
import { refuse } from "../problem.ts";

const patternsByGrant = new WeakMap<Grant, TopicPatterns>();
const filtersByGrant = new WeakMap<Grant, TopicFilter>();

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

/** The topics of a board that a grant covers. Kept, so that a board's topics are held against a grant once. */
export function visibleTopics(grant: Grant, board: CounterBoard): TopicFilter {
  let filter = filtersByGrant.get(grant);
  if (filter === undefined) filtersByGrant.set(grant, (filter = new TopicFilter(patternsOf(grant), board)));
  return filter;
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
