/** From where a reader of the feed wants to be told: what stands in `after`. */

import type { Cursors } from "./cursors.ts";
import { eventPositionOf, LATEST } from "./event-positions.ts";
import type { QueryReader } from "./query.ts";

/**
 * @param newest the `seq` of the newest event.
 * @returns a `seq`, or `latest`, which is the default; notes a fault where there is none, or one that is yet to come.
 */
export function positionIn(query: QueryReader, newest: number, cursors: Cursors): number | typeof LATEST {
  const asked = eventPositionOf(query.text("after") ?? LATEST, cursors, { takesLatest: true });
  if (asked === LATEST) return LATEST;
  if ("fault" in asked) {
    query.fault("after", asked.fault);
    return LATEST;
  }
  if (asked.seq > newest) query.fault("after", "is beyond the newest event");
  return asked.seq;
}
