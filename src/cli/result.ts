/** What the commands print when they are done: sentences for people, one line for programs. */

import type { SwitchFlag } from "../config/flags.ts";

export const JSON_FLAG = {
  kind: "switch",
  default: false,
  help: "Print the result as one line of JSON.",
} as const satisfies SwitchFlag;

export interface Result {
  /** Members of the JSON object. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export function resultText({ json }: { readonly json: boolean }, { members, text }: Result): string {
  return json ? JSON.stringify(members) : text;
}

export function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1_000;
}

export function grouped(value: number): string {
  return value.toLocaleString("en");
}

/** A list of names and what there is to say of each, in two columns. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}
