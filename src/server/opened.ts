/** Before the store has been opened for the first time there is nothing to read: neither events nor counters. */

import type { StatsHub } from "../live/stats-hub.ts";
import { refuse } from "../problem.ts";
import { NOT_OPENED } from "./models/problem.ts";

/** @throws ProblemError `starting` */
export function expectOpened({ board }: StatsHub): void {
  if (!board.isOpen) refuse("starting", NOT_OPENED);
}
