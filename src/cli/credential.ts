/** The token that a command brings to a node: from a file or a variable, never from a flag, which process lists show. */

import { readFileSync } from "node:fs";
import { fileFault } from "../access/file-fault.ts";
import { TOKEN_VARIABLE } from "../config/access-settings.ts";
import type { TextFlag } from "../config/flags.ts";
import type { Environment } from "../config/parse-config.ts";

export const TOKEN_FILE_FLAG = {
  kind: "text",
  default: "",
  placeholder: "FILE",
  help: `File that holds the token to bring to the node; ${TOKEN_VARIABLE} counts without it.`,
} as const satisfies TextFlag;

/** What a header can carry of a token: visible ASCII. */
const TOKEN_FORM = /^[\x21-\x7e]{1,16384}$/;

/**
 * @returns undefined where there is none: then the node decides whom it lets in.
 * @throws Error with one sentence, without a word of the token in it
 */
export function tokenFrom(
  { tokenFile }: { readonly tokenFile: string },
  environment: Environment,
): string | undefined {
  if (tokenFile !== "") return checked(contentOf(tokenFile), tokenFile);
  const token = environment[TOKEN_VARIABLE];
  return token === undefined ? undefined : checked(token, TOKEN_VARIABLE);
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`The token file ${file} cannot be read (${fileFault(file, error)}).`, { cause: error });
  }
}

function checked(text: string, origin: string): string {
  const token = text.trim();
  if (TOKEN_FORM.test(token)) return token;
  throw new Error(`Expected ${origin} to hold one token and nothing else.`);
}
