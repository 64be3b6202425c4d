/**
 * What the edge thread and the ledger thread say to each other.
 *
 * All that arrived in a tick crosses in one message, and all that a commit decided in another. Cloning an array of
 * strings or objects costs for each of its elements; a message of a few plain strings costs next to nothing. So
 * bodies cross joined into one text, and outcomes as one JSON text.
 */

import type { Grant } from "../access/grant.ts";
import { PUBLISH_FORMS } from "../events/decoded-publish.ts";
import type { Problem } from "../problem.ts";
import type { StoreContents } from "../storage/event-store.ts";
import type { AnswerFigures, RequestKey } from "../storage/request-answers.ts";
import type { CommitNotice, Outcome, Publish, TakenLines } from "./publish.ts";

export type ToLedger =
  | PublishesMessage
  | {
      readonly kind: "locate";
      readonly ticket: number;
      readonly topic: string;
      readonly scope: string;
      readonly eventId: string;
    }
  /** All pieces of a stream that broke have their outcome, and no more come. */
  | { readonly kind: "stream-over"; readonly stream: number }
  | { readonly kind: "close" };

export type FromLedger =
  | { readonly kind: "opened"; readonly contents: StoreContents }
  | { readonly kind: "unusable"; readonly reason: string }
  /** The store is closed: until `opened`, everything is refused. */
  | ({ readonly kind: "failed" } & StorageFailure)
  /** A commit was refused by the storage. Memory stands, and what is published is tried: until `healed`. */
  | ({ readonly kind: "failing" } & StorageFailure)
  | { readonly kind: "healed" }
  | { readonly kind: "fault"; readonly reason: string }
  | { readonly kind: "answers kept"; readonly figures: AnswerFigures }
  | OutcomesMessage
  | { readonly kind: "located"; readonly ticket: number; readonly seqs: number[] | null }
  | { readonly kind: "closed" };

export interface StorageFailure {
  /** For the log. */
  readonly reason: string;
  /** For everybody: what is wrong with the storage, without a path. */
  readonly fault: string;
}

export interface PublishesMessage {
  readonly kind: "publishes";
  /** The texts of all publishes, one behind the other. */
  readonly texts: string;
  /** JSON: for each publish its length in `texts`, its flags, the place of its grant in `grants`, and its stream. */
  readonly layout: string;
  /** JSON: the few different grants. */
  readonly grants: string;
  /** JSON: the keys of those that have one, in their order. */
  readonly keys: string;
}

const LAYOUT_COLUMNS = 4;
const FLAG_RESULTS = 1;
const FLAG_KEY = 2;
/** The place of the form in `PUBLISH_FORMS` stands above the flags. */
const FORM_UNIT = 4;
const NO_STREAM = 0;

/** Publishes that have arrived and not been sent across yet. */
export class PublishBatch {
  #texts: string[] = [];
  #layout: number[] = [];
  #grants: Grant[] = [];
  #keys: RequestKey[] = [];
  /** UTF-16 units of what was added. */
  length = 0;

