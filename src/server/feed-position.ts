/** From where a reader of the feed wants to be told: what stands in `after`. */

import type { Cursors } from "./cursors.ts";
import { type EventPosition, eventPositionOf, LATEST } from "./event-positions.ts";
import type { QueryReader } from "./query.ts";

/** @returns a position, or `latest`, which is the default; notes a fault where there is none. */
export function positionIn(query: QueryReader, cursors: Cursors): EventPosition | typeof LATEST {
  const asked = eventPositionOf(query.text("after") ?? LATEST, cursors, { takesLatest: true });
  if (asked === LATEST) return LATEST;
  if ("fault" in asked) {
    query.fault("after", asked.fault);
    return LATEST;
  }
  return asked;
}
