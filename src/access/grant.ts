/** What somebody may do within one scope. Made where they are authorised, judged where the topics are known. */

import { ALL_TOPICS } from "../events/topic-pattern.ts";

/** Immutable and plain, so that it can cross threads with the bodies it covers. */
export interface Grant {
  /** Who: for logs and metrics, never a credential. */
  readonly subject: string;
  /** Patterns of the topics that it covers; none covers nothing. */
  readonly topics: readonly string[];
}

export const ANYONE: Grant = { subject: "anyone", topics: [ALL_TOPICS] };
