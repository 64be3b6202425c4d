/** What the routes work with; made in one place, handed to each. */

import type { LedgerClient } from "../ingest/ledger-client.ts";
import type { BodyDeadlines } from "../limits/body-deadlines.ts";
import type { EventFeed } from "../live/event-feed.ts";
import type { StatsHub } from "../live/stats-hub.ts";
import type { EventReader } from "../storage/event-reader.ts";
import type { Admission } from "./admission.ts";
import type { BodyBudget } from "./body.ts";
import type { Cursors } from "./cursors.ts";
import type { KeyedRequests } from "./keyed-requests.ts";
import type { LargeAnswers } from "./large-answers.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { OriginPolicy } from "./origins.ts";
import type { RefusalCounts } from "./refusals.ts";
import type { RequestTurns } from "./request-turns.ts";

export interface ServerLimits {
  readonly bodyBytesMax: number;
  /** Bytes of large bodies that are being read at one time. */
  readonly readingBytesMax: number;
  readonly eventsMax: number;
  readonly inflightMax: number;
  readonly patternsMax: number;
  readonly idleSeconds: number;
  readonly socketIdleSeconds: number;
}

export interface Services {
  readonly admission: Admission;
  readonly origins: OriginPolicy;
  readonly ledger: LedgerClient;
  readonly reader: EventReader;
  readonly hub: StatsHub;
  readonly feed: EventFeed;
  readonly cursors: Cursors;
  readonly streams: OpenStreams;
  readonly limits: ServerLimits;
  /** The limits as they were set, by the name of their setting: for the metrics. */
  readonly limitSettings: Readonly<Record<string, number>>;
  readonly refusals: RefusalCounts;
  /** One for all that the node listens on. */
  readonly bodyBudget: BodyBudget;
  readonly bodies: BodyDeadlines;
  readonly answers: LargeAnswers;
  /** One for all that the node listens on. */
  readonly keyedRequests: KeyedRequests;
  /** One for all that the node listens on. */
  readonly turns: RequestTurns;
  /** Ends the connection of a request after so many seconds of silence; 0 never does. */
  readonly setIdleTimeout: (request: Request, seconds: number) => void;
  readonly clock: ServerClock;
  /** Tells the person who runs the node; never a payload, a token or a query string. */
  readonly log: (line: string) => void;
}

export interface ServerClock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The same, when the process started. */
  readonly startedAt: number;
}
