/**
 * CloudEvents in binary mode: attributes stand in headers, and the body is the data (the HTTP binding, 3.1). Such a publish
 * crosses to the ledger as one text: a line of JSON with what the headers say, and behind it the body.
 */

import type { EventFaults } from "./decode-event.ts";
import { type DataKind, dataKindOf } from "./media-type.ts";

/** What the headers of a request in binary mode say. */
export interface BinaryHead {
  /** As it was sent; null where there is none. */
  readonly contentType: string | null;
  /** By the names of the attributes, as they were sent. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** @param body the data as JSON or text, or in base64, as `dataKindOf` has it. */
export function binaryEventText(head: BinaryHead, body: string): string {
  return `${JSON.stringify(head)}\n${body}`;
}

export interface BinaryEvent {
  /** Members of a CloudEvent. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly kind: DataKind;
  readonly body: string;
}

/** Names that no header may have, and why. */
const NOT_IN_HEADERS: ReadonlyMap<string, string> = new Map([
  ["datacontenttype", "must not be sent as a header: it is the Content-Type"],
  ["data", "must not be sent as a header: it is the body"],
  ["data_base64", "must not be sent as a header: it is the body"],
]);

/** Adds to `faults` what cannot be decoded. */
export function binaryEventOf(text: string, faults: EventFaults): BinaryEvent {
  const endOfHead = text.indexOf("\n");
  const { contentType, attributes: sent } = JSON.parse(text.slice(0, endOfHead)) as BinaryHead;
  const attributes = Object.entries(sent).map(([name, value]) => {
    const decoded = decodeHeaderValue(value);
    const fault = NOT_IN_HEADERS.get(name) ?? decoded.fault;
    if (fault !== undefined) faults.fault(name, fault);
    return [name, decoded.text] as const;
  });
  if (contentType !== null) attributes.push(["datacontenttype", contentType]);
  return {
    attributes: Object.fromEntries(attributes),
    kind: dataKindOf(contentType),
    body: text.slice(endOfHead + 1),
  };
}

interface Decoded {
  readonly text: string;
  readonly fault?: string;
}

/** A quoted string from end to end (RFC 9110, 5.6.4). */
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/;

/** What HTTP allows in a value that was not percent-encoded; a space inside was allowed by earlier versions. */
const NOT_IN_VALUE = /[^\x20-\x7e]/;

/** The HTTP binding, 3.1.3.2: quotes are taken off, then one round of percent-decoding. */
export function decodeHeaderValue(value: string): Decoded {
  const quoted = QUOTED.exec(value)?.[1];
  const unquoted = quoted === undefined ? value : quoted.replace(/\\(.)/g, "$1");
  if (NOT_IN_VALUE.test(unquoted)) return faulty("must be percent-encoded where it is not printable ASCII");
  if (quoted === undefined) {
    // Lines of one name arrive joined like this.
    if (value.includes(", "))
      return faulty("must be sent once; a space that belongs to it must be percent-encoded");
    if (value.includes('"')) return faulty("must have its quotes percent-encoded, or be quoted as a whole");
  }
  try {
    return { text: decodeURIComponent(unquoted) };
  } catch {
    return faulty("must be percent-encoded UTF-8");
  }
}

function faulty(fault: string): Decoded {
  return { text: "", fault };
}
