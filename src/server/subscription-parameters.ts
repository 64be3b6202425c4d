/** What subscribers of every kind can ask for in a query: topics, and how often they want to be told. */

import { STATS_INTERVAL_DEFAULT_MS } from "../live/stats-hub.ts";
import { INTERVAL_MS_MAX } from "./models/parameters.ts";
import type { QueryReader } from "./query.ts";
import { faultsOfPatterns } from "./subscriber-frames.ts";

/** None means every topic. */
export function patternsOf(query: QueryReader, patternsMax: number): string[] {
  const patterns = query.list("topics");
  for (const fault of faultsOfPatterns(patterns, patternsMax)) query.fault("topics", fault);
  return patterns;
}

export function intervalOf(query: QueryReader): number {
  return query.integer("interval", { min: 0, max: INTERVAL_MS_MAX }) ?? STATS_INTERVAL_DEFAULT_MS;
}
