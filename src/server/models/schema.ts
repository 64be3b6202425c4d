/** The few kinds of schema that every model is made of, beyond what TypeBox has by itself. */

import { type Static, type TSchema, type TUnsafe, Type } from "@sinclair/typebox";

/** Where the documents keep the models. */
const MODELS_PLACE = "#/components/schemas/";

/** A pointer to a model, for documents; the model itself stays in one place. */
export function refTo<T extends TSchema>(name: string, _model: T): TUnsafe<Static<T>> {
  return Type.Unsafe<Static<T>>({ $ref: `${MODELS_PLACE}${name}` });
}

/** A text out of a list. */
export function oneOf<const T extends readonly string[]>(
  texts: T,
  options: { description?: string; default?: T[number] } = {},
): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ type: "string", enum: [...texts], ...options });
}

/** The same, or null. */
export function orNull<T extends TSchema>(schema: T): TUnsafe<Static<T> | null> {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, "null"] });
}

/** A whole number, not negative. */
export function count(description: string) {
  return Type.Integer({ minimum: 0, description });
}

/** A time that this node has set. */
export function time(description: string) {
  return Type.String({ format: "date-time", description, examples: ["2026-01-31T12:00:00.123Z"] });
}

/** A regular expression (ECMA-262) for texts without any of the characters that `unwanted`, a class, stands for. */
export function without(unwanted: RegExp): string {
  return `^${unwanted.source.replace("[", "[^")}*$`;
}
