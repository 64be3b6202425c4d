/** A stored event as the JSON that readers get. The payload goes out as it is stored, so it stays exact. */

import { DamagedError } from "../event-reader.ts";
import { eventChecksum, isIntact } from "./checksums.ts";

export interface StoredEvent {
  readonly seq: number;
  /** Null where there is no such topic: the row is damaged. */
  readonly topic: string | null;
  readonly topicId: number;
  readonly scope: string;
  readonly eventId: string;
  readonly timestamp: string | null;
  readonly source: string | null;
  readonly payload: string;
  readonly attributes: string | null;
  readonly receivedAt: number;
  readonly checksum: number | null;
}

/** Whether a row is as it was written. */
export function isSound(row: StoredEvent): boolean {
  return isIntact(row.checksum, eventChecksum(row, row.seq, row.topicId, row.receivedAt));
}

/** @throws DamagedError where a row is not as it was written. */
export function expectIntact(row: StoredEvent): void {
  // Without a name its topic is not there.
  if (isSound(row) && row.topic !== null) return;
  throw new DamagedError(`Event ${row.seq} is damaged.`);
}

/** A CloudEvent has its source in its key. */
export function sourceOf({ scope, source }: StoredEvent): string | null {
  return scope === "" ? source : scope;
}

export function eventJson(event: StoredEvent): string {
  const { seq, topic, eventId, timestamp, payload, attributes, receivedAt } = event;
  const received = isoTime(receivedAt);
  const time = timestamp === null ? received : JSON.stringify(timestamp);
  const more = attributes === null ? "" : `,"attributes":${attributes}`;
  return `{"seq":${seq},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)},"timestamp":${time},"source":${JSON.stringify(sourceOf(event))},"payload":${payload}${more},"received_at":${received}}`;
}

/** An arrival whose payload differed from the event stored under its key. */
export type StoredConflict = StoredEvent;

/** `seq` is the first arrival's; source, payload and time are those of the one that was refused storage. */
export function conflictJson(conflict: StoredConflict): string {
  const { seq, topic, scope, eventId, payload, receivedAt } = conflict;
  const scoped = scope === "" ? "" : `,"scope":${JSON.stringify(scope)}`;
  return `{"seq":${seq},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)}${scoped},"source":${JSON.stringify(sourceOf(conflict))},"payload":${payload},"received_at":${isoTime(receivedAt)}}`;
}

let lastMs = -1;
let lastText = "";

/** As a JSON string. Events of one commit share their time. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = `"${new Date(ms).toISOString()}"`;
  }
  return lastText;
}
