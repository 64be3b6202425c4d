/** What a flag can be. Every flag is written down once; its help, its check and the reference derive from that. */

import { exampleOf, type QuantityUnit } from "./quantity.ts";
import { type TopicLimit, UNLIMITED } from "./topic-limits.ts";

export interface TextFlag {
  readonly kind: "text";
  /** Empty where nothing is meant unless something is given; nobody can give an empty text. */
  readonly default: string;
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly help: string;
}

/** An address of a node: `http` or `https`. */
export interface UrlFlag {
  readonly kind: "url";
  readonly default: string;
  readonly help: string;
}

export interface IntegerFlag {
  readonly kind: "integer";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly help: string;
}

export interface ChoiceFlag {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
  readonly help: string;
}

/** Some of a few words, parted by commas; an empty list where none was said. */
export interface ChoicesFlag {
  readonly kind: "choices";
  readonly default: readonly never[];
  readonly choices: readonly string[];
  readonly help: string;
}

/** Texts parted by commas; an empty list where none was said. */
export interface ListFlag {
  readonly kind: "list";
  readonly default: readonly never[];
  /** What stands for one of them in the help. */
  readonly placeholder: string;
  /** What is wrong with one of them, or undefined. */
  readonly faultOf: (text: string) => string | undefined;
  readonly help: string;
}

/** A length of time as people write it; its value is in milliseconds. */
export interface DurationFlag {
  readonly kind: "duration";
  readonly default: number;
  readonly help: string;
}

/** Who may do what with a file, as `chmod` has it; its value is the number. */
export interface FileModeFlag {
  readonly kind: "file mode";
  readonly default: number;
  readonly help: string;
}

/** A limit for all topics or by pattern; its value is a list, empty where everything is unlimited. */
export interface TopicLimitsFlag {
  readonly kind: "topic limits";
  readonly default: readonly TopicLimit[];
  readonly unit: QuantityUnit;
  readonly help: string;
}

/** Takes no value: it is there or it is not. */
export interface SwitchFlag {
  readonly kind: "switch";
  readonly default: false;
  readonly help: string;
}

export type Flag =
  | TextFlag
  | UrlFlag
  | IntegerFlag
  | DurationFlag
  | FileModeFlag
  | TopicLimitsFlag
  | ChoiceFlag
  | ChoicesFlag
  | ListFlag
  | SwitchFlag;

/** By name in camel case: `maxEvents` is `--max-events`. */
export type Flags = Readonly<Record<string, Flag>>;

/** What may stand on a command line without a flag in front of it: one text. */
export interface Operand {
  /** What stands for it in the help. */
  readonly placeholder: string;
  readonly isRequired: boolean;
  readonly help: string;
}

type ValueOf<F extends Flag> = F extends { kind: "integer" | "duration" | "file mode" }
  ? number
  : F extends { kind: "topic limits" }
    ? readonly TopicLimit[]
    : F extends { kind: "switch" }
      ? boolean
      : F extends { kind: "choice"; choices: readonly (infer Choice)[] }
        ? Choice
        : F extends { kind: "choices"; choices: readonly (infer Choice)[] }
          ? readonly Choice[]
          : F extends { kind: "list" }
            ? readonly string[]
            : string;

/** The checked values of some flags. */
export type ValuesOf<F extends Flags> = { readonly [Name in keyof F]: ValueOf<F[Name]> };

export type FlagValue = string | number | boolean | readonly TopicLimit[] | readonly string[];

export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What stands for the value in the help; nothing where the flag takes none. */
export function placeholderOf(flag: Flag): string {
  switch (flag.kind) {
    case "text":
      return flag.placeholder;
    case "url":
      return "URL";
    case "integer":
      return flag.unit.toUpperCase();
    case "duration":
      return "TIME";
    case "file mode":
      return "MODE";
    case "topic limits":
      return "[TOPICS=]LIMIT,…";
    case "choice":
      return flag.choices.join("|");
    case "choices":
      return flag.choices.join(",");
    case "list":
      return `${flag.placeholder},…`;
    case "switch":
      return "";
  }
}

/** Which values a flag takes, for the reference. */
export function rangeOf(flag: Flag): string {
  switch (flag.kind) {
    case "integer":
      return `${flag.min} to ${flag.max} ${flag.unit}`;
    case "duration":
      return `a time like ${exampleOf("duration")}`;
    case "file mode":
      return "an octal mode";
    case "topic limits":
      return `${exampleOf(flag.unit)}, for all topics or by pattern`;
    case "choice":
      return flag.choices.map((choice) => `\`${choice}\``).join(" or ");
    case "choices":
      return `any of ${flag.choices.map((choice) => `\`${choice}\``).join(", ")}, with commas between them`;
    case "list":
      return "texts with commas between them";
    case "url":
      return "`http://` or `https://`";
    case "switch":
      return "nothing";
    case "text":
      return "text";
  }
}

/** The default as somebody would write it; nothing where there is none. */
export function defaultText(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
      return "";
    case "duration":
      return `${flag.default / 1_000}s`;
    case "file mode":
      return flag.default.toString(8);
    case "topic limits":
      return UNLIMITED;
    default:
      return String(flag.default);
  }
}
