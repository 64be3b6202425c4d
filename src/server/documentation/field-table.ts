/** A schema as a table of its fields, for a person. */

import { escapeHtml, inline } from "./html.ts";

export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly maxItems?: number;
  readonly maximum?: number;
}

/** Words of a list that is too long to be read. */
const CHOICES_SHOWN_MAX = 8;

/** @param isQuery whether the fields are parameters, none of which is required. */
export function fieldTable({ properties = {}, required = [] }: Schema, isQuery = false): string {
  const rows = Object.entries(properties).map(([name, field]) => {
    const mark = isQuery || required.includes(name) ? "" : ' <small class="optional">optional</small>';
    const standard =
      field.default === undefined ? "" : ` Default <code>${escapeHtml(String(field.default))}</code>.`;
    return `<tr><th scope="row"><code>${escapeHtml(name)}</code>${mark}</th><td class="type">${typeOf(field)}</td><td>${inline(field.description ?? "")}${standard}</td></tr>`;
  });
  return rows.length === 0
    ? ""
    : `<div class="table"><table class="fields"><tbody>${rows.join("")}</tbody></table></div>`;
}

export function modelOf({ $ref }: Schema): string | undefined {
  return $ref?.split("/").at(-1);
}

/** In words, as HTML. */
export function typeOf(schema: Schema): string {
  const model = modelOf(schema);
  if (model !== undefined) return `<a href="#model-${model}">${model}</a>`;
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined) return choices(schema.enum);
  if (schema.items !== undefined) {
    const most = schema.maxItems === undefined ? "" : `, at most ${schema.maxItems}`;
    return `array of ${typeOf(schema.items)}${most}`;
  }
  if (typeof schema.additionalProperties === "object")
    return `object of ${typeOf(schema.additionalProperties)} by name`;
  if (schema.type === undefined) return "any JSON";
  return [schema.type].flat().join(" or ");
}

function choices(words: readonly unknown[]): string {
  const shown = words.slice(0, CHOICES_SHOWN_MAX).map((word) => `<code>${escapeHtml(String(word))}</code>`);
  return `${shown.join(", ")}${words.length > shown.length ? `, and ${words.length - shown.length} more` : ""}`;
}
