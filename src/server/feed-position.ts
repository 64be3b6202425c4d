/** From where a reader of the feed wants to be told: what stands in `after`. */

import type { QueryReader } from "./query.ts";

/** The default: what comes from now on. */
const LATEST = "latest";

/**
 * @param newest the `seq` of the newest event.
 * @returns a `seq`; notes a fault where there is none, or one that is yet to come.
 */
export function positionIn(query: QueryReader, newest: number): number | typeof LATEST {
  const text = query.text("after") ?? LATEST;
  if (text === LATEST) return LATEST;
  const position = query.integer("after", { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (position === undefined) return LATEST;
  if (position > newest) query.fault("after", "is beyond the newest event");
  return position;
}
