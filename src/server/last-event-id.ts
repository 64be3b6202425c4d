/** Where the reader of a stream says that it stood: a header that an EventSource sends by itself, or a parameter. */

import type { QueryReader } from "./query.ts";

const HEADER = "last-event-id";
const PARAMETER = "last_event_id";

export interface GivenPosition {
  /** Where it stands. */
  readonly name: string;
  readonly text: string;
}

/** The header is the later one: whoever reconnects uses the address that it used before. */
export function lastEventIdOf(query: QueryReader, request: Request): GivenPosition | undefined {
  const header = request.headers.get(HEADER) ?? "";
  if (header !== "") return { name: HEADER, text: header };
  const text = query.text(PARAMETER);
  return text === undefined ? undefined : { name: PARAMETER, text };
}
