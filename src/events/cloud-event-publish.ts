/** From the text of a publish in one of the forms of CloudEvents 1.0 to a list of events, refused whole when any part is wrong. */

import { refuse } from "../problem.ts";
import { decodeCloudEvent } from "./cloud-event.ts";
import { type BinaryEvent, binaryEventOf } from "./cloud-event-headers.ts";
import { EventFaults } from "./decode-event.ts";
import type { CloudEventForm, DecodedPublish, DecodeLimits, PublishForm } from "./decoded-publish.ts";
import type { EventRecord } from "./event.ts";
import { findOversize, parseJson } from "./exact-json.ts";
import { checkSize, refuseEvents, tooDeep, tooManyEvents } from "./publish-refusals.ts";

export function isCloudEventForm(form: PublishForm): form is CloudEventForm {
  return form.includes("cloud-event");
}

/** @throws ProblemError naming the code, and for invalid events the places. */
export function decodeCloudEvents(text: string, form: CloudEventForm, limits: DecodeLimits): DecodedPublish {
  if (form === "cloud-event-batch") return batch(text, limits);
  if (form === "binary-cloud-event") return binary(text, limits);
  return single(parse(text, limits, form === "cloud-event" ? "body" : "frame"), limits);
}

function batch(text: string, limits: DecodeLimits): DecodedPublish {
  const values = parse(text, limits, "body", limits.eventsMax);
  if (!Array.isArray(values)) return refuse("invalid_event", "Expected an array of CloudEvents.");
  if (values.length > limits.eventsMax) refuse("batch_too_large", tooManyEvents(limits));
  const faults = new EventFaults();
  const events: EventRecord[] = [];
  for (let i = 0; i < values.length; i++) {
    faults.enter("", i);
    const event = decodeCloudEvent(values[i], faults, limits.depthMax);
    if (event === undefined) continue;
    checkSize(event, faults, limits, "data");
    events.push(event);
  }
  if (faults.count > 0) refuseEvents(faults, values.length);
  return { events, isSingle: false, wantsResults: false, frameId: undefined };
}

function single(value: unknown, limits: DecodeLimits): DecodedPublish {
  const faults = new EventFaults();
  const event = decodeCloudEvent(value, faults, limits.depthMax);
  if (event === undefined) return refuseEvents(faults, 1);
  checkSize(event, faults, limits, "data");
  return { events: [event], isSingle: true, wantsResults: false, frameId: undefined };
}

function binary(text: string, limits: DecodeLimits): DecodedPublish {
  const faults = new EventFaults();
  const { attributes, kind, body } = binaryEventOf(text, faults);
  if (faults.count > 0) refuseEvents(faults, 1);
  return single({ ...attributes, ...dataMember(kind, body, limits) }, limits);
}

/** The HTTP binding, 3.1.2: the body is the data. One that is empty is none. */
function dataMember(kind: BinaryEvent["kind"], body: string, limits: DecodeLimits): Record<string, unknown> {
  if (body === "") return {};
  if (kind === "json") return { data: parse(body, limits, "body") };
  return kind === "text" ? { data: body } : { data_base64: body };
}

/** @param eventsMax where the text is a list of events. */
function parse(
  text: string,
  limits: DecodeLimits,
  what: "body" | "frame",
  eventsMax = Number.POSITIVE_INFINITY,
): unknown {
  const oversize = findOversize(text, eventsMax, limits.depthMax);
  if (oversize?.kind === "many") refuse("batch_too_large", tooManyEvents(limits));
  if (oversize?.kind === "deep") refuse("invalid_event", tooDeep(limits));
  try {
    return parseJson(text);
  } catch (error) {
    // Keeping numbers exact takes a recursion, whose stack only a text far too deep overflows.
    if (error instanceof RangeError) refuse("invalid_event", tooDeep(limits));
    if (!(error instanceof SyntaxError)) throw error;
    return refuse("malformed_json", `The ${what} could not be parsed as JSON.`);
  }
}
