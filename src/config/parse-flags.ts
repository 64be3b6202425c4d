/** From a command line to checked values: every command's flags go through here. */

import { parseArgs } from "node:util";
import { nearest } from "../nearest.ts";
import {
  type ChoiceFlag,
  type ChoicesFlag,
  type Flag,
  type Flags,
  type FlagValue,
  flagOf,
  type IntegerFlag,
  type ListFlag,
  type Operand,
  type TopicLimitsFlag,
  type ValuesOf,
} from "./flags.ts";
import { exampleOf, parseQuantity } from "./quantity.ts";
import { parseTopicLimits, type TopicLimit } from "./topic-limits.ts";

/** A command line or setting that cannot be used; the message is one sentence for the person who wrote it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A value that comes from elsewhere when its flag is not given, and what it is called where it comes from. */
export interface Given {
  readonly text: string;
  readonly origin: string;
}

/**
 * A flag beats what `elsewhere` gives for its name, and that beats the default.
 * @throws UsageError
 */
export function parseFlags<F extends Flags>(
  flags: F,
  args: readonly string[],
  elsewhere: (name: string) => Given | undefined = () => undefined,
): ValuesOf<F> {
  return valuesOf(flags, readFlags(flags, args).values, elsewhere);
}

/**
 * The same for a command that takes an operand beside its flags.
 * @throws UsageError also where a required operand is missing, or there is more than one.
 */
export function parseFlagsAndOperand<F extends Flags, O extends Operand>(
  flags: F,
  operand: O,
  args: readonly string[],
  elsewhere: (name: string) => Given | undefined = () => undefined,
): { flags: ValuesOf<F>; operand: O["isRequired"] extends true ? string : string | undefined } {
  const { values, positionals } = readFlags(flags, args, operand);
  const [text, another] = positionals;
  const { placeholder, isRequired } = operand;
  const kinds = placeholder.split("|");
  if (another !== undefined)
    throw new UsageError(`Expected one ${kinds.join(" or ")}, got \`${text}\` and \`${another}\`.`);
  if (text === undefined && isRequired)
    throw new UsageError(`Expected ${kinds.map(withArticle).join(" or ")}, got none.`);
  if (text === "") throw new UsageError(`${placeholder} must not be empty.`);
  return { flags: valuesOf(flags, values, elsewhere), operand: text as string };
}

function withArticle(word: string): string {
  return `${/^[AEIOU]/.test(word) ? "an" : "a"} ${word}`;
}

type ReadValues = Readonly<Record<string, string | boolean | undefined>>;

function valuesOf<F extends Flags>(
  flags: F,
  values: ReadValues,
  elsewhere: (name: string) => Given | undefined,
): ValuesOf<F> {
  const entries = Object.entries(flags).map(([name, flag]) => {
    const value = values[flagOf(name)];
    if (typeof value === "boolean") return [name, value];
    const given = value === undefined ? elsewhere(name) : { text: value, origin: `--${flagOf(name)}` };
    return [name, given === undefined ? flag.default : parseValue(flag, given)];
  });
  return Object.fromEntries(entries) as ValuesOf<F>;
}

function readFlags(
  flags: Flags,
  args: readonly string[],
  operand?: Operand,
): { values: ReadValues; positionals: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { kind }]) => {
      return [flagOf(name), { type: kind === "switch" ? ("boolean" as const) : ("string" as const) }];
    }),
  );
  refuseUnknownFlags(args, Object.keys(options));
  const given = withValues(flags, args);
  try {
    const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true });
    if (operand !== undefined || positionals.length === 0) return { values, positionals };
    throw new UsageError(`Expected nothing but flags, got \`${positionals[0]}\`.`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message.split("\n")[0]!.replace(/\.?$/, "."));
  }
}

/**
 * The same arguments, with a value that begins with a dash joined to its flag, so that its own check judges it.
 * @throws UsageError where a value is missing, or stands where none is taken.
 */
