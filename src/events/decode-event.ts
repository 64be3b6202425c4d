/** From one parsed JSON value to an event record, or to the places that are wrong with it. */

import { nearest } from "../nearest.ts";
import { PROBLEM_PLACES_MAX, type ProblemPlace, type ProblemPlaces } from "../problem.ts";
import { DEFAULT_TOPIC, type EventRecord, PAYLOAD_DEPTH_MAX } from "./event.ts";
import { isContainer, isDeeperThan } from "./exact-json.ts";
import { faultOfEventId, faultOfSource, faultOfTopic } from "./text-rules.ts";
import { isTimestamp } from "./timestamp.ts";

export const EVENT_FIELDS = ["topic", "event_id", "id", "timestamp", "source", "payload"] as const;

/** Collects what is wrong with a publish: the first places by name, the rest by number. */
export class FaultList implements ProblemPlaces {
  readonly places: ProblemPlace[] = [];
  count = 0;

  add(pointer: string, detail: string): void {
    if (this.count++ < PROBLEM_PLACES_MAX) this.places.push({ pointer, detail });
  }
}

/** A JSON Pointer (RFC 6901) with one more step; names are escaped, and cut so that an answer stays small. */
export function pointerTo(base: string, name: string | number): string {
  return `${base}/${String(name).slice(0, 128).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/**
 * Decodes one event. Adds to `faults` and returns undefined where it is invalid.
 * @param at JSON Pointer of the event in its body, empty for the body itself.
 */
export function decodeEvent(value: unknown, at: string, faults: FaultList): EventRecord | undefined {
  if (!isContainer(value) || Array.isArray(value)) {
    faults.add(at, "an event must be a JSON object");
    return undefined;
  }
  const before = faults.count;
  const { topic, event_id, id, timestamp, source, payload } = value;
  for (const field in value) {
    switch (field) {
      case "topic":
      case "event_id":
      case "id":
      case "timestamp":
      case "source":
      case "payload":
        break;
      default:
        faults.add(pointerTo(at, field), unknownField(field, EVENT_FIELDS));
    }
  }
  const idField = event_id === undefined ? "id" : "event_id";
  if (event_id !== undefined && id !== undefined)
    faults.add(pointerTo(at, "id"), "give `event_id` or `id`, not both");
  const eventId = event_id ?? (event_id === undefined ? id : event_id);
  checkText(eventId, { at, name: idField, isRequired: true, faultOf: faultOfEventId }, faults);
  checkText(topic, { at, name: "topic", isRequired: false, faultOf: faultOfTopic }, faults);
  if (source !== null)
    checkText(source, { at, name: "source", isRequired: false, faultOf: faultOfSource }, faults);
  if (
    timestamp !== undefined &&
    timestamp !== null &&
    (typeof timestamp !== "string" || !isTimestamp(timestamp))
  ) {
    faults.add(pointerTo(at, "timestamp"), "must be an ISO 8601 time, such as `2026-01-31T12:00:00Z`");
  }
  const payloadText =
    payload === undefined ? "null" : encodePayload(payload, pointerTo(at, "payload"), faults);
  if (faults.count > before) return undefined;
  return {
    topic: (topic as string | undefined) ?? DEFAULT_TOPIC,
    scope: "",
    eventId: eventId as string,
    timestamp: (timestamp as string | null | undefined) ?? null,
    source: (source as string | null | undefined) ?? null,
    payload: payloadText,
    attributes: null,
  };
}

interface TextRule {
  readonly at: string;
  readonly name: string;
  readonly isRequired: boolean;
  readonly faultOf: (text: string) => string | undefined;
}

function checkText(value: unknown, { at, name, isRequired, faultOf }: TextRule, faults: FaultList): void {
  if (value === undefined) {
    if (isRequired) faults.add(pointerTo(at, "event_id"), "is required");
    return;
  }
  const fault = typeof value === "string" ? faultOf(value) : "must be a string";
  if (fault !== undefined) faults.add(pointerTo(at, name), fault);
}

/** A text shorter than this cannot hold more levels than allowed: each takes an opening and a closing bracket. */
const DEEP_TEXT_LENGTH_MIN = 2 * (PAYLOAD_DEPTH_MAX + 1);

function encodePayload(payload: unknown, at: string, faults: FaultList): string {
  try {
    const text = JSON.stringify(payload);
    if (text.length < DEEP_TEXT_LENGTH_MIN || !isDeeperThan(payload, PAYLOAD_DEPTH_MAX)) return text;
  } catch (error) {
    // JSON.stringify recurses: only a payload far beyond the limit overflows its stack.
    if (!(error instanceof RangeError)) throw error;
  }
  faults.add(at, `must nest at most ${PAYLOAD_DEPTH_MAX} levels deep`);
  return "null";
}

export function unknownField(field: string, known: readonly string[]): string {
  return `is not a known field; the nearest is \`${nearest(field, known)}\``;
}
