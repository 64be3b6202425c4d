/** The command line: which command is meant, and what it says when none is. */

import { UsageError } from "../config/parse-config.ts";
import { configurationPage, settingsHelp } from "../config/reference.ts";
import { nearest } from "../nearest.ts";
import type { NodeFiles } from "../node.ts";
import { VERSION } from "../version.ts";
import { serve } from "./serve.ts";

const COMMANDS = ["serve"];

const HELP = `onefold ${VERSION}: counts each event once, keeps it, and shows the counts live.

  onefold [serve] [flags]   run a node
  onefold --help            this text
  onefold --version         the version

Flags of serve:
${settingsHelp()}
`;

/** Exit status for a command line that cannot be understood, as shells have it. */
const EXIT_USAGE = 2;

export async function run(args: readonly string[], files: NodeFiles): Promise<void> {
  try {
    await dispatch(args, files);
  } catch (error) {
    console.error(`onefold: ${error instanceof Error ? error.message : error}`);
    process.exit(error instanceof UsageError ? EXIT_USAGE : 1);
  }
}

async function dispatch([first, ...rest]: readonly string[], files: NodeFiles): Promise<void> {
  if (first === "--help" || first === "-h" || first === "help" || rest.includes("--help")) console.log(HELP);
  else if (first === "--version" || first === "-v") console.log(VERSION);
  else if (first === "--reference") console.log(configurationPage());
  else if (first === undefined || first.startsWith("-"))
    await serve(first === undefined ? [] : [first, ...rest], files);
  else if (first === "serve") await serve(rest, files);
  else throw new UsageError(`There is no command ${first}; the nearest is ${nearest(first, COMMANDS)}.`);
}
