/** Events as the decoder makes them, for tests that begin behind it. */

import type { EventRecord } from "../../src/events/event.ts";

export function eventRecord(eventId: string, more: Partial<EventRecord> = {}): EventRecord {
  const rest = { scope: "", timestamp: null, source: null, payload: "null", attributes: null };
  return { topic: "orders", ...rest, eventId, ...more };
}

/** `count` events with ids of their own. */
export function eventRecords(count: number, prefix: string, more: Partial<EventRecord> = {}): EventRecord[] {
  return Array.from({ length: count }, (_, i) => eventRecord(`${prefix}${i}`, more));
}
