/** What an event takes in the file, for retention by size: in JavaScript while it is added, in SQL once it is stored. */

import type { EventRecord } from "../../events/event.ts";

/** Row, numbers, fingerprint and place in a topic's list. */
const OVERHEAD_BYTES = 48;

export function storedBytes({ scope, eventId, timestamp, source, payload, attributes }: EventRecord): number {
  let bytes = OVERHEAD_BYTES + Buffer.byteLength(eventId) + Buffer.byteLength(payload);
  if (scope !== "") bytes += Buffer.byteLength(scope);
  if (timestamp !== null) bytes += Buffer.byteLength(timestamp);
  if (source !== null) bytes += Buffer.byteLength(source);
  if (attributes !== null) bytes += Buffer.byteLength(attributes);
  return bytes;
}

/** The same over the columns of `events`. `octet_length` looks at the record's header and loads no text. */
export const STORED_BYTES = `${OVERHEAD_BYTES} + octet_length(event_id) + octet_length(payload) + octet_length(scope)
  + coalesce(octet_length(timestamp), 0) + coalesce(octet_length(source), 0) + coalesce(octet_length(attributes), 0)`;
