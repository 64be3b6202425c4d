/** Problem documents (RFC 9457): how everything that is refused is told. */

import { type Static, Type } from "@sinclair/typebox";
import { PROBLEM_CODES, PROBLEM_PLACES_MAX } from "../../problem.ts";
import { count, oneOf, refTo } from "./schema.ts";
import { COUNTER_FIELDS } from "./stats.ts";

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

/** What a problem document and an error frame have in common. */
export const PROBLEM_MEMBERS = {
  code: oneOf(PROBLEM_CODES, { description: "Short and stable: what a program should look at." }),
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
};

const { received, unique_processed, duplicate_dropped, conflicts } = COUNTER_FIELDS;

/** Of a body of lines, which is the one that is not taken or refused as a whole. */
const LINES_MEMBERS = {
  line: Type.Optional(
    Type.Integer({ minimum: 1, description: "Of a body of lines: the one that is to blame, from 1." }),
  ),
  committed_lines: Type.Optional(
    count("How many lines are in, from the top; the counters are of these lines."),
  ),
  received: Type.Optional(received),
  unique_processed: Type.Optional(unique_processed),
  duplicate_dropped: Type.Optional(duplicate_dropped),
  conflicts: Type.Optional(conflicts),
};

export const Problem = Type.Object(
  {
    type: Type.String({
      format: "uri",
      description: "Names the kind of problem, like `code`; there is nothing to fetch.",
    }),
    ...PROBLEM_MEMBERS,
    ...LINES_MEMBERS,
  },
  {
    description:
      "Why a request was refused. Nothing of a refused request is stored, except where `committed_lines` says so.",
  },
);
export type Problem = Static<typeof Problem>;

/** What a large answer is refused with while too many of them are on their way. */
export const TOO_MANY_ANSWERS =
  "Too many large answers are on their way. Ask again later, or for less at a time.";

/** What every read answers before the store has been opened. */
export const NOT_OPENED = "The node is starting; it can be read when it is ready.";
