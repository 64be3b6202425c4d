/** Schemas of the documents made strict: readers may see members that a document does not name, tests not. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

/** The formats that the documents use; times of ours have one form only. */
const FORMATS = {
  "date-time": (text: string) => new Date(text).toISOString() === text,
  uri: (text: string) => URL.canParse(text),
  "uri-reference": (text: string) => URL.canParse(text, "http://localhost"),
};

/** The schemas of one document, by their places in it. */
export class ClosedSchemas {
  readonly #ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    formats: FORMATS,
  });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: object) {
    // Above the schemas are the document's own members; below, a keyword that is not known is an error.
    this.#ajv.addVocabulary(Object.keys(document));
    this.#ajv.addSchema(closed(document) as object, "document", undefined, false);
  }

  /** What is wrong with a value, by the schema at this place of the document. */
  faults(place: readonly string[], value: unknown): string[] {
    const validate = this.#validator(place);
    if (validate(value)) return [];
    return validate.errors!.map(
      ({ instancePath, message, params }) =>
        `${instancePath} ${message}${"additionalProperty" in params ? ` (${params.additionalProperty})` : ""}`,
    );
  }

  #validator(place: readonly string[]): ValidateFunction {
    const key = place.join("\n");
    const known = this.#validators.get(key);
    if (known !== undefined) return known;
    const pointer = place.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1")));
    const validate = this.#ajv.getSchema(`document#/${pointer.join("/")}`);
    if (validate === undefined) throw new Error(`The document has no schema at /${place.join("/")}`);
    this.#validators.set(key, validate);
    return validate;
  }
}

/** The same, in which no object may have members that it does not name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isObjectSchema = copy.type === "object" && copy.properties !== undefined;
  return isObjectSchema ? { additionalProperties: false, ...copy } : copy;
}
