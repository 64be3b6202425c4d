/** The rules for topics and ids. Each answers with what is wrong, or undefined. */

import { TEXT_CODE_POINTS_MAX } from "./event.ts";

/**
 * Classes of single characters; the documents derive their patterns from them, for readers of which not all know
 * `\p{Cc}` and `\p{White_Space}`: so they are spelt out (Unicode 16, PropList.txt).
 */
export const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;
export const NOT_IN_TOPIC =
  /[\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000*,]/u;

/** An ASCII fast path: letters, digits and the common separators need no Unicode tables. */
const PLAIN = /^[\w./:@-]{1,255}$/;

const PLAIN_UNITS = Uint8Array.from({ length: 128 }, (_, unit) =>
  PLAIN.test(String.fromCharCode(unit)) ? 1 : 0,
);

/** A text of 1 to 255 such UTF-16 units is a topic, an id and a source. */
export function isPlainUnit(unit: number): boolean {
  return unit < 128 && PLAIN_UNITS[unit] === 1;
}

export function faultOfTopic(topic: string): string | undefined {
  if (PLAIN.test(topic)) return undefined;
  return (
    faultOfLength(topic, 1) ??
    (NOT_IN_TOPIC.test(topic) ? "must not contain white space, control characters, `*` or `,`" : undefined)
  );
}

export function faultOfEventId(id: string): string | undefined {
  if (PLAIN.test(id)) return undefined;
  return faultOfLength(id, 1) ?? (CONTROL.test(id) ? "must not contain control characters" : undefined);
}

export function faultOfSource(source: string): string | undefined {
  return faultOfLength(source, 0);
}

function faultOfLength(text: string, codePointsMin: number): string | undefined {
  if (text.length < codePointsMin) return "must not be empty";
  if (text.length > TEXT_CODE_POINTS_MAX && countCodePoints(text) > TEXT_CODE_POINTS_MAX) {
    return `must be at most ${TEXT_CODE_POINTS_MAX} characters`;
  }
  return text.isWellFormed() ? undefined : "must not contain a lone surrogate";
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) if (++count > TEXT_CODE_POINTS_MAX) break;
  return count;
}
