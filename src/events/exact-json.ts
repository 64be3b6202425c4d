/** JSON whose numbers keep their exact value: what a double cannot hold stays the text it was sent as. */

import { PAYLOAD_DEPTH_MAX } from "./event.ts";

interface RawJson {
  readonly rawJSON: string;
}

/** The proposal-json-parse-with-source API, which the standard library's types do not have yet. */
interface ExactJson {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}
const exact = JSON as unknown as ExactJson;

/**
 * Finds number tokens that a double might change: sixteen or more digits, an exponent of three, or minus zero. It may
 * also hit inside a string, which costs time and nothing else. Up to 15 digits always survive (IEEE 754).
 */
const INEXACT_NUMBER = /(?:^|[:,[\s])(?:-0(?:\.0*)?(?![.\d])|-?\d(?:[\d.]{15}|\d*(?:\.\d+)?[eE][+-]?\d{3}))/;

/** Parses JSON text. @throws SyntaxError when the text is not JSON. */
export function parseJson(text: string): unknown {
  return INEXACT_NUMBER.test(text) ? exact.parse(text, keepExact) : JSON.parse(text);
}

function keepExact(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  const canonical = decimal(source);
  const isExact = !Object.is(value, -0) && Number.isFinite(value) && canonical === decimal(String(value));
  return isExact ? value : exact.rawJSON(spelling(source, canonical));
}

/** A number stays as it was sent, unless that is much longer than need be: zeros without end, say. */
function spelling(source: string, canonical: string): string {
  const shortest = canonical === "0" ? "-0" : canonical;
  return source.length > 2 * shortest.length && EXACT_DECIMAL.test(canonical) ? shortest : source;
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

const EXPONENT_DIGITS_MAX = 15;

/** What `decimal` makes of a number whose exponent it can compute with. */
const EXACT_DECIMAL = /^-?\d+(?:e-?\d+)?$/;

/** A number's value in one canonical spelling, so that `1.0`, `1` and `10e-1` are equal and nothing overflows. */
function decimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = withoutTrailingZeros(digits);
  const magnitude = exponent.replace(/^[+-]?0*/, "");
  if (magnitude.length > EXPONENT_DIGITS_MAX) return `${sign}${whole}.${fraction}e${exponent}`;
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}

/** A loop, because `/0+$/` is quadratic on a long run of zeros in the middle of a number. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
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
