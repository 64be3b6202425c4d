/** The languages that the examples are written in, and how each is run. */

import { join } from "node:path";

const EXAMPLES = join(import.meta.dir, "../../examples");

export interface Language {
  readonly publish: readonly string[];
  readonly stats: readonly string[];
}

function language(extension: string, ...interpreter: string[]): Language {
  const command = (name: string): string[] => [...interpreter, join(EXAMPLES, `${name}.${extension}`)];
  return { publish: command("publish"), stats: command("stats") };
}

export const LANGUAGES: Readonly<Record<string, Language>> = {
  bash: language("sh", "bash"),
  Python: language("py", "python3"),
  Node: language("mjs", "node", "--experimental-websocket"),
};

/** The path of an example that is in one language only. */
export function example(name: string): string {
  return join(EXAMPLES, name);
}
