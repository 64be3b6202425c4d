/** Requests that bring a key: what was answered to them before, and what is kept of their answer. */

import { EventStatus } from "../events/event.ts";
import { problem, refuse } from "../problem.ts";
import { type EventStore, StoreError, type Verdicts } from "../storage/event-store.ts";
import { keptBytes, type RequestKey } from "../storage/request-answers.ts";
import { type Accepted, type Outcome, refusal } from "./publish.ts";

export interface RequestKeysOptions {
  readonly store: Pick<EventStore, "answerTo">;
  /** What all answers that are kept may take: one that takes more could never be kept. */
  readonly bytesMax: number;
  readonly onDamaged: () => void;
}

const IN_USE = problem("idempotency_key_in_use", "A request with this key is being answered; ask again.");
const REUSED = problem(
  "idempotency_key_reused",
  "A request with this key was answered, and it was another one. Nothing was stored; use a new key.",
);
const NOT_READABLE = problem(
  "storage_failing",
  "The answers that are kept cannot be read. Nothing was stored; sending again is safe.",
);

export class RequestKeys {
  /** Of the commit at hand. */
  readonly #taken = new Set<string>();

  constructor(private readonly options: RequestKeysOptions) {}

  /** A commit is over. */
  clear(): void {
    this.#taken.clear();
  }

  /** What a request is answered without being looked at, or undefined where it has to be done. */
  outcomeOf(request: RequestKey): Outcome | undefined {
    const name = JSON.stringify([request.subject, request.key]);
    // The edge lets one of them in at a time; but one commit could not tell the second what became of the first.
    if (this.#taken.has(name)) return refusal(IN_USE);
    const kept = this.#look(request);
    if (kept === "not readable") return refusal(NOT_READABLE);
    if (kept !== undefined)
      return kept.fingerprint === request.fingerprint ? acceptedOf(kept.answer) : refusal(REUSED);
    this.#taken.add(name);
    return undefined;
  }

  /**
   * @param longest no answer to the request can be longer.
   * @throws ProblemError where it could not be kept: then a key would promise what is not done.
   */
  expectRoom(longest: Accepted): void {
    const { bytesMax } = this.options;
    if (keptBytes(keptAnswer(longest)) + COUNTER_DIGITS <= bytesMax) return;
    refuse(
      "batch_too_large",
      `All answers that are kept under keys may take ${bytesMax} bytes (--max-idempotency-bytes), and this one ` +
        "could take more. Send fewer events, or without a key, or without `results`.",
    );
  }

  #look(request: RequestKey) {
    try {
      const kept = this.options.store.answerTo(request);
      if (kept !== "damaged") return kept;
    } catch (error) {
      if (error instanceof StoreError) return "not readable";
      throw error;
    }
    // As if it had been forgotten: its events are still known, and are counted as duplicates.
    this.options.onDamaged();
    return undefined;
  }
}

type Answer = Pick<Accepted, "counters" | "single" | "results">;

/** An answer as it is kept. */
export function keptAnswer({ counters, single, results }: Answer): string {
  return JSON.stringify({ counters, single, results });
}

function acceptedOf(kept: string): Accepted {
  const { counters, single, results } = JSON.parse(kept) as Answer;
  return { kind: "accepted", counters, frameId: undefined, single, results, isReplayed: true };
}

/** By which the counters of an answer may be longer than those of the longest one. */
const COUNTER_DIGITS = 32;

/** Those that make the longest answer to so many events. */
export function longestVerdicts(count: number): Verdicts {
  return {
    status: new Uint8Array(count).fill(EventStatus.processed),
    seq: new Float64Array(count).fill(Number.MAX_SAFE_INTEGER),
    firstReceivedAt: new Float64Array(count),
  };
}
