/** Problem documents (RFC 9457): how everything that is refused is told. */

import { type Static, Type } from "@sinclair/typebox";
import { PROBLEM_CODES, PROBLEM_PLACES_MAX } from "../../problem.ts";
import { count, oneOf, refTo } from "./schema.ts";

export const PROBLEM_TYPE = "application/problem+json";

export const ProblemPlace = Type.Object(
  {
    pointer: Type.String({
      description: "A JSON Pointer (RFC 6901) into the body, or the name of a parameter.",
      examples: ["/1/event_id"],
    }),
    detail: Type.String({ examples: ["is required"] }),
  },
  { description: "One place that is wrong." },
);
export type ProblemPlace = Static<typeof ProblemPlace>;

export const Problem = Type.Object(
  {
    type: Type.String({
      format: "uri",
      description: "Names the kind of problem; there is nothing to fetch.",
    }),
    code: oneOf(PROBLEM_CODES, { description: "The same, short and stable: what a program should look at." }),
    title: Type.String({ description: "The kind of problem in words." }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: "The HTTP status." }),
    detail: Type.String({ description: "This problem in words." }),
    errors: Type.Optional(
      Type.Array(refTo("ProblemPlace", ProblemPlace), {
        maxItems: PROBLEM_PLACES_MAX,
        description: "The first places that are wrong.",
      }),
    ),
    error_count: Type.Optional(count("How many places are wrong.")),
    retry_after: Type.Optional(count("After how many seconds it may be tried again, where that is known.")),
    line: Type.Optional(count("Of a body of lines: the one that is wrong, from 1.")),
    committed_lines: Type.Optional(
      count(
        "How many lines from the top are stored; the counters here are theirs. Go on from the one after.",
      ),
    ),
    received: Type.Optional(count("Events of the committed lines.")),
    unique_processed: Type.Optional(count("Those among them that were new.")),
    duplicate_dropped: Type.Optional(count("Those that were known.")),
    conflicts: Type.Optional(count("Those that were known with another payload.")),
  },
  {
    description:
      "Why a request was refused. Nothing of a refused request is stored, except of lines: those that are committed.",
  },
);
export type Problem = Static<typeof Problem>;

/** What every read answers before the store has been opened. */
export const NOT_OPENED = "The node is starting; it can be read when it is ready.";
