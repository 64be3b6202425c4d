/** One POST /publish of lines: let in, streamed into the ledger, and answered with what is in and what stopped it. */

import type { Counters } from "../events/event.ts";
import { type Problem, type ProblemCode, ProblemError, refuse } from "../problem.ts";
import { acceptedBody } from "./answers.ts";
import type { BodyLimits } from "./body.ts";
import { encodingOf, openBody } from "./body-stream.ts";
import { LineStream, type StreamEnd } from "./line-stream.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";

/** Streams that are decompressed at one time: each keeps up to 8 MiB of what its content has become. */
export const INFLATING_MAX = 8;

/** @throws ProblemError whatever refuses or ends it */
export async function publishLines(
  services: Services,
  bodyLimits: BodyLimits,
  request: Request,
): Promise<Response> {
  const { admission, ledger, limits, answers } = services;
  const caller = admission.callerOf(request);
  refuseParameters(request.url);
  const refused = ledger.refusalOf(1);
  // Overload may pass while the first lines come.
  if (refused !== undefined && refused.code !== "overloaded") throw new ProblemError(refused);
  const encoding = encodingOf(request);
  const end = await inflating(bodyLimits, encoding !== "", () =>
    new LineStream(services, caller, openBody(request, encoding, bodyLimits), limits.bodyBytesMax).run(),
  );
  if (end.fault !== undefined) throw errorOf(end, end.fault);
  const { counters } = end;
  return answers.owedJson(
    request,
    acceptedBody({ kind: "accepted", counters, frameId: undefined, single: undefined, results: undefined }),
  );
}

async function inflating<T>({ budget }: BodyLimits, isInflated: boolean, task: () => Promise<T>): Promise<T> {
  if (!isInflated) return task();
  if (budget.inflating >= INFLATING_MAX)
    refuse(
      "overloaded",
      "Too many compressed streams are being read. Nothing was stored; sending again is safe.",
    );
  budget.inflating++;
  try {
    return await task();
  } finally {
    budget.inflating--;
  }
}

/** Results of a stream would be as long as it is. @throws ProblemError `invalid_parameter` */
function refuseParameters(url: string): void {
  if (!url.includes("?")) return;
  const query = new QueryReader(url, ["results"]);
  if (query.choice("results", ["true", "false"]) === "true")
    refuse("invalid_parameter", "There are no results for lines, whose number has no limit.", {
      places: [{ pointer: "results", detail: "must be false, or left out, with lines" }],
      count: 1,
    });
  query.done();
}

/** What the ledger says of a publish as a whole does not hold for a stream, a part of which may be in. */
const SAID_OF_STREAMS: Partial<Record<ProblemCode, string>> = {
  overloaded: "Too much waits to be committed.",
  starting: "The dedup index is being rebuilt.",
  draining: "The node is shutting down.",
  storage_failing: "The storage is failing.",
  outcome_unknown:
    "The commit failed midway: lines behind those may be in as well, and sending them again settles it.",
};

function errorOf(
  { counters, committedLines }: StreamEnd,
  { error, isOfLine }: StreamEnd["fault"] & object,
): unknown {
  if (!(error instanceof ProblemError)) return error;
  return new ProblemError(problemOfStream(error.problem, isOfLine, committedLines, counters));
}

/** A problem with how far the stream came. Its places are within one event, and become places in the body. */
function problemOfStream(
  found: Problem,
  isOfLine: boolean,
  committedLines: number,
  counters: Counters,
): Problem {
  const what = SAID_OF_STREAMS[found.code] ?? found.detail;
  const line = committedLines + 1;
  const detail = `${isOfLine ? `Line ${line}: ` : ""}${what} ${whereToGoOn(committedLines)}`;
  return {
    ...found,
    detail,
    ...(found.errors && {
      errors: found.errors.map((place) => ({ ...place, pointer: `/${committedLines}${place.pointer}` })),
    }),
    ...(isOfLine && { line }),
    committed_lines: committedLines,
    ...counters,
  };
}

function whereToGoOn(committedLines: number): string {
  if (committedLines === 0) return "No line is in.";
  const lines = committedLines === 1 ? "The first line is in" : `The first ${committedLines} lines are in`;
  return `${lines}; go on from line ${committedLines + 1}.`;
}