function withValues(flags: Flags, args: readonly string[]): string[] {
  const kinds = new Map(Object.entries(flags).map(([name, { kind }]) => [`--${flagOf(name)}`, kind]));
  const given: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...given, ...args.slice(i)];
    const [flag] = arg.split("=", 1);
    const kind = kinds.get(flag!);
    if (kind === undefined && /^-[^-]/.test(arg)) throw new UsageError(`There is no flag ${flag}.`);
    if (kind === "switch" && flag !== arg) throw new UsageError(`${flag} takes no value.`);
    given.push(arg);
    if (kind === undefined || kind === "switch" || flag !== arg) continue;
    const value = args[++i];
    if (value === undefined || value.startsWith("--")) throw new UsageError(`${flag} needs a value.`);
    if (!/^-./.test(value)) given.push(value);
    else if (kind !== "text") given[given.length - 1] = `${flag}=${value}`;
    else
      throw new UsageError(
        `${flag} needs a value; one that begins with a dash is given as ${flag}=${value}.`,
      );
  }
  return given;
}

function refuseUnknownFlags(args: readonly string[], known: readonly string[]): void {
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name !== undefined && !known.includes(name)) {
      const meant = nearest(name, known);
      const hint =
        meant === undefined ? ": --help lists those that there are" : `; the nearest is --${meant}`;
      throw new UsageError(`There is no flag --${name}${hint}.`);
    }
  }
}

function parseValue(flag: Flag, { text, origin }: Given): FlagValue {
  if (flag.kind === "integer") return parseInteger(flag, text, origin);
  if (flag.kind === "choice") return parseChoice(flag, text, origin);
  if (flag.kind === "duration") return parseDuration(text, origin);
  if (flag.kind === "file mode") return parseFileMode(text, origin);
  if (flag.kind === "topic limits") return parseLimits(flag, text, origin);
  if (text === "") throw new UsageError(`${origin} must not be empty.`);
  if (flag.kind === "choices") return parseChoices(flag, text, origin);
  if (flag.kind === "list") return parseList(flag, text, origin);
  return flag.kind === "url" ? parseUrl(text, origin) : text;
}

function parseInteger({ min, max, unit }: IntegerFlag, text: string, origin: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(
    `Expected ${origin} to be a whole number from ${min} to ${max} (${unit}), got \`${text}\`.`,
  );
}

function parseChoice({ choices }: ChoiceFlag, text: string, origin: string): string {
  if (choices.includes(text)) return text;
  throw new UsageError(`Expected ${origin} to be ${choices.join(" or ")}, got \`${text}\`.`);
}

function parseChoices({ choices }: ChoicesFlag, text: string, origin: string): readonly string[] {
  const chosen = [...new Set(text.split(","))];
  if (chosen.every((choice) => choices.includes(choice))) return chosen;
  throw new UsageError(
    `Expected ${origin} to be any of ${choices.join(", ")}, with commas between them, got \`${text}\`.`,
  );
}

function parseList({ faultOf }: ListFlag, text: string, origin: string): readonly string[] {
  const items = [...new Set(text.split(","))];
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined)
      throw new UsageError(
        `Expected ${origin} to be a list with commas between, got \`${item}\`, which ${fault}.`,
      );
  }
  return items;
}

function parseDuration(text: string, origin: string): number {
  const value = parseQuantity(text, "duration");
  if (value !== undefined) return value;
  throw new UsageError(`Expected ${origin} to be a time like ${exampleOf("duration")}, got \`${text}\`.`);
}

function parseFileMode(text: string, origin: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new UsageError(`Expected ${origin} to be a mode of three octal digits like 660, got \`${text}\`.`);
}

function parseLimits({ unit }: TopicLimitsFlag, text: string, origin: string): readonly TopicLimit[] {
  const limits = parseTopicLimits(text, unit);
  if (typeof limits !== "string") return limits;
  throw new UsageError(`Expected ${origin} ${limits}, got \`${text}\`.`);
}

/** @returns the address without a slash at its end, so that a path can follow. */
function parseUrl(text: string, origin: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new UsageError(`Expected ${origin} to be an address like http://127.0.0.1:8080, got \`${text}\`.`);
  }
  return url.href.replace(/\/+$/, "");
}
