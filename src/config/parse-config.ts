/** From flags and environment variables to a checked configuration; a flag beats its variable. */

import { parseArgs } from "node:util";
import { nearest } from "../nearest.ts";
import {
  type Config,
  flagOf,
  type IntegerSetting,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  variableOf,
} from "./settings.ts";

/** A command line or setting that cannot be used; the message is one sentence for the person who wrote it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError */
export function parseConfig(args: readonly string[], environment: Environment): Config {
  const flags = parseFlags(args);
  refuseUnknownVariables(environment);
  const entries = SETTING_NAMES.map((name) => {
    const flag = flags[flagOf(name)];
    const variable = environment[variableOf(name)];
    const setting: Setting = SETTINGS[name];
    if (flag !== undefined) return [name, parseValue(setting, flag, `--${flagOf(name)}`)];
    if (variable !== undefined) return [name, parseValue(setting, variable, variableOf(name))];
    return [name, setting.default];
  });
  return Object.fromEntries(entries) as Config;
}

function parseFlags(args: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(
    SETTING_NAMES.map((name) => [flagOf(name), { type: "string" as const }]),
  );
  refuseUnknownFlags(args, Object.keys(options));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values as Record<
      string,
      string | undefined
    >;
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]!);
  }
}

function refuseUnknownFlags(args: readonly string[], known: readonly string[]): void {
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name !== undefined && !known.includes(name)) {
      throw new UsageError(`There is no flag --${name}; the nearest is --${nearest(name, known)}.`);
    }
  }
}

/** A misspelt variable would be silently ignored, and a limit that somebody set not be there. */
function refuseUnknownVariables(environment: Environment): void {
  const known = SETTING_NAMES.map(variableOf);
  for (const name of Object.keys(environment)) {
    if (name.startsWith("ONEFOLD_") && !known.includes(name)) {
      throw new UsageError(`There is no setting ${name}; the nearest is ${nearest(name, known)}.`);
    }
  }
}

function parseValue(setting: Setting, text: string, given: string): string | number {
  if (setting.kind === "integer") return parseInteger(setting, text, given);
  if (text === "") throw new UsageError(`${given} must not be empty.`);
  return text;
}

function parseInteger({ min, max, unit }: IntegerSetting, text: string, given: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(
    `Expected ${given} to be a whole number from ${min} to ${max} (${unit}), got \`${text}\`.`,
  );
}
