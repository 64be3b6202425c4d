/**
 * Takes payloads out of a text: finds the end of a JSON value without building it, and whether its text is already what
 * would be stored, which is what JSON.stringify makes of the value that JSON.parse makes of it. Then it is stored as it
 * stands, and otherwise it is parsed and printed, alone.
 *
 * Never says what is wrong with a text. What is no JSON, or too deep, it declines, and leaves to the parser. It declines
 * as well where printing payload after payload would take longer than parsing the whole text.
 */

import {
  afterDigits,
  afterSpace,
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOT,
  HIGH_SURROGATE_MIN,
  isDigit,
  LOW_SURROGATE_MAX,
  LOW_SURROGATE_MIN,
  LOWER_E,
  LOWER_U,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  SLASH,
  SPACE,
  standsAt,
  UPPER_E,
  unitAt,
  ZERO,
} from "./characters.ts";
import { PAYLOAD_DEPTH_MAX } from "./event.ts";
import { parseJson } from "./exact-json.ts";
import { HASH_START, hashWith } from "./text-hash.ts";

/** Instead of a place in the text: nothing ends at 0. */
const DECLINED = 0;

/** Members of an object that is stored as it stands; each name is compared with those before it. */
const MEMBERS_MAX = 64;

/** Gaps of white space that are cut out of the payloads of one text: each takes a slice and a join, however short it is. */
const GAPS_MAX = 262_144;

/**
 * The text is declined when more than one part in so many has to be printed again, as long as it is found in the part
 * of the text that comes first: what is declined later has been walked through for nothing.
 */
const PRINTED_SHARE = 32;
const DECLINED_SHARE = 3;

/** Printing a short payload takes as long as if it were longer by so many units. */
const PRINTING_UNITS = 32;

/** A whole part of more digits is printed with an exponent. */
const WHOLE_DIGITS_MAX = 21;

/** No double is printed longer: sign, point, 17 digits and six zeros, or 21 digits. */
const DOUBLE_LENGTH_MAX = 25;

/** The point and six digits: no number of so long a fraction is too small, 0.000001 is printed as such, but 1e-7. */
const SMALL_FRACTION_LENGTH_MAX = 7;

export class PayloadScanner {
  /** The place after the value that was taken last. */
  end = 0;
  #isAsStored = true;
  #start = 0;
  /** Units of the payloads of the present text that had to be printed. */
  #printed = 0;
  /** Gaps that were cut out of the present text. */
  #gaps = 0;
  /** What stands before `#unread`, without the white space. */
  #pieces = "";
  #unread = 0;
  /** Levels of the present text; deeper ones are declined, and so is what is too deep for `#names`. */
  #depthMax = PAYLOAD_DEPTH_MAX;
  /** Hashes of the names of the objects around the present place, `MEMBERS_MAX` for each level. */
  readonly #names = new Int32Array(PAYLOAD_DEPTH_MAX * MEMBERS_MAX);

  /** What is taken from here on is of another text, whose payloads may nest so deep. */
  begin(depthMax = PAYLOAD_DEPTH_MAX): void {
    this.#depthMax = Math.min(depthMax, PAYLOAD_DEPTH_MAX);
    this.#printed = 0;
    this.#gaps = 0;
  }

  /** What is to be stored for the value that starts at `start`; undefined when the text is declined. */
  take(text: string, start: number): string | undefined {
    this.#isAsStored = true;
    this.#start = start;
    this.#unread = start;
    const end = this.#endOfValue(text, start, 0);
    const pieces = this.#pieces;
    // The scanner lives on, and a piece would keep the whole text in memory.
    this.#pieces = "";
    if (end === DECLINED) return undefined;
    this.end = end;
    if (this.#isAsStored) {
      const rest = text.slice(this.#unread, end);
      return pieces === "" ? rest : pieces + rest;
    }
    this.#printed += end - start + PRINTING_UNITS;
    return JSON.stringify(parseJson(text.slice(start, end)));
  }

  /** The place `at`, up to where something stands that is not stored as it stands, or `DECLINED`. */
  #unlikeStored(text: string, at: number): number {
    this.#isAsStored = false;
    this.#pieces = "";
    const printed = this.#printed + at - this.#start;
    return printed * PRINTED_SHARE > text.length && at * DECLINED_SHARE < text.length ? DECLINED : at;
  }

