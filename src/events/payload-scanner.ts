/**
 * Finds the end of a JSON value without building it, and whether its text is already what would be stored: what
 * JSON.stringify makes of the value that JSON.parse makes of it. Then the text itself can be stored.
 *
 * Never says what is wrong with a text. Whatever it does not know to be right it declines, and leaves to the parser.
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

/** Instead of a place in the text: nothing ends at 0. */
export const DECLINED = 0;

/** Members of one object; each name is compared with those before it. */
const MEMBERS_MAX = 64;

/** A whole part of more digits is printed with an exponent. */
const WHOLE_DIGITS_MAX = 21;

/** No double is printed longer: sign, point, 17 digits and six zeros, or 21 digits. */
const DOUBLE_LENGTH_MAX = 25;

/** The point and six digits: no number of so long a fraction is too small, 0.000001 is printed as such, but 1e-7. */
const SMALL_FRACTION_LENGTH_MAX = 7;

export class PayloadScanner {
  /** Whether `compacted` is what would be stored of the value found last. If not, it has to be parsed and printed. */
  isAsStored = true;
  /** What stands before `#unread`, without the white space. */
  #pieces = "";
  #unread = 0;
  /** Hashes of the names of the objects around the present place, `MEMBERS_MAX` for each level. */
  readonly #names = new Int32Array(PAYLOAD_DEPTH_MAX * MEMBERS_MAX);

  /** The place after the value that starts at `start`, or `DECLINED`. */
  endOf(text: string, start: number): number {
    this.isAsStored = true;
    this.#pieces = "";
    this.#unread = start;
    return this.#endOfValue(text, start, 0);
  }

  /** The value that was found last, without white space between its tokens. @param end what `endOf` has answered. */
  compacted(text: string, end: number): string {
    const rest = text.slice(this.#unread, end);
    return this.#pieces === "" ? rest : this.#pieces + rest;
  }

  #endOfValue(text: string, start: number, depth: number): number {
    const unit = unitAt(text, start);
    if (unit === QUOTE) return this.#endOfString(text, start + 1);
    if (unit === OPEN_BRACE)
      return depth < PAYLOAD_DEPTH_MAX ? this.#endOfObject(text, start, depth) : DECLINED;
    if (unit === OPEN_BRACKET)
      return depth < PAYLOAD_DEPTH_MAX ? this.#endOfArray(text, start, depth) : DECLINED;
    return unit === MINUS || isDigit(unit) ? this.#endOfNumber(text, start) : endOfWord(text, start);
  }

  #endOfObject(text: string, start: number, depth: number): number {
    let at = this.#afterSpace(text, start + 1);
    if (unitAt(text, at) === CLOSE_BRACE) return at + 1;
    for (let members = 0; members < MEMBERS_MAX; members++) {
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
    return DECLINED;
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

  #afterSpace(text: string, at: number): number {
    return unitAt(text, at) > SPACE ? at : this.#afterSomeSpace(text, at);
  }

  #afterSomeSpace(text: string, at: number): number {
    const next = afterSpace(text, at);
    if (next === at) return at;
    this.#pieces += text.slice(this.#unread, at);
    this.#unread = next;
    return next;
  }

  /**
   * The names of an object must be plain and different, which their hashes prove: equal hashes are declined, whether
   * the names are equal or not. An index such as `7` comes first in the parsed object, wherever it was sent.
   */
  #endOfName(text: string, start: number, base: number, members: number): number {
    let hash = HASH_START;
    let at = start;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit < SPACE || unit === BACKSLASH || unit >= HIGH_SURROGATE_MIN) return DECLINED;
      hash = Math.imul(hash ^ unit, HASH_FACTOR);
    }
    if (at >= text.length || hash === HASH_OF_PROTO) return DECLINED;
    if (isDigit(text.charCodeAt(start))) this.isAsStored = false;
    const names = this.#names;
    for (let i = base; i < base + members; i++) if (names[i] === hash) return DECLINED;
    names[base + members] = hash;
    return at + 1;
  }

  /** @param start the place after the opening quote. */
  #endOfString(text: string, start: number): number {
    for (let at = start; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) return at + 1;
      if (isOrdinary(unit)) continue;
      at = unit === BACKSLASH ? this.#endOfEscape(text, at + 1) : endOfPair(text, at);
      if (at === DECLINED) return DECLINED;
    }
    return DECLINED;
  }

  /** The last unit of an escape: JSON.stringify uses the short ones, though not for `/`. */
  #endOfEscape(text: string, at: number): number {
    const unit = unitAt(text, at);
    if (unit < ESCAPABLE.length && ESCAPABLE[unit] === 1) return at;
    this.isAsStored = false;
    if (unit === SLASH) return at;
    if (unit !== LOWER_U || at + 4 >= text.length) return DECLINED;
    for (let i = 1; i <= 4; i++) if (!isHexDigit(text.charCodeAt(at + i))) return DECLINED;
    return at + 4;
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
    if (isFraction && text.charCodeAt(at - 1) === ZERO) this.isAsStored = false;
    const mayBeSmall =
      startsWithZero && at - point > SMALL_FRACTION_LENGTH_MAX && text.charCodeAt(point + 1) === ZERO;
    if ((mayBeSmall || point - whole > WHOLE_DIGITS_MAX) && !isPrintedAlike(text, start, at))
      this.isAsStored = false;
    return at;
  }

  #endOfExponent(text: string, start: number): number {
    this.isAsStored = false;
    const sign = unitAt(text, start);
    const digits = sign === PLUS || sign === MINUS ? start + 1 : start;
    const end = afterDigits(text, digits);
    return end > digits ? end : DECLINED;
  }
}

/** FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) over UTF-16 units. */
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** The name that is not always a member like any other. */
const HASH_OF_PROTO = [..."__proto__"].reduce(
  (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), HASH_FACTOR),
  HASH_START,
);

const ESCAPABLE = Uint8Array.from({ length: 128 }, (_, unit) =>
  '"\\bfnrt'.includes(String.fromCharCode(unit)) ? 1 : 0,
);

/** Stands for itself in a JSON string, before and after. */
function isOrdinary(unit: number): boolean {
  return unit > BACKSLASH
    ? unit < HIGH_SURROGATE_MIN || unit > LOW_SURROGATE_MAX
    : unit >= SPACE && unit !== BACKSLASH;
}

/** The second unit of a surrogate pair. A lone one would be escaped when it is printed. */
function endOfPair(text: string, at: number): number {
  const high = text.charCodeAt(at);
  const low = unitAt(text, at + 1);
  const isPair =
    high >= HIGH_SURROGATE_MIN &&
    high < LOW_SURROGATE_MIN &&
    low >= LOW_SURROGATE_MIN &&
    low <= LOW_SURROGATE_MAX;
  return isPair ? at + 1 : DECLINED;
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
