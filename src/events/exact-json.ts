/** JSON whose numbers keep their exact value: what a double cannot hold stays the text it was sent as. */

import { afterSpace, COLON, DOT, isDigit, LOWER_E, MINUS, PLUS, QUOTE, ZERO } from "./characters.ts";
import { DIGITS_ALWAYS_EXACT, decimal, inexactText } from "./decimal.ts";
import { PAYLOAD_DEPTH_MAX } from "./event.ts";

interface RawJson {
  readonly rawJSON: string;
}

/** The proposal-json-parse-with-source API, which the standard library's types do not have yet. */
interface ExactJson {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
}
const exact = JSON as unknown as ExactJson;

/**
 * Finds number tokens that a double might change: sixteen or more digits, an exponent of three, or minus zero. It may
 * also hit inside a string, which costs time and nothing else. Up to 15 digits always survive (IEEE 754).
 */
const INEXACT_NUMBER = /(?:^|[:,[\s])(?:-0(?:\.0*)?(?![.\d])|-?\d(?:[\d.]{15}|\d*(?:\.\d+)?[eE][+-]?\d{3}))/;

/** Stands before a number that is kept as text, and nobody outside can know it. */
const MARK = crypto.randomUUID();

/**
 * Parses JSON text. A number that a double cannot hold is first made a string with a mark, and after the parsing what it
 * is kept as: a reviver would be called for each value there is, which takes twenty seconds for 16 MB of short ones.
 * @throws SyntaxError when the text is not JSON
 */
export function parseJson(text: string): unknown {
  const marked = INEXACT_NUMBER.test(text) ? withMarks(text) : undefined;
  return marked === undefined ? JSON.parse(text) : withoutMarks(JSON.parse(marked));
}

/** The text with each number that a double cannot hold as a marked string; undefined where there is none. */
function withMarks(text: string): string | undefined {
  let marked = "";
  let unread = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit === MINUS || isDigit(unit)) {
      const end = afterNumber(text, i);
      const kept = isSurelyExact(text, i, end) ? undefined : inexactText(text.slice(i, end));
      // Before a colon it is no value: there it would become the name of a member.
      if (kept !== undefined && text.charCodeAt(afterSpace(text, end)) !== COLON) {
        marked += `${text.slice(unread, i)}"${MARK}${kept}"`;
        unread = end;
      }
      i = end - 1;
    }
  }
  return unread === 0 ? undefined : marked + text.slice(unread);
}

function afterNumber(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const unit = text.charCodeAt(at);
    const isPart =
      isDigit(unit) || unit === DOT || unit === MINUS || unit === PLUS || (unit | 32) === LOWER_E;
    if (!isPart) return at;
  }
}

/** Up to 15 digits always survive in a double (IEEE 754), as long as the exponent is nowhere near its ends. */
function isSurelyExact(text: string, start: number, end: number): boolean {
  if (end - start > DIGITS_ALWAYS_EXACT) return false;
  let hasDigit = false;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit > ZERO && isDigit(unit)) hasDigit = true;
    else if ((unit | 32) === LOWER_E) return hasDigit && isMiddling(Number(text.slice(start, end)));
  }
  return hasDigit || text.charCodeAt(start) !== MINUS;
}

/** NaN, for a text that is no number, is not. */
function isMiddling(value: number): boolean {
  const size = Math.abs(value);
  return size > 1e-290 && size < 1e290;
}

function withoutMarks(value: unknown): unknown {
  if (typeof value === "string")
    return value.startsWith(MARK) ? exact.rawJSON(value.slice(MARK.length)) : value;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) value[i] = withoutMarks(value[i]);
  else if (typeof value === "object" && value !== null) {
    const members = value as Record<string, unknown>;
    // What the parser has made are members of the object's own, `__proto__` too: no setter is called.
    for (const name in members) members[name] = withoutMarks(members[name]);
  }
  return value;
}