  #endOfValue(text: string, start: number, depth: number): number {
    const unit = unitAt(text, start);
    if (unit === QUOTE) return this.#endOfString(text, start + 1);
    if (unit === OPEN_BRACE) return depth < this.#depthMax ? this.#endOfObject(text, start, depth) : DECLINED;
    if (unit === OPEN_BRACKET)
      return depth < this.#depthMax ? this.#endOfArray(text, start, depth) : DECLINED;
    return unit === MINUS || isDigit(unit) ? this.#endOfNumber(text, start) : endOfWord(text, start);
  }

  #endOfObject(text: string, start: number, depth: number): number {
    let at = this.#afterSpace(text, start + 1);
    if (unitAt(text, at) === CLOSE_BRACE) return at + 1;
    for (let members = 0; ; members++) {
      if (unitAt(text, at) !== QUOTE) return DECLINED;
      at = this.#endOfName(text, at + 1, depth * MEMBERS_MAX, members);
      if (at === DECLINED) return DECLINED;
      at = this.#afterSpace(text, at);
      if (unitAt(text, at) !== COLON) return DECLINED;
      at = this.#endOfValue(text, this.#afterSpace(text, at + 1), depth + 1);
      if (at === DECLINED) return DECLINED;
      at = this.#afterSpace(text, at);
      const unit = unitAt(text, at);
      if (unit === CLOSE_BRACE) return at + 1;
      if (unit !== COMMA) return DECLINED;
      at = this.#afterSpace(text, at + 1);
    }
  }

  #endOfArray(text: string, start: number, depth: number): number {
    let at = this.#afterSpace(text, start + 1);
    if (unitAt(text, at) === CLOSE_BRACKET) return at + 1;
    for (;;) {
      at = this.#endOfValue(text, at, depth + 1);
      if (at === DECLINED) return DECLINED;
      at = this.#afterSpace(text, at);
      const unit = unitAt(text, at);
      if (unit === CLOSE_BRACKET) return at + 1;
      if (unit !== COMMA) return DECLINED;
      at = this.#afterSpace(text, at + 1);
    }
  }

  /** Beyond the text when it is declined. */
  #afterSpace(text: string, at: number): number {
    return unitAt(text, at) > SPACE ? at : this.#afterSomeSpace(text, at);
  }

  #afterSomeSpace(text: string, at: number): number {
    const next = afterSpace(text, at);
    if (next === at) return at;
    if (this.#gaps >= GAPS_MAX) return this.#unlikeStored(text, next) || text.length;
    if (!this.#isAsStored) return next;
    this.#gaps++;
    this.#pieces += text.slice(this.#unread, at);
    this.#unread = next;
    return next;
  }

  /**
   * The names of an object that is stored as it stands are plain and different, which their hashes prove: equal hashes
   * are taken for equal names. An index such as `7` comes first in the parsed object, wherever it was sent.
   */
  #endOfName(text: string, start: number, base: number, members: number): number {
    if (!this.#isAsStored) return this.#endOfString(text, start);
    let hash = HASH_START;
    let at = start;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit < SPACE || unit === BACKSLASH || unit >= HIGH_SURROGATE_MIN)
        return this.#unlikeStored(text, at) && this.#endOfString(text, start);
      hash = hashWith(hash, unit);
    }
    if (at >= text.length) return DECLINED;
    if (members >= MEMBERS_MAX || isDigit(text.charCodeAt(start))) return this.#unlikeStored(text, at + 1);
    const names = this.#names;
    for (let i = base; i < base + members; i++)
      if (names[i] === hash) return this.#unlikeStored(text, at + 1);
    names[base + members] = hash;
    return at + 1;
  }

  /** @param start the place after the opening quote. */
  #endOfString(text: string, start: number): number {
    for (let at = start; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) return at + 1;
      if (isOrdinary(unit)) continue;
      if (unit < SPACE) return DECLINED;
      at = unit === BACKSLASH ? this.#endOfEscape(text, at + 1) : this.#endOfPair(text, at);
      if (at === DECLINED) return DECLINED;
    }
    return DECLINED;
  }

  /** The last unit of an escape: JSON.stringify uses the short ones, though not for `/`. */
  #endOfEscape(text: string, at: number): number {
    const unit = unitAt(text, at);
    if (unit < ESCAPABLE.length && ESCAPABLE[unit] === 1) return at;
    if (unit === SLASH) return this.#unlikeStored(text, at);
    if (unit !== LOWER_U || at + 4 >= text.length) return DECLINED;
    for (let i = 1; i <= 4; i++) if (!isHexDigit(text.charCodeAt(at + i))) return DECLINED;
    return this.#unlikeStored(text, at + 4);
  }

  /** The last unit of a surrogate pair. A lone one is escaped when it is printed. */
  #endOfPair(text: string, at: number): number {
    const low = unitAt(text, at + 1);
    const isPair =
      text.charCodeAt(at) < LOW_SURROGATE_MIN && low >= LOW_SURROGATE_MIN && low <= LOW_SURROGATE_MAX;
    return isPair ? at + 1 : this.#unlikeStored(text, at);
  }

  /**
   * A number that a double holds exactly is stored as the double is printed, and any other as it was sent (exact-json).
   * What is printed is the shortest decimal, in the one spelling it has without an exponent. So a number without an
   * exponent is stored as it was sent, unless it ends in a zero to be spared, or is so large or so small that it would
   * be printed with an exponent. Minus zero is what no double is printed as: it stays, too.
   */
  #endOfNumber(text: string, start: number): number {
    const whole = text.charCodeAt(start) === MINUS ? start + 1 : start;
    const point = afterDigits(text, whole);
    if (point === whole) return DECLINED;
    const startsWithZero = text.charCodeAt(whole) === ZERO;
    if (startsWithZero && point > whole + 1) return DECLINED;
    const isFraction = unitAt(text, point) === DOT;
    const at = isFraction ? afterDigits(text, point + 1) : point;
    if (isFraction && at === point + 1) return DECLINED;
    const unit = unitAt(text, at);
    if (unit === LOWER_E || unit === UPPER_E) return this.#endOfExponent(text, at + 1);
    if (isFraction && text.charCodeAt(at - 1) === ZERO) return this.#unlikeStored(text, at);
    const mayBeSmall =
      startsWithZero && at - point > SMALL_FRACTION_LENGTH_MAX && text.charCodeAt(point + 1) === ZERO;
    const isLikeStored = !(mayBeSmall || point - whole > WHOLE_DIGITS_MAX) || isPrintedAlike(text, start, at);
    return isLikeStored ? at : this.#unlikeStored(text, at);
  }

  #endOfExponent(text: string, start: number): number {
    const sign = unitAt(text, start);
    const digits = sign === PLUS || sign === MINUS ? start + 1 : start;
    const end = afterDigits(text, digits);
    return end > digits ? this.#unlikeStored(text, end) : DECLINED;
  }
}

const ESCAPABLE = Uint8Array.from({ length: 128 }, (_, unit) =>
  '"\\bfnrt'.includes(String.fromCharCode(unit)) ? 1 : 0,
);

/** Stands for itself in a JSON string, before and after. */
function isOrdinary(unit: number): boolean {
  return unit > BACKSLASH
    ? unit < HIGH_SURROGATE_MIN || unit > LOW_SURROGATE_MAX
    : unit >= SPACE && unit !== BACKSLASH;
}

function isHexDigit(unit: number): boolean {
  const lower = unit | 0x20;
  return isDigit(unit) || (lower >= 0x61 && lower <= 0x66);
}

/** Whether a double is printed so. A conversion, but far cheaper than having the whole payload parsed and printed. */
function isPrintedAlike(text: string, start: number, end: number): boolean {
  if (end - start > DOUBLE_LENGTH_MAX) return false;
  const number = text.slice(start, end);
  return String(Number(number)) === number;
}

function endOfWord(text: string, at: number): number {
  if (standsAt(text, at, "true") || standsAt(text, at, "null")) return at + 4;
  return standsAt(text, at, "false") ? at + 5 : DECLINED;
}
