/**
 * How long events are kept. A rule covers the topics that match its pattern and no more specific one of the same kind;
 * its limit is on these topics together. What is removed is always the oldest; counters are never touched.
 */

import { isMatch } from "../events/topic-pattern.ts";

export interface RetentionRule {
  /** A topic, or a prefix and one final `*`. */
  readonly pattern: string;
  /** Events, bytes or milliseconds; infinity keeps everything. */
  readonly max: number;
}

export interface Retention {
  readonly events: readonly RetentionRule[];
  /** Sizes as they count in the store: text, and a constant for each event. */
  readonly bytes: readonly RetentionRule[];
  /** Ages by time of receipt. */
  readonly ages: readonly RetentionRule[];
  /** Ids are remembered for so long after their first arrival, and always for as long as their event. */
  readonly dedupWindowMs: number;
}

export const KEEP_EVERYTHING: Retention = { events: [], bytes: [], ages: [], dedupWindowMs: 0 };

export function keepsEverything({ events, bytes, ages }: Retention): boolean {
  return events.length + bytes.length + ages.length === 0;
}

/** What one step of pruning did. */
export interface PruneReport {
  /** Events removed. */
  readonly removed: number;
  /** Whether nothing more is due now. */
  readonly isDone: boolean;
  /** How many rules there are: each is served once in so many steps. */
  readonly rules: number;
}

/** The rule that a topic falls under: its own name before any prefix, a longer prefix before a shorter one. */
export function ruleFor(topic: string, rules: readonly RetentionRule[]): RetentionRule | undefined {
  let best: RetentionRule | undefined;
  for (const rule of rules) {
    if (!isMatch(topic, rule.pattern)) continue;
    if (best === undefined || isMoreSpecific(rule.pattern, best.pattern)) best = rule;
  }
  return best;
}

/** Of two patterns that match the same topic. */
function isMoreSpecific(pattern: string, than: string): boolean {
  if (pattern.endsWith("*") !== than.endsWith("*")) return than.endsWith("*");
  return pattern.length > than.length;
}
