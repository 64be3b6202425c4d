/** Whatever a route throws becomes a problem document here; what is not a problem is masked and logged once. */

import { type Problem, ProblemError, problem } from "../problem.ts";
import { StorageFault } from "../storage/storage-fault.ts";
import { problemResponse } from "./problem-response.ts";
import type { Services } from "./services.ts";

interface KnownRoute {
  readonly method: string;
  readonly path: string;
}

export interface Failure {
  readonly code: string | number;
  readonly error: unknown;
  readonly request: Request;
}

/** @param routes every route of the app, to tell a wrong method from a wrong path. */
export function errorHandler(
  { hub, refusals, log, admission }: Services,
  routes: () => readonly KnownRoute[],
) {
  const answer = (refused: Problem, headers?: Record<string, string>): Response => {
    refusals.count(refused);
    return problemResponse(refused, headers);
  };
  return ({ code, error, request }: Failure): Response => {
    if (error instanceof ProblemError) {
      const isPublish = request.method === "POST" && pathOf(request) === "/publish";
      if (isPublish && error.problem.status < 500) hub.board.rejected++;
      return answer(error.problem, admission.rateHeaders(request));
    }
    if (error instanceof StorageFault)
      return answer(problem("storage_failing", `What is stored cannot be read now: ${error.fault}.`));
    if (code === "NOT_FOUND") {
      const { refused, headers } = notFound(request, routes());
      return answer(refused, headers);
    }
    // A client that went away in the middle of its request is no fault of ours, and there is nobody to answer.
    if (!request.signal.aborted)
      log(
        `internal error on ${request.method} ${pathOf(request)}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    return answer(problem("internal_error", "The request could not be answered."));
  };
}

function notFound(
  request: Request,
  routes: readonly KnownRoute[],
): { readonly refused: Problem; readonly headers?: Record<string, string> } {
  const path = pathOf(request);
  const allowed = new Set(
    routes.filter((route) => matches(route.path, path)).flatMap(({ method }) => methodsOf(method)),
  );
  if (allowed.size === 0) return { refused: problem("not_found", "There is nothing under this path.") };
  const detail = allowed.has(request.method)
    ? "This is a WebSocket; connect with an upgrade."
    : `${request.method} is not allowed here.`;
  return { refused: problem("method_not_allowed", detail), headers: { allow: [...allowed].join(", ") } };
}

/** A WebSocket begins as a GET; what can be read can be asked for without its content, too. */
function methodsOf(method: string): string[] {
  if (method === "WS" || method === "$INTERNALWS") return ["GET"];
  return method === "GET" ? ["GET", "HEAD"] : [method];
}

function matches(pattern: string, path: string): boolean {
  const steps = pattern.split("/");
  const given = path.split("/");
  return (
    steps.length === given.length &&
    steps.every((step, i) => (step.startsWith(":") ? given[i] !== "" : step === given[i]))
  );
}

/**
 * The path as the router sees it: a slash at the end makes no difference. Taken from the text, since with a Host header
 * that names no host the address of a request is no URL.
 */
export function pathOf({ url }: Request): string {
  const [, path = ""] = /^(?:[a-z]+:\/\/[^/?]*)?([^?]*)/i.exec(url) ?? [];
  return path.replace(/(.)\/$/, "$1");
}
