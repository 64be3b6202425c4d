/** From one parsed JSON value to an event record, or to the places that are wrong with it. */

import { nearestOrAll } from "../nearest.ts";
import { PROBLEM_PLACES_MAX, type ProblemPlace, type ProblemPlaces } from "../problem.ts";
import { DEFAULT_TOPIC, type EventRecord, PAYLOAD_DEPTH_MAX } from "./event.ts";
import { isContainer, isDeeperThan } from "./exact-json.ts";
import { faultOfEventId, faultOfSource, faultOfTopic } from "./text-rules.ts";
import { isTimestamp } from "./timestamp.ts";

export const EVENT_FIELDS = ["topic", "event_id", "id", "timestamp", "source", "payload"] as const;
const KNOWN_FIELDS: ReadonlySet<string> = new Set(EVENT_FIELDS);

/** Collects what is wrong with a publish: the first places by name, the rest by number. */
export class FaultList implements ProblemPlaces {
  readonly places: ProblemPlace[] = [];
  count = 0;

  /** Whether one more place would only be counted: its text need not be made. */
  get isFull(): boolean {
    return this.count >= PROBLEM_PLACES_MAX;
  }

  add(pointer: string, detail: string): void {
    if (this.count++ < PROBLEM_PLACES_MAX) this.places.push({ pointer, detail });
  }
}

/** A JSON Pointer (RFC 6901) with one more step; names are escaped, and cut so that an answer stays small. */
export function pointerTo(base: string, name: string | number): string {
  return `${base}/${String(name).slice(0, 128).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The faults of the events of one body. Pointers are only built for what is wrong: most events are right. */
export class EventFaults extends FaultList {
  #base = "";
  #index: number | undefined;

  /** What follows is about this event: `base` points at its list, or, without an index, at the event itself. */
  enter(base: string, index?: number): void {
    this.#base = base;
    this.#index = index;
  }

  /** The JSON Pointer of the event entered last, or of one of its fields. */
  pointer(field?: string): string {
    const event = this.#index === undefined ? this.#base : `${this.#base}/${this.#index}`;
    return field === undefined ? event : pointerTo(event, field);
  }

  fault(field: string, detail: string): void {
    this.add(this.pointer(field), detail);
  }
}

/** Decodes one event. Adds to `faults`, which has been told where it stands, and returns undefined if it is invalid. */
export function decodeEvent(
  value: unknown,
  faults: EventFaults,
  depthMax = PAYLOAD_DEPTH_MAX,
): EventRecord | undefined {
  if (!isContainer(value) || Array.isArray(value)) {
    faults.add(faults.pointer(), "an event must be a JSON object");
    return undefined;
  }
  const before = faults.count;
  for (const field in value) {
    if (!KNOWN_FIELDS.has(field)) faults.fault(field, faults.isFull ? "" : unknownEventField(field));
  }
  const { topic, event_id, id, timestamp, source, payload } = value;
  if (event_id !== undefined && id !== undefined) faults.fault("id", "give `event_id` or `id`, not both");
  const eventId = event_id === undefined ? id : event_id;
  if (eventId === undefined) faults.fault("event_id", "is required");
  else checkText(eventId, event_id === undefined ? "id" : "event_id", faultOfEventId, faults);
  if (topic !== undefined) checkText(topic, "topic", faultOfTopic, faults);
  if (source !== undefined && source !== null) checkText(source, "source", faultOfSource, faults);
  if (timestamp !== undefined && timestamp !== null)
    checkText(timestamp, "timestamp", faultOfTimestamp, faults);
  const payloadText =
    payload === undefined ? "null" : encodePayload({ field: "payload", value: payload }, faults, depthMax);
  if (faults.count > before) return undefined;
  return {
    topic: topic === undefined ? DEFAULT_TOPIC : (topic as string),
    scope: "",
    eventId: eventId as string,
    timestamp: timestamp === undefined ? null : (timestamp as string | null),
    source: source === undefined ? null : (source as string | null),
    payload: payloadText,
    attributes: null,
  };
}

function unknownEventField(field: string): string {
  if (field !== "specversion") return unknownField(field, EVENT_FIELDS);
  return "is a field of CloudEvents, which are sent as `application/cloudevents+json`";
}

type TextRule = (text: string) => string | undefined;

function checkText(value: unknown, field: string, faultOf: TextRule, faults: EventFaults): void {
  const fault = typeof value === "string" ? faultOf(value) : "must be a string";
  if (fault !== undefined) faults.fault(field, fault);
}

function faultOfTimestamp(text: string): string | undefined {
  return isTimestamp(text) ? undefined : "must be an ISO 8601 time, such as `2026-01-31T12:00:00Z`";
}

/** The JSON text of what an event carries in one of its fields. */
export function encodePayload(
  { field, value }: { readonly field: string; readonly value: unknown },
  faults: EventFaults,
  depthMax = PAYLOAD_DEPTH_MAX,
): string {
  try {
    const text = JSON.stringify(value);
    // A text shorter than that cannot hold more levels: each takes an opening and a closing bracket.
    if (text.length < 2 * (depthMax + 1) || !isDeeperThan(value, depthMax)) return text;
  } catch (error) {
    // JSON.stringify recurses: only a payload far beyond the limit overflows its stack.
    if (!(error instanceof RangeError)) throw error;
  }
  faults.fault(field, `must nest at most ${depthMax} levels deep`);
  return "null";
}

export function unknownField(field: string, known: readonly string[]): string {
  return `is not a known field; ${nearestOrAll(field, known, "`")}`;
}
