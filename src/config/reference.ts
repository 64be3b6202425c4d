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

/** Width of the column that holds the flags. */
const FLAG_COLUMN = 32;

/** One line for each flag. */
export function flagsHelp(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, flag]) => `  ${usageOf(name, flag).padEnd(FLAG_COLUMN - 1)} ${flag.help}${defaultOf(flag)}`)
    .join("\n");
}

/** The operand as it stands in a command line: in brackets when it may be left out. */
export function operandUsage({ placeholder, isRequired }: Operand): string {
  return isRequired ? placeholder : `[${placeholder}]`;
}

/** One line, like those of the flags. */
export function operandHelp(operand: Operand): string {
  return `  ${operandUsage(operand).padEnd(FLAG_COLUMN - 1)} ${operand.help}`;
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
