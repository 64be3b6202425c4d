/** The parts that the description of a route is put together from. */

import type { TSchema } from "@sinclair/typebox";
import type { DocumentDecoration } from "elysia";
import {
  isRetryable,
  type ProblemCode,
  type ProblemPlaces,
  problem,
  problemDocument,
  RETRY_AFTER_SECONDS,
} from "../../problem.ts";
import { MODELS, type ModelName } from "../models/models.ts";
import type { Parameters } from "../models/parameters.ts";
import { PROBLEM_TYPE } from "../models/problem.ts";
import { refTo } from "../models/schema.ts";

export type Operation = DocumentDecoration;
type Responses = NonNullable<Operation["responses"]>;
type Response = Responses[string];
type MediaType = NonNullable<Extract<Response, { content?: unknown }>["content"]>[string];
export type Examples = Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;

export function model(name: ModelName) {
  return refTo(name, MODELS[name] as TSchema);
}

export function queryParameters(parameters: Parameters): NonNullable<Operation["parameters"]> {
  return Object.entries(parameters).map(([name, parameter]) => {
    const { description, ...schema } = parameter;
    return { name, in: "query", required: false, ...(description && { description }), schema };
  });
}

export function pathParameter(name: string, parameter: TSchema) {
  const { description, ...schema } = parameter;
  return { name, in: "path", required: true, ...(description && { description }), schema };
}

export function jsonAnswer(name: ModelName, description: string, examples: Examples): Response {
  return { description, content: { "application/json": { schema: model(name), examples: { ...examples } } } };
}

/** The same answer in other media types, for those who accept them. */
export function inOtherForms(answer: Response, content: Readonly<Record<string, MediaType>>): Response {
  if ("$ref" in answer) throw new Error("an answer that stands elsewhere has no forms to add to");
  return { ...answer, content: { ...answer.content, ...content } };
}

export function streamAnswer(description: string, example: string): Response {
  return {
    description,
    content: {
      "text/event-stream": {
        schema: { type: "string" },
        examples: { stream: { summary: "As it comes", value: example } },
      },
    },
  };
}

/** An example of a problem: its detail, and the places that it names. */
type Example = string | { readonly detail: string; readonly places: ProblemPlaces };

/** The problems that a route can answer with, by status, each with an example. */
export function problemAnswers(examples: Partial<Record<ProblemCode, Example>>): Responses {
  const codes = Object.keys(examples) as ProblemCode[];
  const problems = codes.map((code) => {
    const example = examples[code]!;
    return typeof example === "string"
      ? problem(code, example)
      : problem(code, example.detail, example.places);
  });
  const byStatus = Object.entries(Object.groupBy(problems, ({ status }) => status));
  return Object.fromEntries(
    byStatus.map(([status, group = []]) => [
      status,
      {
        description: group.map(({ code, title }) => `${title} (\`${code}\`).`).join(" "),
        ...(isRetryable(group[0]!) && { headers: RETRY_HEADERS }),
        content: {
          [PROBLEM_TYPE]: {
            schema: model("Problem"),
            examples: Object.fromEntries(
              group.map((p) => [p.code, { summary: p.title, value: JSON.parse(problemDocument(p)) }]),
            ),
          },
        },
      },
    ]),
  );
}

const RETRY_HEADERS = {
  "Retry-After": {
    description: "Seconds after which to try again.",
    required: true,
    schema: { type: "integer", example: RETRY_AFTER_SECONDS },
  },
} as const;

/** What whoever comes too often, or beside too many others, is told on every route that asks for a scope. */
export const LIMIT_PROBLEMS = {
  rate_limited: "There are more requests of these credentials than 100 a second.",
  too_many_connections: "The node serves 65536 connections at one time.",
} as const satisfies Partial<Record<ProblemCode, string>>;

/** Every route that takes parameters refuses those it does not know or cannot use. */
export function invalidParameter(pointer: string, detail: string): Example {
  return { detail: `${pointer} ${detail}.`, places: { places: [{ pointer, detail }], count: 1 } };
}

export const TAGS = {
  publishing: { name: "Publishing", description: "Events in." },
  statistics: { name: "Statistics", description: "The four counters, in all and per topic." },
  events: { name: "Events", description: "Stored events and conflicts, page by page." },
  health: {
    name: "Health",
    description: "Whether the node lives, whether it takes publishes, and how it does.",
  },
} as const;
