/** The flags as text for people: the help of the command line and the page in the docs. */

import { defaultText, type Flag, type Flags, flagOf, type Operand, placeholderOf, rangeOf } from "./flags.ts";
import type { Setting } from "./setting.ts";
import { SETTING_NAMES, SETTINGS, variableOf } from "./settings.ts";

/** A command beside `serve`, as far as the page tells of it. */
export interface CommandReference {
  readonly name: string;
  readonly summary: string;
  readonly flags: Flags;
  readonly operand?: Operand;
}

/** Width of the column that holds the flags; and of all, as terminals have it. */
const FLAG_COLUMN = 34;
const LINE_LENGTH_MAX = 120;

/** Each flag, and beside it what it does. */
export function flagsHelp(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, flag]) => entryOf(usageOf(name, flag), `${flag.help}${defaultOf(flag)}`))
    .join("\n");
}

/** In two columns; what is too long for the first stands on a line of its own. */
function entryOf(usage: string, help: string): string {
  const indent = " ".repeat(FLAG_COLUMN);
  const first = `  ${usage} `.padEnd(FLAG_COLUMN);
  const lines: string[] = first.length > FLAG_COLUMN ? [first.trimEnd(), indent] : [first];
  for (const word of help.split(" ")) {
    const line = lines.at(-1)!;
    const isFull = line.length + 1 + word.length > LINE_LENGTH_MAX;
    if (isFull) lines.push(indent + word);
    else lines[lines.length - 1] = line.length === FLAG_COLUMN ? line + word : `${line} ${word}`;
  }
  return lines.join("\n");
}

/** The operand as it stands in a command line: in brackets when it may be left out. */
export function operandUsage({ placeholder, isRequired }: Operand): string {
  return isRequired ? placeholder : `[${placeholder}]`;
}

/** One line, like those of the flags. */
export function operandHelp(operand: Operand): string {
  return entryOf(operandUsage(operand), operand.help);
}

/** `docs/configuration.md`. */
export function configurationPage(commands: readonly CommandReference[] = []): string {
  const groups = [...new Set(SETTING_NAMES.map((name) => SETTINGS[name].group))];
  return `# Configuration

Every setting is a flag of \`onefold serve\` and an environment variable; a flag beats its variable. A value that cannot
be used stops the start with one sentence that says why. This page is made by \`bun run docs\` from
\`src/config/settings.ts\` and the commands.

${[...groups.map(groupSection), ...commands.map(commandSection)].join("\n")}`;
}

function groupSection(group: Setting["group"]): string {
  const rows = SETTING_NAMES.filter((name) => SETTINGS[name].group === group).map((name) => {
    const setting: Setting = SETTINGS[name];
    return `| \`--${flagOf(name)}\` | \`${variableOf(name)}\` | ${codeOf(defaultText(setting))} | ${rangeOf(setting)} | ${setting.help} |`;
  });
  return `## ${group}\n\n| flag | variable | default | takes | |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

function commandSection({ name, summary, flags, operand }: CommandReference): string {
  const rows = Object.entries(flags).map(([flagName, flag]) => {
    return `| \`--${flagOf(flagName)}\` | ${codeOf(defaultText(flag))} | ${rangeOf(flag)} | ${flag.help} |`;
  });
  if (operand !== undefined) rows.unshift(`| \`${operandUsage(operand)}\` |  | text | ${operand.help} |`);
  return `## onefold ${name}\n\n${summary}\n\n| flag | default | takes | |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function usageOf(name: string, flag: Flag): string {
  return `--${flagOf(name)} ${placeholderOf(flag)}`;
}

function defaultOf(flag: Flag): string {
  const text = defaultText(flag);
  return text === "" ? "" : ` [${text}]`;
}

function codeOf(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}
