/** Problems as HTTP answers: one place for the media type, the headers and what may be said. */

import { CREDENTIALS_REQUIRED } from "../access/gate.ts";
import { isRetryable, type Problem, problemDocument, RETRY_AFTER_SECONDS } from "../problem.ts";
import { PROBLEM_TYPE } from "./models/problem.ts";

export function problemResponse(p: Problem, headers: Record<string, string> = {}): Response {
  return new Response(problemDocument(p), {
    status: p.status,
    headers: {
      "content-type": PROBLEM_TYPE,
      "x-content-type-options": "nosniff",
      ...(isRetryable(p) && { "retry-after": String(p.retry_after ?? RETRY_AFTER_SECONDS) }),
      // The rest of the body is not waited for.
      ...(p.code === "request_timeout" && { connection: "close" }),
      ...(p.code === "unauthorized" && { "www-authenticate": challengeOf(p) }),
      ...headers,
    },
  });
}

/** How to come with credentials, and whether those that were brought were wrong (RFC 6750, 3). */
function challengeOf({ detail }: Problem): string {
  return detail === CREDENTIALS_REQUIRED ? CHALLENGE : `${CHALLENGE}, error="invalid_token"`;
}

const CHALLENGE = 'Bearer realm="onefold"';
