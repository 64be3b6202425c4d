/** JSON texts from a grammar: right ones, spelt in every way that is allowed, and parts that are nearly right. */

import type { Random } from "../simulation/random.ts";
import { HOSTILE_NAMES, NUMBER_TEXTS, STRING_TEXTS } from "./hostile-texts.ts";

const DEPTH_MAX = 6;
const ELEMENTS_MAX = 4;

/** Levels of a payload that is meant to be deep; the limit is 128. */
const DEEP_LEVELS = [127, 128, 129, 1_000] as const;

export class JsonGrammar {
  constructor(private readonly random: Random) {}

  /** Any JSON value. */
  value(depth = 0): string {
    const { random } = this;
    const roll = random.below(depth < DEPTH_MAX ? 12 : 8);
    if (roll < 2) return random.pick(["true", "false", "null"]);
    if (roll < 4) return this.number();
    if (roll < 8) return this.string();
    const elements = Array.from({ length: random.below(ELEMENTS_MAX + 1) }, () =>
      roll < 10 ? this.value(depth + 1) : this.member(this.name(), this.value(depth + 1)),
    );
    return this.container(elements, roll < 10 ? "[]" : "{}");
  }

  /** A value nested about as deep as is allowed, or far deeper. */
  deepValue(): string {
    const levels = this.random.pick(DEEP_LEVELS);
    const [open, close] = this.random.pick([
      ["[", "]"],
      ['{"__proto__":', "}"],
    ] as const);
    return `${open.repeat(levels)}${this.number()}${close.repeat(levels)}`;
  }

  number(): string {
    const { random } = this;
    if (random.chance(0.3)) return random.pick(NUMBER_TEXTS);
    if (random.chance(0.7)) return String(random.between(-1_000, 1_000_000));
    const digits = Array.from({ length: random.between(1, 40) }, () => random.below(10)).join("");
    const whole = digits.replace(/^0+(?=\d)/, "");
    const fraction = random.chance(0.5) ? `.${digits}` : "";
    const exponent = random.chance(0.3) ? `${random.pick(["e", "E+", "e-"])}${random.below(500)}` : "";
    return `${random.chance(0.3) ? "-" : ""}${whole}${fraction}${exponent}`;
  }

  string(): string {
    const { random } = this;
    if (random.chance(0.2)) return random.pick(STRING_TEXTS);
    return this.spelt(random.chance(0.5) ? random.pick(HOSTILE_NAMES) : `text ${random.below(1_000)}`);
  }

  name(): string {
    const { random } = this;
    return random.chance(0.5) ? random.pick(HOSTILE_NAMES) : `member_${random.below(50)}`;
  }

  member(name: string, value: string): string {
    return `${this.spelt(name)}${this.space()}:${this.space()}${value}`;
  }

  /** A string's text, with some characters escaped that need not be. */
  spelt(text: string): string {
    if (!this.random.chance(0.05) || text === "") return JSON.stringify(text);
    const at = this.random.below(text.length);
    const unit = text.charCodeAt(at).toString(16).padStart(4, "0");
    return `${JSON.stringify(text.slice(0, at)).slice(0, -1)}\\u${unit}${JSON.stringify(text.slice(at + 1)).slice(1)}`;
  }

  container(elements: readonly string[], brackets: "[]" | "{}"): string {
    const inside = elements.join(`${this.space()},${this.space()}`);
    return `${brackets[0]}${this.space()}${inside}${this.space()}${brackets[1]}`;
  }

  space(): string {
    return this.random.chance(0.03) ? this.random.pick([" ", "\n", "\t", "\r\n", "   "]) : "";
  }
}
