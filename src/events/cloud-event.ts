/** From one parsed JSON value to an event record, by the rules of CloudEvents 1.0, or to the places that are wrong with it. */

import { type DataMember, storedAttributes } from "./cloud-event-attributes.ts";
import { type EventFaults, encodePayload } from "./decode-event.ts";
import type { EventRecord } from "./event.ts";
import { isContainer } from "./exact-json.ts";
import { isMediaType } from "./media-type.ts";
import { faultOfEventId, faultOfSource, faultOfTopic } from "./text-rules.ts";
import { isRfc3339 } from "./timestamp.ts";
import { isUri, isUriReference } from "./uri.ts";

const SPEC_VERSION = "1.0";

/** What has a place of its own in an event record, or is data. */
const PLACED: ReadonlySet<string> = new Set([
  "specversion",
  "id",
  "source",
  "type",
  "time",
  "data",
  "data_base64",
]);

const ATTRIBUTE_NAME = /^[a-z\d]+$/;

/** Integers of CloudEvents have 32 bits. */
const INTEGER_MIN = -(2 ** 31);
const INTEGER_MAX = 2 ** 31 - 1;

/** The CloudEvents type system, "String": neither controls nor what Unicode calls noncharacters. */
const NOT_IN_STRING = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/** `length % 4` is looked at beside it. */
const BASE64 = /^[A-Za-z\d+/]*={0,2}$/;

type TextRule = (text: string) => string | undefined;

/** Decodes one CloudEvent. Adds to `faults`, which has been told where it stands, and returns undefined if it is invalid. */
export function decodeCloudEvent(
  value: unknown,
  faults: EventFaults,
  depthMax?: number,
): EventRecord | undefined {
  if (!isContainer(value) || Array.isArray(value)) {
    faults.add(faults.pointer(), "a CloudEvent must be a JSON object");
    return undefined;
  }
  const before = faults.count;
  const { specversion, id, source, type, time } = value;
  if (specversion !== SPEC_VERSION) checkText(specversion, "specversion", faultOfVersion, faults);
  checkText(id, "id", faultOfId, faults);
  checkText(source, "source", faultOfUriReference, faults);
  checkText(type, "type", faultOfType, faults);
  if (!isAbsent(time)) checkText(time, "time", faultOfTime, faults);
  const data = dataOf(value, faults);
  const payload = data.member === "none" ? "null" : encodePayload(data, faults, depthMax);
  const attributes = attributesText(value, faults);
  if (faults.count > before) return undefined;
  return {
    topic: type as string,
    scope: source as string,
    eventId: id as string,
    timestamp: isAbsent(time) ? null : (time as string),
    source: null,
    payload,
    attributes: storedAttributes(attributes, data.member),
  };
}

/** The JSON format, 2.2: `null` is the same as unset. */
function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** A required attribute. */
function checkText(value: unknown, name: string, faultOf: TextRule, faults: EventFaults): void {
  const fault = isAbsent(value)
    ? "is required"
    : typeof value === "string"
      ? faultOf(value)
      : "must be a string";
  if (fault !== undefined) faults.fault(name, fault);
}

interface Data {
  readonly member: DataMember;
  readonly field: string;
  readonly value: unknown;
}

/** The JSON format, 3.1: `data` or `data_base64`. A `data` of null is a value, unless it stands beside the other. */
function dataOf({ data, data_base64 }: Record<string, unknown>, faults: EventFaults): Data {
  if (isAbsent(data_base64))
    return { member: data === undefined ? "none" : "data", field: "data", value: data };
  if (!isAbsent(data)) faults.fault("data_base64", "give `data` or `data_base64`, not both");
  else if (typeof data_base64 !== "string" || !isBase64(data_base64))
    faults.fault("data_base64", "must be a string of base64 (RFC 4648, section 4), padded");
  return { member: "data_base64", field: "data_base64", value: data_base64 };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && BASE64.test(text);
}

/** JSON members of all that has no other place. */
function attributesText(value: Record<string, unknown>, faults: EventFaults): string {
  let members = "";
  for (const name in value) {
    const attribute = value[name];
    if (PLACED.has(name) || isAbsent(attribute)) continue;
    const fault = faultOfAttribute(name, attribute);
    if (fault !== undefined) faults.fault(name, fault);
    else members += `${members === "" ? "" : ","}"${name}":${JSON.stringify(attribute)}`;
  }
  return members;
}

function faultOfAttribute(name: string, value: unknown): string | undefined {
  if (!ATTRIBUTE_NAME.test(name))
    return "is no name of an attribute: those have letters a-z and digits alone";
  const rule = OPTIONAL_RULES.get(name);
  if (rule !== undefined) return typeof value === "string" ? rule(value) : "must be a string";
  if (typeof value === "string") return faultOfText(value);
  if (typeof value === "boolean") return undefined;
  const isInteger = typeof value === "number" && Number.isInteger(value);
  if (isInteger && value >= INTEGER_MIN && value <= INTEGER_MAX) return undefined;
  return "must be a string, a boolean, or an integer of 32 bits";
}

function faultOfText(text: string): string | undefined {
  if (!text.isWellFormed()) return "must not contain a lone surrogate";
  return NOT_IN_STRING.test(text) ? "must not contain control characters or noncharacters" : undefined;
}

function faultOfVersion(text: string): string | undefined {
  return text === SPEC_VERSION ? undefined : 'must be "1.0", the only version that is known here';
}

function faultOfId(text: string): string | undefined {
  return faultOfEventId(text) ?? faultOfText(text);
}

/** It becomes the topic. */
function faultOfType(text: string): string | undefined {
  return faultOfTopic(text) ?? faultOfText(text);
}

function faultOfUriReference(text: string): string | undefined {
  if (text === "") return "must not be empty";
  return isUriReference(text) ? faultOfSource(text) : "must be a URI-reference (RFC 3986)";
}

function faultOfTime(text: string): string | undefined {
  return isRfc3339(text) ? undefined : "must be an RFC 3339 time, such as `2026-01-31T12:00:00Z`";
}

const OPTIONAL_RULES: ReadonlyMap<string, TextRule> = new Map([
  ["subject", (text: string) => (text === "" ? "must not be empty" : faultOfText(text))],
  // Azure Event Grid says `#` in its own events, where it has no schema.
  [
    "dataschema",
    (text: string) =>
      text === "#" || isUri(text) ? undefined : "must be an absolute URI (RFC 3986) and not empty",
  ],
  [
    "datacontenttype",
    (text: string) => (isMediaType(text) ? undefined : "must be a media type, such as `application/json`"),
  ],
]);
