/** The characters of JSON as UTF-16 units, for what walks through a text without taking it apart. */

export const TAB = 0x09;
export const LINE_FEED = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const UPPER_E = 0x45;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const LOWER_E = 0x65;
export const LOWER_U = 0x75;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const HIGH_SURROGATE_MIN = 0xd800;
export const LOW_SURROGATE_MIN = 0xdc00;
export const LOW_SURROGATE_MAX = 0xdfff;

/**
 * The unit at a place, 0 beyond the end. Never `charCodeAt` beyond the end: its NaN would make the compiler treat every
 * unit as a fraction from then on.
 */
export function unitAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : 0;
}

/** Whether `word` stands at a place. For short words cheaper than `startsWith`, which is a call out of JavaScript. */
export function standsAt(text: string, at: number, word: string): boolean {
  if (at + word.length > text.length) return false;
  for (let i = 0; i < word.length; i++) if (text.charCodeAt(at + i) !== word.charCodeAt(i)) return false;
  return true;
}

/** The first place from `at` on that is not white space (RFC 8259, section 2). */
export function afterSpace(text: string, at: number): number {
  let next = at;
  while (next < text.length && isSpace(text.charCodeAt(next))) next++;
  return next;
}

function isSpace(unit: number): boolean {
  return unit === SPACE || unit === LINE_FEED || unit === CARRIAGE_RETURN || unit === TAB;
}

export function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}

/** The first place from `at` on that is no digit. */
export function afterDigits(text: string, at: number): number {
  let next = at;
  while (next < text.length && isDigit(text.charCodeAt(next))) next++;
  return next;
}
