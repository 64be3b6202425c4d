/** The catalogue of everything that can be refused: one stable code, one HTTP status, one title each (RFC 9457). */

const CATALOGUE = {
  malformed_json: { status: 400, title: "The body is not JSON" },
  malformed_utf8: { status: 400, title: "The body is not UTF-8" },
  invalid_idempotency_key: { status: 400, title: "The Idempotency-Key cannot be used" },
  unauthorized: { status: 401, title: "Credentials are missing or not accepted" },
  forbidden: { status: 403, title: "The credentials do not cover this" },
  forbidden_origin: { status: 403, title: "Pages of this origin are not let in" },
  forbidden_topic: { status: 403, title: "The topic is not allowed" },
  not_found: { status: 404, title: "There is no such thing" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  request_timeout: { status: 408, title: "The body took too long to arrive" },
  idempotency_key_in_use: { status: 409, title: "A request with this key is being answered" },
  body_too_large: { status: 413, title: "The body is too large" },
  batch_too_large: { status: 413, title: "The batch holds too many events" },
  event_too_large: { status: 413, title: "An event is too large" },
  unsupported_media_type: { status: 415, title: "The content type is not supported" },
  invalid_event: { status: 422, title: "An event is invalid" },
  invalid_frame: { status: 422, title: "The frame is invalid" },
  invalid_parameter: { status: 422, title: "A parameter is invalid" },
  too_many_topics: { status: 422, title: "There are too many topics" },
  idempotency_key_reused: { status: 422, title: "The key was used for another request" },
  idempotency_key_unsupported: { status: 422, title: "A key is not supported for this form of body" },
  too_many_in_flight: { status: 429, title: "Too many frames wait for their answer" },
  rate_limited: { status: 429, title: "The rate limit is reached" },
  too_many_connections: { status: 429, title: "There are too many connections" },
  internal_error: { status: 500, title: "Something went wrong inside" },
  overloaded: { status: 503, title: "The queue is full" },
  starting: { status: 503, title: "The node is starting" },
  draining: { status: 503, title: "The node is shutting down" },
  storage_failing: { status: 503, title: "The storage is failing" },
  outcome_unknown: { status: 503, title: "The outcome of the commit is unknown" },
} as const;

export type ProblemCode = keyof typeof CATALOGUE;
export const PROBLEM_CODES = Object.keys(CATALOGUE) as ProblemCode[];

/** One offending place: `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a parameter. */
export interface ProblemPlace {
  readonly pointer: string;
  readonly detail: string;
}

/** At most this many places are named in one problem; `error_count` says how many there are. */
export const PROBLEM_PLACES_MAX = 20;

/** A publisher that is told 429 or 503, or that its key is in use, may come back after this many seconds. */
export const RETRY_AFTER_SECONDS = 1;

export interface Problem {
  readonly code: ProblemCode;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly ProblemPlace[];
  readonly error_count?: number;
  /** Whole seconds after which it may be tried again, where more is known than `RETRY_AFTER_SECONDS`. */
  readonly retry_after?: number;
  /** Of a stream of lines: the one that is to blame, from 1. */
  readonly line?: number;
  /** How many of its lines are in, from the top; the counters are theirs. */
  readonly committed_lines?: number;
  readonly received?: number;
  readonly unique_processed?: number;
  readonly duplicate_dropped?: number;
  readonly conflicts?: number;
}

export interface ProblemPlaces {
  readonly places: readonly ProblemPlace[];
  readonly count: number;
}

/** Builds a problem from its code; the status and the title come from the catalogue. */
export function problem(code: ProblemCode, detail: string, places?: ProblemPlaces): Problem {
  const { status, title } = CATALOGUE[code];
  if (places === undefined) return { code, title, status, detail };
  return {
    code,
    title,
    status,
    detail,
    errors: places.places.slice(0, PROBLEM_PLACES_MAX),
    error_count: places.count,
  };
}

/** Thrown where input is refused; carries what the client will be told, and nothing else. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export function refuse(code: ProblemCode, detail: string, places?: ProblemPlaces): never {
  throw new ProblemError(problem(code, detail, places));
}

/** The members of a problem document, as JSON text without the braces, so that a frame can carry them too. */
export function problemMembers(p: Problem): string {
  return JSON.stringify(p).slice(1, -1);
}

/** The problem document itself: `type` names the code in a form that needs no registry and no network. */
export function problemDocument(p: Problem): string {
  return `{"type":"urn:onefold:problem:${p.code}",${problemMembers(p)}}`;
}

export function isRetryable(p: Problem): boolean {
  return p.status === 429 || p.status === 503 || p.code === "idempotency_key_in_use";
}
