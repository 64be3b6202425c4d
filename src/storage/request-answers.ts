/** The answers that are kept under the keys of requests (Idempotency-Key), so that a request sent again is not done again. */

/** What makes a request the same as one before it: whoever sends it, the name it gave it, and what it holds. */
export interface RequestKey {
  readonly subject: string;
  readonly key: string;
  /** Of everything that the answer depends on. */
  readonly fingerprint: string;
}

/** An answer to be kept. */
export interface KeyedAnswer {
  readonly key: RequestKey;
  /** For the store it is any text. */
  readonly answer: string;
}

/** What is known of a request: what it held, and what was answered. */
export interface KeptAnswer {
  readonly fingerprint: string;
  readonly answer: string;
}

/** How long answers are kept. The oldest go first; an answer that is gone is one of a request that was never sent. */
export interface AnswerLimits {
  readonly windowMs: number;
  /** In all, as `keptBytes` counts them. */
  readonly bytesMax: number;
}

export const KEEP_ALL_ANSWERS: AnswerLimits = {
  windowMs: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
};

/** How many are kept, and what they take. */
export interface AnswerFigures {
  readonly count: number;
  readonly bytes: number;
}

/** Row, digest, fingerprint, and the entry in the index. */
export const ANSWER_OVERHEAD_BYTES = 160;

export function keptBytes(answer: string): number {
  return ANSWER_OVERHEAD_BYTES + Buffer.byteLength(answer);
}
