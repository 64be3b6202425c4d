/** From the text of a body or frame to a list of events, refused whole when any part of it is wrong. */

import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import { decodeCloudEvents, isCloudEventForm } from "./cloud-event-publish.ts";
import { decodeEvent, EventFaults, FaultList, pointerTo, unknownField } from "./decode-event.ts";
import type { DecodedPublish, DecodeLimits, NativeForm, WholeForm } from "./decoded-publish.ts";
import type { EventRecord } from "./event.ts";
import { findOversize, isContainer, parseJson } from "./exact-json.ts";
import { decodeFrameId, frameIdOf } from "./frame-id.ts";
import { checkSize, counted, refuseEvents, tooDeep, tooManyEvents } from "./publish-refusals.ts";
import { PublishScanner } from "./publish-scanner.ts";

/** A frame that was refused although its `id` could be read. */
export class FrameError extends ProblemError {
  constructor(
    problem: Problem,
    readonly frameId: string | undefined,
  ) {
    super(problem);
  }
}

const scanner = new PublishScanner();

/** @throws ProblemError naming the code, and for invalid events the places. */
export function decodePublish(text: string, form: WholeForm, limits: DecodeLimits): DecodedPublish {
  if (isCloudEventForm(form)) return decodeCloudEvents(text, form, limits);
  return scanner.scan(text, form, limits) ?? parsePublish(text, form, limits);
}

/** The same by building every value: for whatever the scanner declines, and to say what is wrong with it. */
export function parsePublish(text: string, form: NativeForm, limits: DecodeLimits): DecodedPublish {
  const value = parseBody(text, form, limits);
  if (Array.isArray(value)) return batch(value, "", limits);
  if (!isContainer(value)) {
    return refuse(
      form === "body" ? "invalid_event" : "invalid_frame",
      "Expected an event, an array of events or an object with `events`.",
    );
  }
  if (form === "frame" && Object.hasOwn(value, "type")) return decodeTypedFrame(value, limits);
  if (Object.hasOwn(value, "events")) return decodeEnvelope(value, form, limits);
  return single(value, limits);
}

function parseBody(text: string, form: NativeForm, limits: DecodeLimits): unknown {
  const oversize = findOversize(text, limits.eventsMax, limits.depthMax);
  if (oversize?.kind === "many") throw unbuilt(problem("batch_too_large", tooManyEvents(limits)), text, form);
  if (oversize?.kind === "deep") throw unbuilt(problem("invalid_event", tooDeep(limits)), text, form);
  try {
    return parseJson(text);
  } catch (error) {
    // Keeping numbers exact takes a recursion, whose stack only a text far too deep overflows.
    if (error instanceof RangeError) throw unbuilt(problem("invalid_event", tooDeep(limits)), text, form);
    if (!(error instanceof SyntaxError)) throw error;
    return refuse("malformed_json", `The ${form} could not be parsed as JSON.`);
  }
}

function unbuilt(tooMuch: Problem, text: string, form: NativeForm): FrameError {
  return new FrameError(tooMuch, form === "frame" ? frameIdOf(text) : undefined);
}

function single(value: unknown, limits: DecodeLimits): DecodedPublish {
  const faults = new EventFaults();
  const event = decodeEvent(value, faults, limits.depthMax);
  if (event === undefined) return refuseEvents(faults, 1);
  checkSize(event, faults, limits);
  return { events: [event], isSingle: true, wantsResults: false, frameId: undefined };
}

function batch(values: readonly unknown[], base: string, limits: DecodeLimits): DecodedPublish {
  if (values.length > limits.eventsMax) refuse("batch_too_large", tooManyEvents(limits));
  const faults = new EventFaults();
  const events: EventRecord[] = [];
  for (let i = 0; i < values.length; i++) {
    faults.enter(base, i);
    const event = decodeEvent(values[i], faults, limits.depthMax);
    if (event === undefined) continue;
    checkSize(event, faults, limits);
    events.push(event);
  }
  if (faults.count > 0) refuseEvents(faults, values.length);
  return { events, isSingle: false, wantsResults: false, frameId: undefined };
}

const ENVELOPE_FIELDS: Record<NativeForm, readonly string[]> = {
  body: ["events"],
  frame: ["type", "id", "events", "results"],
};

function decodeEnvelope(
  value: Record<string, unknown>,
  form: NativeForm,
  limits: DecodeLimits,
): DecodedPublish {
  const code = form === "body" ? "invalid_event" : "invalid_frame";
  const faults = new FaultList();
  const known = ENVELOPE_FIELDS[form];
  for (const field in value)
    if (!known.includes(field))
      faults.add(pointerTo("", field), faults.isFull ? "" : unknownField(field, known));
  if (!Array.isArray(value.events)) faults.add("/events", "must be an array of events");
  if (form === "frame" && value.results !== undefined && typeof value.results !== "boolean") {
    faults.add("/results", "must be true or false");
  }
  const frameId = form === "frame" ? decodeFrameId(value.id, faults) : undefined;
  try {
    if (faults.count > 0)
      refuse(
        code,
        `${counted(faults.count, "place")} of the ${form} ${faults.count === 1 ? "is" : "are"} invalid.`,
        faults,
      );
    return {
      ...batch(value.events as unknown[], "/events", limits),
      wantsResults: value.results === true,
      frameId,
    };
  } catch (error) {
    throw error instanceof ProblemError ? new FrameError(error.problem, frameId) : error;
  }
}

function decodeTypedFrame(value: Record<string, unknown>, limits: DecodeLimits): DecodedPublish {
  if (value.type === "publish") return decodeEnvelope(value, "frame", limits);
  const faults = new FaultList();
  const frameId = decodeFrameId(value.id, faults);
  faults.add(
    "/type",
    "is not a known frame type; here there are `publish`, and `auth` for fresh credentials",
  );
  throw new FrameError(problem("invalid_frame", "The frame's type is not known.", faults), frameId);
}
