/** The settings as text for people: the help of the command line and the page in the docs. */

import { flagOf, SETTING_NAMES, SETTINGS, type Setting, variableOf } from "./settings.ts";

export function settingsHelp(): string {
  const lines = SETTING_NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    return `  ${`--${flagOf(name)} ${placeholder(setting)}`.padEnd(32)}${setting.help} [${setting.default}]`;
  });
  return `${lines.join("\n")}\n\nEvery flag is also a variable: --port is ${variableOf("port")}.`;
}

/** `docs/configuration.md`. */
export function configurationPage(): string {
  const groups = [...new Set(SETTING_NAMES.map((name) => SETTINGS[name].group))];
  const sections = groups.map((group) => {
    const rows = SETTING_NAMES.filter((name) => SETTINGS[name].group === group).map((name) => {
      const setting: Setting = SETTINGS[name];
      return `| \`--${flagOf(name)}\` | \`${variableOf(name)}\` | \`${setting.default}\` | ${rangeOf(setting)} | ${setting.help} |`;
    });
    return `## ${group}\n\n| flag | variable | default | takes | |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# Configuration

Every setting is a flag of \`onefold serve\` and an environment variable; a flag beats its variable. A value that cannot
be used stops the start with one sentence that says why. This page is made by \`bun run docs\` from
\`src/config/settings.ts\`.

${sections.join("\n")}`;
}

function placeholder(setting: Setting): string {
  return setting.kind === "text" ? setting.placeholder : setting.unit.toUpperCase();
}

function rangeOf(setting: Setting): string {
  return setting.kind === "text" ? "text" : `${setting.min} to ${setting.max} ${setting.unit}`;
}
