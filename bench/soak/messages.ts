/** What the soak's processes tell each other. */

import type { Counters } from "../../src/load-test/counters.ts";
import type { LatencySummary } from "../load/latencies.ts";

export interface PublishersStart {
  readonly url: string;
  readonly seed: number;
  readonly seconds: number;
  readonly sampleSeconds: number;
  /** Events a second; undefined: as many as are answered. */
  readonly rate: number | undefined;
  readonly oldEventsMax: number;
}

/** Since the interval before. */
export interface PublishInterval {
  readonly eventsPerSecond: number;
  /** From the moment a batch was to be sent until its answer; undefined when nothing was answered. */
  readonly ack: LatencySummary | undefined;
  /** How late the publishers themselves were at worst: so much of `ack.maxMs` is none of the node's. */
  readonly sentLateMsMax: number;
  readonly uniqueEvents: number;
}

/** Everything has been answered. */
export interface Published {
  /** What must have been counted, by topic. */
  readonly expected: Readonly<Record<string, Counters>>;
  /** Sum of the acknowledgements. */
  readonly acknowledged: Counters;
  /** Frames and requests refused as they had to be. */
  readonly rejected: number;
  /** Batches sent again because the node said 503. */
  readonly sentAgain: number;
}

export interface SubscribersStart {
  readonly url: string;
  readonly seed: number;
}

export interface SubscribersState {
  readonly open: number;
  /** Connections opened so far. */
  readonly opened: number;
  /** Of these by naming epoch and revision, and answered by a delta. */
  readonly resumed: number;
  readonly frames: number;
  /** Closed with 4408 for not reading. */
  readonly closedAsTooSlow: number;
  /** The same, but the reader came too late for the closing code. */
  readonly cut: number;
  /** GET requests answered. */
  readonly reads: number;
}

/** What every subscriber must arrive at. */
export interface Truth {
  readonly epoch: string;
  readonly topics: Readonly<Record<string, Counters>>;
}

export type ToChild =
  | { readonly type: "start"; readonly options: PublishersStart | SubscribersStart }
  | { readonly type: "report" }
  /** No more publishes come: arrive at the truth, and say so. */
  | { readonly type: "settle"; readonly truth: Truth }
  | { readonly type: "leave" };

export type FromChild =
  | { readonly type: "interval"; readonly interval: PublishInterval }
  | { readonly type: "published"; readonly published: Published }
  | { readonly type: "state"; readonly state: SubscribersState }
  /** Views compared with the truth; those that differ are failures. */
  | { readonly type: "settled"; readonly compared: number }
  | { readonly type: "left" }
  | { readonly type: "failed"; readonly reason: string };
