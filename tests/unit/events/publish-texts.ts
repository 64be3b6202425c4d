/** Texts of bodies and frames from a seed: ordinary ones, odd ones, wrong ones, and ordinary ones with a character turned. */

import type { SeededRandom } from "../../support/seeded-random.ts";

const NAMES = [
  "a",
  "b",
  "order",
  "amount",
  "é",
  "x y",
  "_",
  "toJSON",
  "constructor",
  "naïve",
  "k1",
  "k2",
  "",
];
const ODD_NAMES = [
  "😀",
  "__proto__",
  "7",
  "0",
  "01",
  "4294967295",
  "-1",
  "1.5",
  "\\u0061",
  '\\"',
  "a\\n",
  "events",
  "id",
];
const STRINGS = [
  "",
  "EUR",
  "x y",
  "2026",
  "é",
  "Zürich – 東京",
  "😀",
  ", : { } [ ]",
  "a/b",
  "\u007f\u2028\ufeff",
];
const ODD_STRINGS = [
  "\\n",
  '\\"',
  "\\\\",
  "\\/",
  "\\u00e9",
  "\\u0000",
  "\\ud83d\\ude00",
  "\\ud800",
  "\\x",
  "\\",
  "\n",
  "\u0000",
  "\ud800",
  "\udc00x",
];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "42",
  "129.9",
  "0.05",
  "-0.5",
  "123456789012345",
  "0.000001",
  "1.25",
  "-99.999999",
];
const ODD_NUMBERS = [
  "-0",
  "-0.0",
  "0.0",
  "1.0",
  "1.10",
  "01",
  "-",
  "1.",
  ".5",
  "+1",
  "1e5",
  "1E+5",
  "1e-7",
  "1e400",
  "1e",
  "1e+",
  "0e0",
  "0.0000001",
  "0.00000012",
  "0.0000123456789012",
  "1234567890123456",
  "12345678901234567890",
  "9007199254740993",
  "0.1234567890123456",
  "0.30000000000000004",
  "3.141592653589793",
  "100000000000000000000",
  "1000000000000000000000",
  "1.7976931348623157e308",
  "123456789.12345678",
  "5e-324",
  "0x10",
  "NaN",
  "00",
  "-01",
];
const TIMESTAMPS = [
  "2026-01-15T09:26:53.123Z",
  "2026-01-15T09:26:53Z",
  "2026-01-15",
  "2026-01-15T09:26:53+02:00",
  "2026-01-15T09:26:53.123456+00:00",
  "2026-01-15T09:26:53-11:30",
  "2026-01-15 09:26",
  "2026-02-29T00:00:00Z",
  "2026-01-15T09:26:53+24:00",
  "2026-01-15T09:26:53.Z",
  "2026-01-15T09:26:53.1",
  "2026-01-15T09:26:53+01:0",
  "2026-01-15T09:26:53+0100",
  "31-12-2026",
  "",
  "2026-01-15T24:00:00Z",
  "2026-01-15T09:26:5+01:00",
];
const TOPICS = ["orders", "orders-3", "a.b/c_d:e", "ünï", "x", "y".repeat(255), "events"];
const ODD_TOPICS = [
  "",
  "a b",
  "a,b",
  "*",
  "\u0085",
  "\u3000",
  "y".repeat(256),
  "😀".repeat(255),
  "😀".repeat(256),
  "\ud800",
  "a\\u0062",
  "y".repeat(600),
];

/** Whether the text is one that a client library prints: nothing odd was put in. */
export interface PublishText {
  readonly text: string;
  readonly isOrdinary: boolean;
}

export class PublishTexts {
  /** Of a thousand choices, those that are odd. */
  #oddness = 0;
  #space: () => string = () => "";

  constructor(private readonly random: SeededRandom) {}

  next(form: "body" | "frame"): PublishText {
    this.#oddness = this.random.below(3) === 0 ? 0 : this.#one([2, 10, 50, 200]);
    const style = this.random.below(10);
    this.#space =
      style < 5 ? () => "" : style < 8 ? () => " " : () => this.#one(["", " ", "\n", "\t ", "\r\n"]);
    const text = this.#publish(form);
    if (this.#oddness === 0) return { text, isOrdinary: true };
    return { text: this.random.below(4) === 0 ? this.#mutated(text) : text, isOrdinary: false };
  }

  #publish(form: "body" | "frame"): string {
    const kind = this.random.below(form === "frame" ? 10 : 6);
    if (kind < 2) return this.#event();
    if (kind < 4) return this.#events();
    const members = [`"events":${this.#space()}${this.#events()}`];
    if (form === "frame" || this.#isOdd()) {
      if (this.random.below(4) > 0)
        members.push(`"type":${this.#space()}${this.#isOdd() ? '"subscribe"' : '"publish"'}`);
      if (this.random.below(2) > 0) members.push(`"id":${this.#space()}${this.#frameId()}`);
      if (this.random.below(3) === 0)
        members.push(`"results":${this.#one(this.#isOdd() ? ["null", "1"] : ["true", "false"])}`);
    }
    if (this.#isOdd()) members.push(this.#one([...members, '"more":1', '"events":[]', '"events":null']));
    return this.#object(this.random.shuffled(members));
  }

  #frameId(): string {
    if (!this.#isOdd()) return this.#one(["0", "7", "-7", "123456789012345", '""', '"f 1"', '"é😀"']);
    return this.#one([
      "-0",
      "00",
      "1.0",
      "1e3",
      "null",
      "12345678901234567890",
      '"\ud800"',
      '"a\\n"',
      `"${"y".repeat(256)}"`,
      "1x",
    ]);
  }

