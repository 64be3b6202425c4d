/** What a publisher may do. Made where it is authorised, judged where its events have been decoded. */

import { ALL_TOPICS } from "../events/topic-pattern.ts";

/** Immutable and plain, so that it can cross threads with the bodies it covers. */
export interface Grant {
  /** Who: for logs and metrics, never a credential. */
  readonly subject: string;
  /** Patterns of the topics that may be published to. */
  readonly topics: readonly string[];
}

export const ANYONE: Grant = { subject: "anyone", topics: [ALL_TOPICS] };
