/**
 * What a store of events guarantees, whatever it is built on.
 *
 * - **Atomic**: one `append` is one transaction. Events, dedup keys and counters are all in it, or none is.
 * - **Durable**: when `append` returns, the transaction has been synced; a power cut does not undo it.
 * - **Exact**: an event is a duplicate if and only if its (topic, scope, event id) is remembered already, or stands
 *   earlier in the same batch. An id is remembered for as long as its event is stored, and then for the rest of the
 *   dedup window. While the event is stored, fingerprints only ever choose which rows to compare.
 * - **Ordered**: `seq` ascends in the order of the events in the batches; a duplicate takes none.
 * - **Clean**: an `append` that throws a `StoreError` with outcome `refused` left nothing behind, on disk or in
 *   memory. With outcome `unknown` it may have been stored; the store must be reopened before it is used again.
 *
 * - **Answered**: the answers that come with a batch are in its transaction, so no crash can part them from its events.
 * - **Retained**: `prune` removes events, the oldest first, and leaves all counters as they are.
 *
 * One caller at a time: neither `append` nor `prune` is called while one of them runs.
 */

import type { Counters, EventRecord } from "../events/event.ts";
import type { AnswerFigures, KeptAnswer, KeyedAnswer, RequestKey } from "./request-answers.ts";
import type { PruneReport } from "./retention.ts";

export interface Batch {
  readonly events: readonly EventRecord[];
  /** Milliseconds since 1970. The store keeps it from going backwards. */
  readonly receivedAt: number;
  /**
   * Makes the answers to be kept with the batch, once it is decided what becomes of its events and before that is
   * written. Each is of a request whose answer is not known.
   */
  readonly answers?: (verdicts: Verdicts) => readonly KeyedAnswer[];
}

/** One entry per event of the batch, in its order, as columns. Valid until the next `append`. */
export interface Verdicts {
  readonly status: Uint8Array;
  /** The first arrival's. */
  readonly seq: Float64Array;
  /** The first arrival's, in milliseconds since 1970. */
  readonly firstReceivedAt: Float64Array;
}

/** Numbers per topic in `Increments.rows`: topic number, received, unique_processed, duplicate_dropped, conflicts. */
export const INCREMENT_COLUMNS = 5;

/** What one commit added to the counters. */
export interface Increments {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** Topics seen for the first time; they take the next topic numbers, in this order. */
  readonly newTopics: readonly string[];
  /** `INCREMENT_COLUMNS` numbers for each topic that changed. */
  readonly rows: Float64Array;
}

export interface AppendResult {
  readonly verdicts: Verdicts;
  readonly increments: Increments;
}

export interface StoredTopic extends Counters {
  readonly name: string;
  /** Milliseconds since 1970 of the first and the last commit that counted something here. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What is in the store when it is opened; topic number n is `topics[n - 1]`. */
export interface StoreContents {
  /** The identity of what is stored: another one after a restore. */
  readonly databaseId: string;
  readonly topics: readonly StoredTopic[];
  /** Events that are stored; those that retention has removed don't count. */
  readonly events: number;
  /** The `seq` that was given last, 0 where none was; each new event takes the next one. */
  readonly newest: number;
}

export interface EventStore {
  /** Opens, or opens again after an unknown outcome, trusting nothing but what is stored. */
  open(): StoreContents;
  append(batch: Batch): AppendResult;
  /**
   * What was answered to the request before, or undefined where that is not known or not known any more. `damaged` is
   * an answer that is not as it was written: storing another puts it in its place.
   * @throws StoreError
   */
  answerTo(request: RequestKey): KeptAnswer | "damaged" | undefined;
  readonly answersKept: AnswerFigures;
  /**
   * Takes one bounded step towards what retention asks for.
   * @param now milliseconds since 1970.
   * @param rowsMax events that the step may look at.
   * @throws StoreError
   */
  prune(now: number, rowsMax: number): PruneReport;
  hasTopic(name: string): boolean;
  readonly topicCount: number;
  /** Sequence numbers that may belong to this key: the right one is among them if it is stored. */
  locate(topic: string, scope: string, eventId: string): number[];
  close(): void;
}

export type StoreOutcome = "refused" | "unknown";

/** An `append` that did not succeed. The cause is for the log, never for a client. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  constructor(
    readonly outcome: StoreOutcome,
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}
