/**
 * What the edge thread and the ledger thread say to each other.
 *
 * All that arrived in a tick crosses in one message, and all that a commit decided in another. Structured cloning is
 * cheap for strings and typed arrays and dear for objects, so outcomes cross as columns.
 */

import type { Problem } from "../problem.ts";
import type { StoreContents } from "../storage/event-store.ts";
import type { Grant } from "./grant.ts";
import type { CommitNotice, Outcome, Publish } from "./publish.ts";

export type ToLedger =
  | { readonly kind: "publishes"; readonly batch: PublishBatch }
  | {
      readonly kind: "locate";
      readonly ticket: number;
      readonly topic: string;
      readonly scope: string;
      readonly eventId: string;
    }
  | { readonly kind: "close" };

export type FromLedger =
  | { readonly kind: "opened"; readonly contents: StoreContents }
  | { readonly kind: "unusable"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "fault"; readonly reason: string }
  | {
      readonly kind: "outcomes";
      readonly notice: CommitNotice | undefined;
      readonly outcomes: OutcomeColumns;
    }
  | { readonly kind: "located"; readonly ticket: number; readonly seqs: number[] }
  | { readonly kind: "closed" };

/** Publishes as columns; `grantOf` points into `grants`, which are few. */
export interface PublishBatch {
  readonly texts: string[];
  readonly flags: number[];
  readonly grantOf: number[];
  readonly grants: Grant[];
}

const FLAG_FRAME = 1;
const FLAG_RESULTS = 2;

export function emptyPublishBatch(): PublishBatch {
  return { texts: [], flags: [], grantOf: [], grants: [] };
}

export function addPublish(batch: PublishBatch, { text, form, wantsResults, grant }: Publish): void {
  let grantAt = batch.grants.indexOf(grant);
  if (grantAt < 0) grantAt = batch.grants.push(grant) - 1;
  batch.texts.push(text);
  batch.flags.push((form === "frame" ? FLAG_FRAME : 0) | (wantsResults ? FLAG_RESULTS : 0));
  batch.grantOf.push(grantAt);
}

export function publishesOf({ texts, flags, grantOf, grants }: PublishBatch): Publish[] {
  return texts.map((text, i) => ({
    text,
    form: flags[i]! & FLAG_FRAME ? "frame" : "body",
    wantsResults: (flags[i]! & FLAG_RESULTS) !== 0,
    grant: grants[grantOf[i]!]!,
  }));
}

/** [has, received, unique_processed, duplicate_dropped, conflicts] for each outcome; `texts` as `has` says. */
export interface OutcomeColumns {
  readonly numbers: Uint32Array;
  readonly texts: string[];
}

const COLUMNS = 5;
const HAS_FRAME_ID = 1;
const HAS_SINGLE = 2;
const HAS_RESULTS = 4;
const IS_REFUSED = 8;

export function encodeOutcomes(outcomes: readonly Outcome[]): OutcomeColumns {
  const numbers = new Uint32Array(outcomes.length * COLUMNS);
  const texts: string[] = [];
  let at = 0;
  for (const outcome of outcomes) {
    let has = 0;
    if (outcome.frameId !== undefined) {
      has |= HAS_FRAME_ID;
      texts.push(outcome.frameId);
    }
    if (outcome.kind === "refused") {
      has |= IS_REFUSED;
      texts.push(JSON.stringify(outcome.problem));
    } else {
      const { counters, single, results } = outcome;
      if (single !== undefined) {
        has |= HAS_SINGLE;
        texts.push(single);
      }
      if (results !== undefined) {
        has |= HAS_RESULTS;
        texts.push(results);
      }
      numbers[at + 1] = counters.received;
      numbers[at + 2] = counters.unique_processed;
      numbers[at + 3] = counters.duplicate_dropped;
      numbers[at + 4] = counters.conflicts;
    }
    numbers[at] = has;
    at += COLUMNS;
  }
  return { numbers, texts };
}

/** Calls `visit` with each outcome, in order. */
export function decodeOutcomes({ numbers, texts }: OutcomeColumns, visit: (outcome: Outcome) => void): void {
  let text = 0;
  for (let at = 0; at < numbers.length; at += COLUMNS) {
    const has = numbers[at]!;
    const frameId = has & HAS_FRAME_ID ? texts[text++] : undefined;
    if (has & IS_REFUSED) {
      visit({ kind: "refused", problem: JSON.parse(texts[text++]!) as Problem, frameId });
      continue;
    }
    visit({
      kind: "accepted",
      counters: {
        received: numbers[at + 1]!,
        unique_processed: numbers[at + 2]!,
        duplicate_dropped: numbers[at + 3]!,
        conflicts: numbers[at + 4]!,
      },
      frameId,
      single: has & HAS_SINGLE ? texts[text++] : undefined,
      results: has & HAS_RESULTS ? texts[text++] : undefined,
    });
  }
}
