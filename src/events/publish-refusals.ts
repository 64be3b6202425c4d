/** Why the events of a publish are refused: the same words in whichever form they came. */

import { refuse } from "../problem.ts";
import type { EventFaults, FaultList } from "./decode-event.ts";
import type { DecodeLimits } from "./decoded-publish.ts";
import { type EventRecord, PAYLOAD_DEPTH_MAX } from "./event.ts";

/** @param field what carries the payload, in the form that it came in. */
export function checkSize(
  { payload, attributes }: EventRecord,
  faults: EventFaults,
  { eventBytesMax }: DecodeLimits,
  field = "payload",
): void {
  const size = payload.length + (attributes?.length ?? 0);
  if (size <= eventBytesMax) return;
  const what = attributes === null ? "A payload" : "Attributes and data";
  const these = attributes === null ? "this one has" : "these have";
  refuse("event_too_large", `${what} may have ${eventBytesMax} bytes; ${these} ${size}.`, {
    places: [{ pointer: faults.pointer(field), detail: `must be at most ${eventBytesMax} bytes` }],
    count: 1,
  });
}

export function refuseEvents(faults: FaultList, events: number): never {
  return refuse(
    "invalid_event",
    `${counted(faults.count, "place")} in ${counted(events, "event")} ${faults.count === 1 ? "is" : "are"} invalid; nothing was stored.`,
    faults,
  );
}

export function tooDeep({ depthMax = PAYLOAD_DEPTH_MAX }: DecodeLimits): string {
  return `The text nests deeper than a payload may (${depthMax} levels).`;
}

export function tooManyEvents({ eventsMax }: DecodeLimits): string {
  return `One publish may hold ${eventsMax} events.`;
}

export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
