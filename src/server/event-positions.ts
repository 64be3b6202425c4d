/** Where in the events somebody asks to go on: a `seq`, a cursor, or `latest`, held against what is stored. */

import type { Ledger } from "../ingest/publish.ts";
import type { Feed } from "../live/feed-sink.ts";
import { refuse } from "../problem.ts";
import type { Cursors } from "./cursors.ts";

/** After all events that there are. */
export const LATEST = "latest";

export interface EventPosition {
  readonly seq: number;
  readonly isCursor: boolean;
}

export type AskedPosition = EventPosition | typeof LATEST | { readonly fault: string };

/** A text that is meant as a number is taken for one, or refused as one. */
const DIGITS = /^\d{1,20}$/;

/** What may be left of a cursor. */
const LIKE_A_CURSOR = /^[\w-]{16,}$/;

/** What a text asks for: a `seq`, a cursor of this database or, where that may be asked for, `latest`. */
export function eventPositionOf(
  text: string,
  cursors: Cursors,
  { takesLatest }: { readonly takesLatest: boolean },
): AskedPosition {
  if (takesLatest && text === LATEST) return LATEST;
  if (DIGITS.test(text)) {
    const seq = Number(text);
    return Number.isSafeInteger(seq)
      ? { seq, isCursor: false }
      : { fault: `must be a cursor, or a whole number from 0 to ${Number.MAX_SAFE_INTEGER}` };
  }
  if (!LIKE_A_CURSOR.test(text)) {
    const others = takesLatest
      ? `, a cursor that was given out, or \`${LATEST}\``
      : " or a cursor that was given out";
    return { fault: `must be a \`seq\`${others}` };
  }
  const read = cursors.event(text);
  return "fault" in read ? read : { seq: read.seq, isCursor: true };
}

/**
 * Nobody can have got further than the newest event.
 * @param name the parameter or header that it stands in.
 * @throws ProblemError `invalid_parameter`; `storage_failing` where it cannot be told now.
 */
export async function expectNotBeyond(
  { feed, ledger }: { readonly feed: Feed; readonly ledger: Ledger },
  name: string,
  { seq, isCursor }: EventPosition,
): Promise<void> {
  const isStored = (): boolean => seq <= (feed.newest ?? 0);
  if (isStored()) return;
  // A page may hold events whose commit the edge has not been told of yet. What the ledger answers, whatever it is
  // asked, comes after it has told of every commit before.
  await ledger.locate("", "", "");
  if (isStored()) return;
  const fault = `is ${isCursor ? "a cursor" : "a number"} beyond the newest event`;
  refuse("invalid_parameter", `${name} ${fault}.`, { places: [{ pointer: name, detail: fault }], count: 1 });
}