/** The text of a number that a double cannot hold, or undefined for every other value. */
export function exactNumberText(value: unknown): string | undefined {
  return exact.isRawJSON(value) ? value.rawJSON : undefined;
}

/** True for an object or array; a number kept as text is a scalar. */
export function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !exact.isRawJSON(value);
}

/** Whether `value` nests deeper than `levelsMax`; looks no deeper than that. */
export function isDeeperThan(value: unknown, levelsMax: number): boolean {
  if (!isContainer(value)) return false;
  if (levelsMax === 0) return true;
  // The names of an array's elements would be a string each.
  if (Array.isArray(value)) return value.some((element) => isDeeperThan(element, levelsMax - 1));
  for (const key in value) if (isDeeperThan(value[key], levelsMax - 1)) return true;
  return false;
}

/** Whether two JSON texts have the same value: member order, white space and spelling of numbers don't matter. */
export function isSameJson(a: string, b: string): boolean {
  return a === b || isSameValue(parseJson(a), parseJson(b));
}

/**
 * Payloads of equal value differ in length by the order of members and the spelling of numbers alone. A number that is
 * kept as text is at most twice as long as its canonical spelling, and that is at most 3 times the shortest there is.
 */
export const EQUAL_LENGTH_RATIO_MAX = 8;

/**
 * `isSameJson` for payloads as they are stored. A short text is never compared with a much longer one: otherwise many
 * small duplicates of one huge event, each of which has it parsed again, would hold up the ledger for minutes.
 */
export function isSamePayload(a: string, b: string): boolean {
  const [shorter, longer] = a.length < b.length ? [a.length, b.length] : [b.length, a.length];
  return longer <= shorter * EQUAL_LENGTH_RATIO_MAX && isSameJson(a, b);
}

function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isContainer(a) && isContainer(b)) return isSameContainer(a, b);
  const left = numberText(a);
  const right = numberText(b);
  return left !== undefined && right !== undefined && decimal(left) === decimal(right);
}

function isSameContainer(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSameValue(a[key], b[key]));
}

function numberText(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : exactNumberText(value);
}

/**
 * Texts shorter than this are parsed straight away: even if they are all brackets, the values fit in some MB, and
 * JSON.stringify does not overflow its stack on them, which would take it a second.
 */
const PRESCAN_BYTES_MIN = 32_768;

/** The levels an envelope may put around a payload: frame, array, event. */
const ENVELOPE_DEPTH = 3;

export type OversizedText = { kind: "deep" } | { kind: "many" };

/**
 * Reads a large text once without building values, and says whether it nests too deep or lists more than
 * `eventsMax` events. A value costs up to a hundred times its text, so a hostile one is not built at all.
 */
export function findOversize(
  text: string,
  eventsMax: number,
  depthMax = PAYLOAD_DEPTH_MAX,
): OversizedText | undefined {
  if (text.length < PRESCAN_BYTES_MIN) return undefined;
  let depth = 0;
  let events = 0;
  let listDepth = text.trimStart().startsWith("[") ? 1 : 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      const end = endOfString(text, i);
      if (depth === 1 && text.startsWith('"events"', i) && isMemberName(text, end)) listDepth = 2;
      i = end;
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > depthMax + ENVELOPE_DEPTH) return { kind: "deep" };
    } else if (c === 0x5d || c === 0x7d) {
      if (depth-- === 2 && listDepth === 2) listDepth = 0;
    } else if (c === 0x2c && depth === listDepth && ++events >= eventsMax) {
      return { kind: "many" };
    }
  }
  return undefined;
}

/** Where a string ends that begins at `start`: at the first quote with an even number of backslashes before it. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slash = end - 1;
    while (text.charCodeAt(slash) === 0x5c) slash--;
    if ((end - slash) % 2 === 1) return end;
  }
  return text.length;
}

/** Whether the string that ends at `end` names a member: a topic may be called `events`, too. */
function isMemberName(text: string, end: number): boolean {
  let at = end + 1;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text.charCodeAt(at) === 0x3a;
}
