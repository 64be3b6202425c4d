/** Requests that bring an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): what it says, and one at a time. */

import type { PublishForm } from "../events/decoded-publish.ts";
import { ProblemError, problem, refuse } from "../problem.ts";
import type { AnswerFigures } from "../storage/request-answers.ts";

export const IDEMPOTENCY_KEY = "idempotency-key";

/** An answer that was given before says so with this header, whose value is `true`. */
export const IDEMPOTENCY_REPLAYED = "idempotency-replayed";

export const KEY_LENGTH_MAX = 255;

/** A string as structured fields have it (RFC 9651, 3.3.3), without parameters. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;

/** What most clients send: no white space, nor what begins a list, parameters or a string in structured fields. */
const BARE = /^[!#-+\--:<-[\]-~]*$/;

const ESCAPED = /\\(["\\])/g;

/** The key of a request, or undefined where it brings none. @throws ProblemError `invalid_idempotency_key` */
export function idempotencyKeyOf(headers: Headers): string | undefined {
  const value = headers.get(IDEMPOTENCY_KEY);
  if (value === null) return undefined;
  const quoted = QUOTED.exec(value)?.[1]?.replace(ESCAPED, "$1");
  const key = quoted ?? (BARE.test(value) ? value : "");
  if (key.length > 0 && key.length <= KEY_LENGTH_MAX) return key;
  refuse(
    "invalid_idempotency_key",
    `It is 1 to ${KEY_LENGTH_MAX} printable ASCII characters in double quotes, sent once; ` +
      'without the quotes it may have no white space, comma, semicolon, `"` or `\\`.',
  );
}

/** Says of two requests whether their answers are the same: 132 bits of a SHA-256. */
export function requestFingerprint(text: string, form: PublishForm, wantsResults: boolean): string {
  const hasher = new Bun.CryptoHasher("sha256");
  return hasher.update(`${form} ${wantsResults}\n`).update(text).digest("base64url").slice(0, 22);
}

export class KeyedRequests {
  /** Requests that were answered with the answer of an earlier one, since the start. */
  replayed = 0;
  /** What the ledger keeps. */
  kept: AnswerFigures = { count: 0, bytes: 0 };
  readonly #inFlight = new Set<string>();

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /**
   * Lets a request in, unless another one of the same sender has its key and no answer yet.
   * @returns what to call once its answer is decided.
   * @throws ProblemError `idempotency_key_in_use`
   */
  enter(subject: string, key: string): () => void {
    // A key holds no line break.
    const name = `${key}\n${subject}`;
    if (this.#inFlight.has(name)) throw new ProblemError(IN_USE);
    this.#inFlight.add(name);
    return () => void this.#inFlight.delete(name);
  }
}

const IN_USE = problem(
  "idempotency_key_in_use",
  "A request with this key has not been answered yet. Nothing was stored for this one; send it again.",
);
