/** CloudEvents in their JSON format, as they are taken and given. */

import { type Static, Type } from "@sinclair/typebox";
import { TEXT_CODE_POINTS_MAX } from "../../events/event.ts";
import { refTo } from "./schema.ts";

const text = (description: string, example: string) =>
  Type.String({ minLength: 1, description, examples: [example] });

const identity = (description: string, example: string) =>
  Type.String({ minLength: 1, maxLength: TEXT_CODE_POINTS_MAX, description, examples: [example] });

export const CloudEvent = Type.Object(
  {
    specversion: Type.Literal("1.0"),
    id: identity("Identifies the event within its source and type.", "order-1001-paid"),
    // What is made of the topic of another event is longer where that has to be percent-encoded.
    source: text(
      `Where it comes from: a URI-reference (RFC 3986), of ${TEXT_CODE_POINTS_MAX} characters at most where it is sent. (\`type\`, \`source\`, \`id\`) is the dedup key.`,
      "/checkout",
    ),
    type: identity("What has happened; its topic here.", "orders.paid"),
    time: Type.Optional(
      Type.String({ description: "When it happened (RFC 3339).", examples: ["2026-01-31T12:00:00Z"] }),
    ),
    subject: Type.Optional(text("What it is about, within the source.", "order-1001")),
    datacontenttype: Type.Optional(text("The media type of the data.", "application/json")),
    dataschema: Type.Optional(text("An absolute URI of the data's schema.", "https://example.com/paid")),
    data: Type.Optional(Type.Unknown({ description: "Any JSON.", examples: [{ amount: 49.9 }] })),
    data_base64: Type.Optional(
      Type.String({ description: "The data where it is bytes; one of the two.", examples: ["AAEC"] }),
    ),
  },
  {
    additionalProperties: Type.Unsafe<string | boolean | number | null>({
      type: ["string", "boolean", "integer", "null"],
      minimum: -(2 ** 31),
      maximum: 2 ** 31 - 1,
      description: "An extension. Its name has letters a-z and digits alone.",
    }),
    description: "An event in the JSON format of CloudEvents 1.0.",
  },
);
export type CloudEvent = Static<typeof CloudEvent>;

/** @param eventsMax as this node is configured; a page has no such limit. */
export const cloudEventList = (eventsMax?: number) =>
  Type.Array(refTo("CloudEvent", CloudEvent), {
    ...(eventsMax !== undefined && { maxItems: eventsMax }),
    description: "A batch of CloudEvents.",
  });
