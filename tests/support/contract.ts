/** The shapes that the wire contract promises, as a client sees them, and the checks that hold for every answer. */

import { expect } from "bun:test";

export interface Counters {
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

export const COUNTER_NAMES = ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const;

export const NO_COUNTERS: Counters = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };

export interface EventResult {
  readonly event_id: string;
  readonly topic: string;
  readonly status: "processed" | "duplicate" | "conflict";
  readonly seq: number;
  readonly first_received_at: string;
}

/** The 200 to POST /publish. */
export interface Acceptance extends Counters {
  readonly status: string;
  readonly count: number;
  readonly is_duplicate?: boolean;
  readonly topic?: string;
  readonly event_id?: string;
  readonly seq?: number;
  readonly results?: readonly EventResult[];
}

export interface StoredEvent {
  readonly seq: number;
  readonly topic: string;
  readonly event_id: string;
  readonly timestamp: string;
  readonly source: string | null;
  readonly payload: unknown;
  readonly received_at: string;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly count: number;
  readonly topic: string | null;
  readonly next: string | null;
  readonly gap?: { readonly from: number; readonly to: number };
}

export interface Stats extends Counters {
  readonly rejected: number;
  readonly topics: Readonly<
    Record<string, Counters & { readonly first_at: string; readonly last_at: string; readonly rate: number }>
  >;
  readonly topic_count: number;
  readonly uptime_seconds: number;
  readonly started_at: string;
  readonly epoch: string;
  readonly revision: number;
}

export interface ProblemPlace {
  readonly pointer: string;
  readonly detail: string;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly ProblemPlace[];
  readonly error_count?: number;
  readonly retry_after?: number;
}

/** The four counters of anything that carries them. */
export function countersOf({ received, unique_processed, duplicate_dropped, conflicts }: Counters): Counters {
  return { received, unique_processed, duplicate_dropped, conflicts };
}

export function addCounters(a: Counters, b: Counters): Counters {
  return {
    received: a.received + b.received,
    unique_processed: a.unique_processed + b.unique_processed,
    duplicate_dropped: a.duplicate_dropped + b.duplicate_dropped,
    conflicts: a.conflicts + b.conflicts,
  };
}

/** What no message may ever carry: stacks, file paths, SQL, the parts of the executable. */
const LEAK =
  /\bat \S+ \(|\.ts\b|bunfs|node_modules|\/(?:root|tmp|home|var|usr)\/|SQLITE|SELECT |INSERT |onefold\.db/;

/** Checks the members that every problem has, in a document or a frame, and that nothing leaks. */
export function expectWellFormedProblem(text: string): Problem {
  const problem = JSON.parse(text) as Problem;
  expect(problem.title).toBeString();
  expect(problem.title).not.toBeEmpty();
  expect(problem.detail).toBeString();
  expect(problem.detail).not.toBeEmpty();
  expect(problem.code).toMatch(/^[a-z0-9_]+$/);
  expect(problem.status).toBeWithin(400, 600);
  if (problem.errors !== undefined) {
    expect(problem.errors.length).toBeWithin(1, 21);
    expect(problem.error_count).toBeGreaterThanOrEqual(problem.errors.length);
    for (const place of problem.errors) {
      expect(Object.keys(place).sort()).toEqual(["detail", "pointer"]);
      expect(place.detail).not.toBeEmpty();
    }
  }
  expect(text).not.toMatch(LEAK);
  return problem;
}

/** Checks that a response is a problem document of this status and code. */
export async function expectProblem(
  response: Response,
  { status, code }: { status: number; code: string },
): Promise<Problem> {
  const text = await response.text();
  expect({ status: response.status, text }).toEqual({ status, text });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = expectWellFormedProblem(text);
  expect({ status: problem.status, code: problem.code }).toEqual({ status, code });
  expect(problem.type).toBeString();
  expect(problem.type).not.toBeEmpty();
  if (status === 429 || status === 503) expect(Number(response.headers.get("retry-after"))).toBePositive();
  return problem;
}
