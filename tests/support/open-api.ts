/** The OpenAPI document of a node, as a judge: of the answers that the node gives, and of its own examples. */

import { LINES_TYPE } from "../../src/server/models/media-types.ts";
import { PROBLEM_TYPE } from "../../src/server/models/problem.ts";
import { ClosedSchemas } from "./closed-schema.ts";

export interface Media {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: {
    readonly default?: unknown;
    readonly examples?: readonly unknown[];
    readonly maximum?: number;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
        readonly content?: Readonly<Record<string, Media>>;
      }
    >
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: {
    /** @param name in lower case */
    get(name: string): string | null | undefined;
    has(name: string): boolean;
  };
  readonly text: string;
}

export class OpenApiJudge {
  readonly document: OpenApi;
  readonly #schemas: ClosedSchemas;
  readonly #places = new Map<string, readonly (readonly string[])[]>();

  constructor(text: string) {
    this.document = JSON.parse(text) as OpenApi;
    this.#schemas = new ClosedSchemas(this.document);
  }

  get operations(): { method: string; path: string; operation: Operation }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    );
  }

  /** What is wrong with a value, by the schema at this place of the document. */
  faults(place: readonly string[], value: unknown): string[] {
    return this.#schemas.faults(place, value);
  }

  /** What is wrong with a response to this operation: an undocumented status or type, or another shape. */
  async faultsOfResponse(method: string, path: string, response: Response): Promise<string[]> {
    const { status, headers } = response;
    return this.faultsOfAnswer(method, path, { status, headers, text: await response.text() });
  }

  /** The same once it has been read. */
  faultsOfAnswer(method: string, path: string, { status, headers, text }: Answer): string[] {
    const answer = this.document.paths[path]?.[method]?.responses[status];
    if (answer === undefined)
      return [`${method} ${path} answered ${status}, which is not documented: ${text}`];
    const type = headers.get("content-type") ?? "none";
    const media = answer.content?.[type];
    if (media === undefined) return [`${method} ${path} answered with ${type}: ${text}`];
    for (const [name, { required }] of Object.entries(answer.headers ?? {}))
      if (required && !headers.has(name.toLowerCase()))
        return [`${method} ${path} answered ${status} without ${name}`];
    if (type === LINES_TYPE) return this.#faultsOfLines(text);
    const value: unknown = /[/+]json$/.test(type) ? JSON.parse(text) : text;
    if (type === PROBLEM_TYPE) {
      const { code } = value as { code: string };
      if (!Object.hasOwn(media.examples ?? {}, code))
        return [`${method} ${path} answered ${status} with the code ${code}, which is not documented`];
    }
    return this.faults(
      ["paths", path, method, "responses", String(status), "content", type, "schema"],
      value,
    );
  }

  /** Whether any route may answer so. */
  isAnswerOfAny({ status, headers, text }: Answer): boolean {
    const type = headers.get("content-type") ?? "none";
    if (type === LINES_TYPE) return this.#faultsOfLines(text).length === 0;
    const value: unknown = JSON.parse(text);
    return this.#placesOf(status, type).some((place) => this.faults(place, value).length === 0);
  }

  /** Where the schemas of such answers stand, each once. */
  #placesOf(status: number, type: string): readonly (readonly string[])[] {
    const key = `${status} ${type}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const found = new Map<string, readonly string[]>();
    for (const { method, path, operation } of this.operations) {
      const schema = operation.responses[status]?.content?.[type]?.schema;
      const place = ["paths", path, method, "responses", String(status), "content", type, "schema"];
      if (schema !== undefined) found.set(JSON.stringify(schema), place);
    }
    const places = [...found.values()];
    this.#places.set(key, places);
    return places;
  }

  /** The document has no words for what stands on a line; it says in a sentence which model it is. */
  #faultsOfLines(text: string): string[] {
    return text
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => this.faults(["components", "schemas", "StoredEvent"], JSON.parse(line)));
  }
}

/** Every `$ref` in a document. */
export function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === "$ref" && typeof member === "string" ? [member] : refsIn(member),
  );
}

/** What a local reference points at, or undefined. */
export function resolveRef(document: unknown, ref: string): unknown {
  const steps = ref.replace(/^#\//, "").split("/");
  return steps.reduce<unknown>(
    (value, step) =>
      (value as Record<string, unknown> | undefined)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")],
    document,
  );
}
