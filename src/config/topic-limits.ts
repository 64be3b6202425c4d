/** A limit for all topics, or one for each of several patterns: `30d`, or `orders=90d,logs.*=1h,*=30d`. */

import { ALL_TOPICS, faultOfPattern } from "../events/topic-pattern.ts";
import { exampleOf, parseQuantity, type QuantityUnit } from "./quantity.ts";

export interface TopicLimit {
  /** A topic, or a prefix and one final `*`. */
  readonly pattern: string;
  /** Infinity where there is none. */
  readonly max: number;
}

/** What stands for no limit. */
export const UNLIMITED = "unlimited";

/** @returns the limits, or a sentence that says what is wrong, which begins with "to". */
export function parseTopicLimits(text: string, unit: QuantityUnit): readonly TopicLimit[] | string {
  const limits: TopicLimit[] = [];
  for (const part of text.split(",")) {
    // Topics may hold `=`; what comes after the last one is the limit.
    const at = part.lastIndexOf("=");
    const pattern = at < 0 ? ALL_TOPICS : part.slice(0, at);
    const value = part.slice(at + 1);
    const max = value === UNLIMITED ? Number.POSITIVE_INFINITY : parseQuantity(value, unit);
    if (max === undefined) return `to give a limit like ${exampleOf(unit)}, or \`${UNLIMITED}\``;
    const fault = faultOfPattern(pattern);
    if (fault !== undefined) return `to name topics: \`${pattern}\` ${fault}`;
    if (limits.some((limit) => limit.pattern === pattern)) return `to name \`${pattern}\` once`;
    limits.push({ pattern, max });
  }
  return limits;
}
