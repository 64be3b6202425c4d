/** The OpenAPI document of a node, as a judge: of the answers that the node gives, and of its own examples. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

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
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Media>> }>
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The formats that the document uses; times of ours have one form only. */
const FORMATS = {
  "date-time": (text: string) => new Date(text).toISOString() === text,
  uri: (text: string) => URL.canParse(text),
};

export class OpenApiJudge {
  readonly document: OpenApi;
  readonly #ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: true,
    formats: FORMATS,
  });

  constructor(text: string) {
    this.document = JSON.parse(text) as OpenApi;
    // Above the schemas are the document's own members; below, a keyword that is not known is an error.
    this.#ajv.addVocabulary(Object.keys(this.document));
    this.#ajv.addSchema(closed(this.document) as object, "document", undefined, false);
  }

  get operations(): { method: string; path: string; operation: Operation }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    );
  }

  /** What is wrong with a value, by the schema at this place of the document. */
  faults(place: readonly string[], value: unknown): string[] {
    const validate = this.#validator(place);
    if (validate(value)) return [];
    return validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  /** What is wrong with a response to this operation: an undocumented status or type, or another shape. */
  async faultsOfResponse(method: string, path: string, response: Response): Promise<string[]> {
    const text = await response.text();
    const place = ["paths", path, method, "responses", String(response.status)];
    const answer = this.document.paths[path]?.[method]?.responses[response.status];
    if (answer === undefined)
      return [`${method} ${path} answered ${response.status}, which is not documented: ${text}`];
    const type = response.headers.get("content-type") ?? "none";
    if (answer.content?.[type] === undefined) return [`${method} ${path} answered with ${type}: ${text}`];
    const value: unknown =
      type.startsWith("text/") || type === "application/x-ndjson" ? text : JSON.parse(text);
    return this.faults([...place, "content", type, "schema"], value);
  }

  #validator(place: readonly string[]): ValidateFunction {
    const pointer = place.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1")));
    const validate = this.#ajv.getSchema(`document#/${pointer.join("/")}`);
    if (validate === undefined) throw new Error(`The document has no schema at /${place.join("/")}`);
    return validate;
  }
}

/** The same document, in which no object may have members that it does not name: readers may see more, tests not. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isObjectSchema = copy.type === "object" && copy.properties !== undefined;
  return isObjectSchema ? { additionalProperties: false, ...copy } : copy;
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
