/** A CloudEvent in binary mode: its headers and its body as the one text that is handed to the ledger. */

import { type BinaryHead, binaryEventText } from "../events/cloud-event-headers.ts";
import { dataKindOf } from "../events/media-type.ts";
import { type BodyLimits, readBody } from "./body.ts";

const PREFIX = "ce-";

/** @throws ProblemError as `readBody` does */
export async function readBinaryEvent(request: Request, limits: BodyLimits): Promise<string> {
  const head = headOf(request.headers);
  const isBinary = dataKindOf(head.contentType) === "binary";
  return binaryEventText(head, await readBody(request, limits, isBinary ? base64Of : undefined));
}

function headOf(headers: Headers): BinaryHead {
  const attributes = [...headers]
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value]) => [name.slice(PREFIX.length), value] as const);
  return { contentType: headers.get("content-type"), attributes: Object.fromEntries(attributes) };
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
