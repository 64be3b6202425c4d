/** What a flag can be. Every flag is written down once; its help, its check and the reference derive from that. */

export interface TextFlag {
  readonly kind: "text";
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

/** Takes no value: it is there or it is not. */
export interface SwitchFlag {
  readonly kind: "switch";
  readonly default: false;
  readonly help: string;
}

export type Flag = TextFlag | UrlFlag | IntegerFlag | ChoiceFlag | SwitchFlag;

/** By name in camel case: `maxEvents` is `--max-events`. */
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F extends { kind: "integer" }
  ? number
  : F extends { kind: "switch" }
    ? boolean
    : F extends { kind: "choice"; choices: readonly (infer Choice)[] }
      ? Choice
      : string;

/** The checked values of some flags. */
export type ValuesOf<F extends Flags> = { readonly [Name in keyof F]: ValueOf<F[Name]> };

export type FlagValue = string | number | boolean;

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
    case "choice":
      return flag.choices.join("|");
    case "switch":
      return "";
  }
}

/** Which values a flag takes, for the reference. */
export function rangeOf(flag: Flag): string {
  switch (flag.kind) {
    case "integer":
      return `${flag.min} to ${flag.max} ${flag.unit}`;
    case "choice":
      return flag.choices.map((choice) => `\`${choice}\``).join(" or ");
    case "url":
      return "`http://` or `https://`";
    case "switch":
      return "nothing";
    case "text":
      return "text";
  }
}