  add({ text, form, wantsResults, grant, stream, key }: Publish): void {
    let grantAt = this.#grants.indexOf(grant);
    if (grantAt < 0) grantAt = this.#grants.push(grant) - 1;
    this.#texts.push(text);
    this.length += text.length;
    if (key !== undefined) this.#keys.push(key);
    const flags = (wantsResults ? FLAG_RESULTS : 0) | (key === undefined ? 0 : FLAG_KEY);
    this.#layout.push(
      text.length,
      PUBLISH_FORMS.indexOf(form) * FORM_UNIT + flags,
      grantAt,
      stream ?? NO_STREAM,
    );
  }

  /** The message for everything added since the last one. */
  take(): PublishesMessage {
    const message = {
      kind: "publishes",
      texts: this.#texts.join(""),
      layout: JSON.stringify(this.#layout),
      grants: JSON.stringify(this.#grants),
      keys: JSON.stringify(this.#keys),
    } as const;
    this.#texts = [];
    this.#layout = [];
    this.#grants = [];
    this.#keys = [];
    this.length = 0;
    return message;
  }
}

export function publishesOf({ texts, layout, grants, keys }: PublishesMessage): Publish[] {
  const numbers = JSON.parse(layout) as number[];
  const knownGrants = JSON.parse(grants) as Grant[];
  const keysLeft = (JSON.parse(keys) as RequestKey[]).values();
  const publishes: Publish[] = [];
  let start = 0;
  for (let at = 0; at < numbers.length; at += LAYOUT_COLUMNS) {
    const [end, flags, stream] = [start + numbers[at]!, numbers[at + 1]!, numbers[at + 3]!];
    publishes.push({
      text: texts.slice(start, end),
      form: PUBLISH_FORMS[Math.floor(flags / FORM_UNIT)]!,
      wantsResults: (flags & FLAG_RESULTS) !== 0,
      grant: knownGrants[numbers[at + 2]!]!,
      ...(stream === NO_STREAM ? undefined : { stream }),
      ...(flags & FLAG_KEY ? { key: keysLeft.next().value! } : undefined),
    });
    start = end;
  }
  return publishes;
}

export interface OutcomesMessage {
  readonly kind: "outcomes";
  /** A `Report` as JSON. */
  readonly report: string;
}

/** What a commit did, as columns. */
interface Report {
  readonly notice: {
    readonly at: number;
    readonly newTopics: readonly string[];
    readonly rows: number[];
  } | null;
  /** [has, received, unique_processed, duplicate_dropped, conflicts] for each outcome; `has` says which texts. */
  readonly numbers: number[];
  readonly texts: string[];
}

const REPORT_COLUMNS = 5;
const HAS_FRAME_ID = 1;
const HAS_SINGLE = 2;
const HAS_RESULTS = 4;
const IS_REFUSED = 8;
const HAS_LINES = 16;
const IS_REPLAYED = 32;

export function outcomesMessage(
  outcomes: readonly Outcome[],
  notice: CommitNotice | undefined,
): OutcomesMessage {
  const report: Report = {
    notice: notice === undefined ? null : { ...notice, rows: Array.from(notice.rows) },
    numbers: [],
    texts: [],
  };
  for (const outcome of outcomes) addOutcome(report, outcome);
  return { kind: "outcomes", report: JSON.stringify(report) };
}

function addOutcome({ numbers, texts }: Report, outcome: Outcome): void {
  let has = 0;
  if (outcome.frameId !== undefined) {
    has |= HAS_FRAME_ID;
    texts.push(outcome.frameId);
  }
  if (outcome.kind === "refused") {
    texts.push(JSON.stringify(outcome.problem));
    numbers.push(has | IS_REFUSED, 0, 0, 0, 0);
    return;
  }
  const { counters, single, results, lines } = outcome;
  if (outcome.isReplayed) has |= IS_REPLAYED;
  if (single !== undefined) {
    has |= HAS_SINGLE;
    texts.push(single);
  }
  if (results !== undefined) {
    has |= HAS_RESULTS;
    texts.push(results);
  }
  if (lines !== undefined) {
    has |= HAS_LINES;
    texts.push(JSON.stringify(lines));
  }
  const { received, unique_processed, duplicate_dropped, conflicts } = counters;
  numbers.push(has, received, unique_processed, duplicate_dropped, conflicts);
}

export interface CommitOutcomes {
  readonly notice: CommitNotice | undefined;
  /** One for each publish, in order. */
  readonly outcomes: readonly Outcome[];
}

export function commitOutcomesOf({ report }: OutcomesMessage): CommitOutcomes {
  const { notice, numbers, texts } = JSON.parse(report) as Report;
  const outcomes: Outcome[] = [];
  let text = 0;
  for (let at = 0; at < numbers.length; at += REPORT_COLUMNS) {
    const has = numbers[at]!;
    const frameId = has & HAS_FRAME_ID ? texts[text++] : undefined;
    if (has & IS_REFUSED) {
      outcomes.push({ kind: "refused", problem: JSON.parse(texts[text++]!) as Problem, frameId });
      continue;
    }
    const counters = {
      received: numbers[at + 1]!,
      unique_processed: numbers[at + 2]!,
      duplicate_dropped: numbers[at + 3]!,
      conflicts: numbers[at + 4]!,
    };
    const single = has & HAS_SINGLE ? texts[text++] : undefined;
    const results = has & HAS_RESULTS ? texts[text++] : undefined;
    const lines = has & HAS_LINES ? { lines: JSON.parse(texts[text++]!) as TakenLines } : undefined;
    const replayed = has & IS_REPLAYED ? ({ isReplayed: true } as const) : undefined;
    outcomes.push({ kind: "accepted", counters, frameId, single, results, ...lines, ...replayed });
  }
  if (notice === null) return { notice: undefined, outcomes };
  return { notice: { ...notice, rows: Float64Array.from(notice.rows) }, outcomes };
}
