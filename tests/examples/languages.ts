/** The languages that the examples are written in, and how each is run. */

import { join } from "node:path";
import { find, isMissing } from "../support/prerequisites.ts";

const EXAMPLES = join(import.meta.dir, "../../examples");

export interface Language {
  readonly publish: readonly string[];
  readonly stats: readonly string[];
}

function language(extension: string, ...interpreter: string[]): Language {
  const command = (name: string): string[] => [...interpreter, join(EXAMPLES, `${name}.${extension}`)];
  return { publish: command("publish"), stats: command("stats") };
}

/** Nobody is asked for bash and Node: who has none cannot build this project at all. */
export const LANGUAGES: Readonly<Record<string, Language>> = {
  bash: language("sh", "bash"),
  Node: language("mjs", "node", "--experimental-websocket"),
  ...(isMissing("python") ? {} : { Python: language("py", find("python")!) }),
};

/** The path of an example that is in one language only. */
export function example(name: string): string {
  return join(EXAMPLES, name);
}