  #events(): string {
    return this.#list(
      Array.from({ length: this.random.below(4) }, () => (this.#isOdd() ? this.#value(2) : this.#event())),
    );
  }

  #event(): string {
    const s = this.#space();
    const members = [
      `${this.#one(['"event_id"', '"id"'])}:${s}${this.#text(["e-1", "7f3c2a10", "e 1", "é", "y".repeat(255)], ODD_TOPICS)}`,
    ];
    if (this.random.below(4) > 0) members.push(`"topic":${s}${this.#text(TOPICS, ODD_TOPICS)}`);
    if (this.random.below(2) > 0)
      members.push(`"timestamp":${s}${this.#nullOr(this.#text(TIMESTAMPS.slice(0, 7), TIMESTAMPS))}`);
    if (this.random.below(2) > 0)
      members.push(`"source":${s}${this.#nullOr(this.#text(["checkout", "", "a b", "é"], ODD_TOPICS))}`);
    if (this.random.below(5) > 0) members.push(`"payload":${s}${this.#value(0)}`);
    if (this.#isOdd())
      members.push(
        this.#one([...members, '"more":1', '"id":"x"', '"event_id":"y"', '"topic":"z"', '"topic" : null']),
      );
    if (this.#isOdd()) members.shift();
    return this.#object(this.random.below(2) === 0 ? members : this.random.shuffled(members));
  }

  #value(depth: number): string {
    if (this.#isOdd() && this.random.below(8) === 0) return this.#nested(120 + this.random.below(20));
    const kind = this.random.below(depth > 2 ? 4 : 8);
    if (kind === 0)
      return this.#one([
        "true",
        "false",
        "null",
        ...(this.#isOdd() ? ["tru", "nul", "falsey", "undefined", ""] : []),
      ]);
    if (kind === 1) return this.#isOdd() ? this.#one(ODD_NUMBERS) : this.#one(NUMBERS);
    if (kind === 2) return this.#number();
    if (kind === 3) return this.#text(STRINGS, ODD_STRINGS);
    if (kind < 6)
      return this.#list(Array.from({ length: this.random.below(3) }, () => this.#value(depth + 1)));
    const names = this.random.shuffled(NAMES).slice(0, this.random.below(this.#isOdd() ? 8 : 4));
    if (this.#isOdd()) names.push(this.#one(NAMES), this.#one(ODD_NAMES));
    if (this.#isOdd() && depth === 0) for (let i = 0; i < 70; i++) names.push(`m${i}`);
    return this.#object(names.map((name) => `"${name}":${this.#space()}${this.#value(depth + 1)}`));
  }

  /** A double or a decimal as printers spell it, sometimes with zeros at its end. */
  #number(): string {
    const digits = this.random.below(2) === 0 ? 1e6 : 4e9;
    const number = (this.random.below(digits) - digits / 3) / 10 ** this.random.below(12);
    const text = this.random.below(3) === 0 ? String(number * Math.PI) : String(number);
    return this.#isOdd() ? number.toFixed(this.random.below(20)) : text;
  }

  #nested(levels: number): string {
    return this.random.below(2) === 0
      ? "[".repeat(levels) + "]".repeat(levels)
      : `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  }

  #text(texts: readonly string[], odd: readonly string[]): string {
    const text = this.#isOdd() ? this.#one(odd) : this.#one(texts);
    return this.#isOdd() && this.random.below(4) === 0 ? this.#value(4) : `"${text}"`;
  }

  #nullOr(text: string): string {
    return this.random.below(8) === 0 ? "null" : text;
  }

  #object(members: readonly string[]): string {
    return this.#around("{", members, "}");
  }

  #list(items: readonly string[]): string {
    return this.#around("[", items, "]");
  }

  #around(open: string, parts: readonly string[], close: string): string {
    const inner =
      this.#isOdd() && this.random.below(20) === 0 ? `${parts.join(",")},` : parts.join(`,${this.#space()}`);
    return `${open}${this.#isOdd() ? this.#space() : ""}${inner}${close}`;
  }

  /** Characters turned over, left out, put in or doubled. */
  #mutated(text: string): string {
    let mutated = text;
    for (let turns = 1 + this.random.below(3); turns > 0; turns--) {
      const at = this.random.below(mutated.length + 1);
      const character = this.#one([
        ...'"\\{}[]:,-+.0e1 \n\ttfn/u_',
        "\u0000",
        "\ud800",
        "\udc00",
        "é",
        "\u00a0",
      ]);
      const kept = mutated.slice(at + this.random.below(2));
      const put = this.#one(["", character, mutated.slice(at, at + this.random.below(12))]);
      mutated = mutated.slice(0, at) + put + kept;
    }
    return mutated;
  }

  #isOdd(): boolean {
    return this.#oddness > 0 && this.random.below(1_000) < this.#oddness;
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }
}
