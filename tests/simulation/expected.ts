/** What becomes of a publish, as the model has it. */

import { ANYONE, type Grant } from "../../src/access/grant.ts";
import { type Counters, zeroCounters } from "../../src/events/event.ts";
import type { ProblemCode } from "../../src/problem.ts";
import type { RequestKey } from "../../src/storage/request-answers.ts";
import type { Model, SentEvent, Verdict } from "./model.ts";
import type { Intent } from "./traffic.ts";

export type Expected =
  | {
      readonly kind: "accepted";
      readonly counters: Counters;
      readonly verdicts: readonly Verdict[];
      /** What had been received in all once this was committed. */
      readonly counted: number;
      /** It is what an earlier request with the same key was answered. */
      readonly isReplayed?: true;
    }
  | { readonly kind: "refused"; readonly code: ProblemCode };

/** A publish that the ledger has taken. */
export interface Submission {
  readonly intent: Intent;
  readonly grant: Grant;
  expected: Expected | undefined;
}

export function countersOf(verdicts: readonly Verdict[]): Counters {
  const counters = zeroCounters();
  for (const { status } of verdicts) {
    counters.received++;
    if (status === "processed") counters.unique_processed++;
    else counters.duplicate_dropped++;
    if (status === "conflict") counters.conflicts++;
  }
  return counters;
}

export function refused(code: ProblemCode): Expected {
  return { kind: "refused", code };
}

export function eventsOf(submissions: readonly Submission[]): SentEvent[] {
  return submissions.flatMap(({ intent }) => intent.events);
}

/** The whole group becomes one commit. @returns what each of its publishes is answered. */
export function commitTo(model: Model, submissions: readonly Submission[], now: number): Expected[] {
  const verdicts = model.commit(eventsOf(submissions), now);
  let from = 0;
  return submissions.map(({ intent }) => {
    const own = verdicts.slice(from, (from += intent.events.length));
    if (intent.key !== undefined) {
      const { key, fingerprint } = requestKeyOf(intent);
      model.answers.set(key, { fingerprint, verdicts: own });
    }
    return { kind: "accepted", verdicts: own, counters: countersOf(own), counted: model.received };
  });
}

export function requestKeyOf({ key, text }: Intent): RequestKey {
  return { subject: ANYONE.subject, key: key!.name, fingerprint: `${key!.wantsResults} ${text}` };
}
