/** Problems as HTTP answers: one place for the media type, the headers and what may be said. */

import { isRetryable, type Problem, problemDocument, RETRY_AFTER_SECONDS } from "../problem.ts";
import { PROBLEM_TYPE } from "./models/problem.ts";

export function problemResponse(p: Problem, headers: Record<string, string> = {}): Response {
  const retry: Record<string, string> = isRetryable(p) ? { "retry-after": String(RETRY_AFTER_SECONDS) } : {};
  return new Response(problemDocument(p), {
    status: p.status,
    headers: { "content-type": PROBLEM_TYPE, ...retry, ...headers },
  });
}

const JSON_HEADERS = { headers: { "content-type": "application/json" } };

export function jsonResponse(text: string): Response {
  return new Response(text, JSON_HEADERS);
}
