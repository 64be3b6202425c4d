/** What goes into the ledger and what comes out: one outcome for each publish. */

import type { Grant } from "../access/grant.ts";
import type { PublishForm } from "../events/decoded-publish.ts";
import type { Counters } from "../events/event.ts";
import type { Problem } from "../problem.ts";
import type { StoreContents } from "../storage/event-store.ts";
import type { AnswerFigures, RequestKey } from "../storage/request-answers.ts";

/** One body or frame, as the text it came in. */
export interface Publish {
  readonly text: string;
  readonly form: PublishForm;
  /** Whether the answer is to hold a result per event; a frame may also ask for it itself. */
  readonly wantsResults: boolean;
  readonly grant: Grant;
  /** Of a stream of pieces: once one is not taken whole, those behind it with the same number are refused. From 1. */
  readonly stream?: number;
  /** Where the whole request is to be done once. */
  readonly key?: RequestKey;
}

export interface Accepted {
  readonly kind: "accepted";
  readonly counters: Counters;
  /** The frame's id as JSON text. */
  readonly frameId: string | undefined;
  /** For one event that was sent bare: JSON members that say what became of it. */
  readonly single: string | undefined;
  /** Elements of a JSON array, one per event, where they were asked for. */
  readonly results: string | undefined;
  /** It is the answer to an earlier request with the same key; nothing was stored or counted for this one. */
  readonly isReplayed?: true;
  /** Of a piece of lines. */
  readonly lines?: TakenLines;
}

/** How far a piece of lines was taken: lines are taken up to the first that is wrong. */
export interface TakenLines {
  /** From the top of the piece, blank ones included. */
  readonly count: number;
  /** What is wrong with the line after them; its places are relative to the event of that line. */
  readonly problem?: Problem;
}

export interface Refused {
  readonly kind: "refused";
  readonly problem: Problem;
  readonly frameId: string | undefined;
}

export type Outcome = Accepted | Refused;

/** What one commit added, told before any of its outcomes. */
export interface CommitNotice {
  readonly at: number;
  readonly newTopics: readonly string[];
  /** See `INCREMENT_COLUMNS`. */
  readonly rows: Float64Array;
}

/** What the ledger tells those it works for. */
export interface LedgerEvents {
  /** The store was opened, or opened again: counters start from these contents. */
  opened(contents: StoreContents): void;
  committed(notice: CommitNotice): void;
  /** The answers that are kept under the keys of requests are so many now. */
  answersKept(figures: AnswerFigures): void;
  /** The store cannot be opened at all, or never again by this process: the node must not run. */
  unusable(reason: string): void;
  /** Storage fails, until `healed` or `opened`. The text is for the log. */
  failed(reason: string): void;
  /** Storage works again, and the counters are what they were. */
  healed(): void;
  /** Something went wrong that no publish but one, or none, suffers from. The text is for the log. */
  fault(reason: string): void;
}

/** The one way in, as the edges see it. */
export interface Ledger {
  /** What `submit` would answer now to a publish of so many bytes, so that a body need not be read to be refused. */
  refusalOf(bytes: number): Problem | undefined;
  /**
   * Takes a publish. `answer` is called once; answers come in the order in which publishes were taken.
   * @returns a problem when it was not taken (`overloaded`, `starting`, `draining`, `storage_failing`).
   */
  submit(publish: Publish, answer: (outcome: Outcome) => void): Problem | undefined;
  /** Rows that may hold this key. @throws ProblemError `storage_failing` while the store is not open. */
  locate(topic: string, scope: string, eventId: string): Promise<number[]>;
}

export function refusal(problem: Problem, frameId?: string): Refused {
  return { kind: "refused", problem, frameId };
}
