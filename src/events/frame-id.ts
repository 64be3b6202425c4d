/** A frame's own `id`, echoed as it was sent; also read from frames that are refused without being decoded. */

import type { FaultList } from "./decode-event.ts";
import { TEXT_CODE_POINTS_MAX } from "./event.ts";
import { endOfString, exactNumberText, parseJson } from "./exact-json.ts";

/** The id as JSON text: any integer, also beyond 2^53, or a string. Undefined where there is none or it is faulty. */
export function decodeFrameId(id: unknown, faults?: FaultList): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id === "string" && id.length <= TEXT_CODE_POINTS_MAX) return JSON.stringify(id);
  if (typeof id === "number" && Number.isInteger(id)) return String(id);
  const text = exactNumberText(id);
  if (text !== undefined && text.length <= TEXT_CODE_POINTS_MAX && /^-?\d+$/.test(text)) return text;
  faults?.add("/id", `must be an integer or a string of at most ${TEXT_CODE_POINTS_MAX} characters`);
  return undefined;
}

/** The same for the text of a frame, whose values are not built: it may be refused because they would be too many. */
export function frameIdOf(text: string): string | undefined {
  const members = outermostMembers(text);
  const id = members.get('"id"');
  // A bare event's `id` is the event's.
  if (id === undefined || !(members.has('"type"') || members.has('"events"'))) return undefined;
  try {
    return decodeFrameId(parseJson(id));
  } catch {
    return undefined;
  }
}

/** Ends before a colon, too: a text of nothing but colons must not be read again from each of them. */
const SCALAR = /\s*(?:"|([^\s"[\]{},:]+))/y;

/** The members of the outermost object, each with the text of its value, which is cut off where it nests. */
function outermostMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let depth = 0;
  let name = "";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      const end = endOfString(text, i);
      if (depth === 1) name = text.slice(i, end + 1);
      i = end;
    } else if (c === 0x5b || c === 0x7b) depth++;
    else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === 0x3a && depth === 1) {
      SCALAR.lastIndex = i + 1;
      const scalar = SCALAR.exec(text);
      const start = SCALAR.lastIndex - 1;
      const isString = scalar !== null && scalar[1] === undefined;
      if (isString) i = endOfString(text, start);
      members.set(name, isString ? text.slice(start, i + 1) : (scalar?.[1] ?? ""));
    }
  }
  return members;
}
