/** The command line: which command is meant, and what it says when none is. */

import { UsageError } from "../config/parse-flags.ts";
import { configurationPage, flagsHelp, operandHelp, operandUsage } from "../config/reference.ts";
import { nearest, nearestOrAll } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { backup } from "./backup.ts";
import { bench } from "./bench.ts";
import type { Command, CommandFiles } from "./command.ts";
import { exportEvents } from "./export.ts";
import { healthcheck } from "./healthcheck.ts";
import { prune } from "./prune.ts";
import { restore } from "./restore.ts";
import { serve } from "./serve.ts";
import { tokenCreate, tokenList, tokenRevoke } from "./token.ts";
import { verify } from "./verify.ts";

/** The first is meant when none is named. */
const COMMANDS: readonly [Command, ...Command[]] = [
  serve,
  verify,
  backup,
  restore,
  prune,
  exportEvents,
  bench,
  healthcheck,
  tokenCreate,
  tokenList,
  tokenRevoke,
];

/** Exit status for a command line that cannot be understood, as shells have it. */
const EXIT_USAGE = 2;

/** Events, tokens and locks are for whoever runs it: nobody else reads a file that is made without a mode of its own. */
const UMASK = 0o077;

export async function run(args: readonly string[], files: CommandFiles): Promise<void> {
  process.umask(process.umask() | UMASK);
  try {
    const status = await dispatch(args, files);
    if (status !== undefined) process.exit(status);
  } catch (error) {
    console.error(`onefold: ${error instanceof Error ? error.message : error}`);
    process.exit(error instanceof UsageError ? EXIT_USAGE : 1);
  }
}

/** @returns the exit status, or nothing where a node goes on running. */
async function dispatch(args: readonly string[], files: CommandFiles): Promise<number | undefined> {
  const [first, ...rest] = args;
  if (first === "help" && rest.length > 0) return dispatch([...rest, "--help"], files);
  if (first === "--help" || first === "-h" || first === "help") return say(overview());
  if (first === "--version" || first === "-v") return say(VERSION);
  if (first === "--reference") return say(configurationPage(COMMANDS.slice(1)));
  if (first === undefined || first.startsWith("-")) return runOrHelp(COMMANDS[0], args, files);
  const [second] = rest;
  const family = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (family.length === 0) return runOrHelp(commandOf(first), rest, files);
  if (second === "--help" || second === "-h") return say(summaries(family));
  if (second === undefined || second.startsWith("-")) {
    throw new UsageError(`Expected one of ${family.map(({ name }) => `\`onefold ${name}\``).join(", ")}.`);
  }
  const verbs = family.map(({ name }) => name.slice(first.length + 1));
  if (!verbs.includes(second)) {
    const names = verbs.map((verb) => `${first} ${verb}`);
    const meant = nearest(second, verbs);
    const hint = meant === undefined ? `there are ${names.join(", ")}` : `the nearest is ${first} ${meant}`;
    throw new UsageError(`There is no command ${first} ${second}; ${hint}.`);
  }
  return runOrHelp(commandOf(`${first} ${second}`), rest.slice(1), files);
}

async function runOrHelp(
  command: Command,
  flags: readonly string[],
  files: CommandFiles,
): Promise<number | undefined> {
  if (flags.includes("--help") || flags.includes("-h")) return say(helpOf(command));
  return command.run(flags, { environment: process.env, files });
}

/** @throws UsageError */
function commandOf(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  // Those of two words are found by their first.
  const names = [...new Set(COMMANDS.map((candidate) => candidate.name.split(" ")[0]!))];
  throw new UsageError(`There is no command ${name}; ${nearestOrAll(name, names)}.`);
}

function summaries(commands: readonly Command[]): string {
  return commands.map(({ name, summary }) => `  onefold ${name.padEnd(14)}${summary}`).join("\n");
}

function overview(): string {
  return `onefold ${VERSION}: counts each event once, keeps it, and shows the counts live.

${summaries(COMMANDS)}

  onefold <command> --help   its flags
  onefold --version          the version

Without a command it is \`${COMMANDS[0].name}\`, with these flags:

${flagsHelp(COMMANDS[0].flags)}
`;
}

function helpOf({ name, summary, flags, operand, note }: Command): string {
  const usage = operand === undefined ? "" : ` ${operandUsage(operand)}`;
  const lines = operand === undefined ? flagsHelp(flags) : `${operandHelp(operand)}\n${flagsHelp(flags)}`;
  return `${summary}

  onefold ${name} [flags]${usage}

${lines}
${note === undefined ? "" : `\n${note}\n`}`;
}

function say(text: string): number {
  console.log(text);
  return 0;
}
