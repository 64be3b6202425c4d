/** Events as publishers send them and as readers get them. */

import { type Static, Type } from "@sinclair/typebox";
import { DEFAULT_TOPIC, PAYLOAD_DEPTH_MAX, TEXT_CODE_POINTS_MAX } from "../../events/event.ts";
import { CONTROL, NOT_IN_TOPIC } from "../../events/text-rules.ts";
import { count, orNull, refTo, time, without } from "./schema.ts";

/** The name of a topic. */
export const topicText = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: TEXT_CODE_POINTS_MAX,
    pattern: without(NOT_IN_TOPIC),
    description,
    examples: ["orders"],
  });

/** A topic, or all that begin alike. */
export const patternText = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: TEXT_CODE_POINTS_MAX + 1,
    pattern: without(NOT_IN_TOPIC).replace(/\$$/, "\\*?$"),
    description,
    examples: ["orders", "payments.*"],
  });

const eventIdText = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: TEXT_CODE_POINTS_MAX,
    pattern: without(CONTROL),
    description,
    examples: ["order-1001-paid"],
  });

export const sourceText = (description: string) =>
  Type.String({ maxLength: TEXT_CODE_POINTS_MAX, description, examples: ["checkout"] });

const payload = (description: string) =>
  Type.Unknown({ description, examples: [{ order: 1001, amount: 49.9 }] });

export const Event = Type.Object(
  {
    topic: Type.Optional({ ...topicText("What the event is about."), default: DEFAULT_TOPIC }),
    event_id: Type.Optional(
      eventIdText("Identifies the event within its topic. (`topic`, `event_id`) is the dedup key."),
    ),
    id: Type.Optional(eventIdText("Another name for `event_id`; give one of the two.")),
    timestamp: Type.Optional(
      orNull(
        Type.String({
          description:
            "When it happened, in ISO 8601: with `Z`, an offset or no zone (then it is UTC), with fractions, or a date alone. Returned as it was sent; the time of receipt stands in for it.",
          examples: ["2026-01-31T12:00:00Z"],
        }),
      ),
    ),
    source: Type.Optional(orNull(sourceText("Who or what sent it."))),
    payload: Type.Optional(
      payload(
        `Any JSON, up to ${PAYLOAD_DEPTH_MAX} levels deep unless the node is told otherwise; \`null\` when absent. Returned exactly in value, also numbers that a double cannot hold.`,
      ),
    ),
  },
  {
    additionalProperties: false,
    oneOf: [
      { properties: { event_id: {} }, required: ["event_id"] },
      { properties: { id: {} }, required: ["id"] },
    ],
    description: "An event as a publisher sends it. A field that is not known is an error that names it.",
  },
);
export type Event = Static<typeof Event>;

/** @param eventsMax as this node is configured. */
export const eventList = (eventsMax: number) =>
  Type.Array(refTo("Event", Event), {
    maxItems: eventsMax,
    description: "Several events, committed as one.",
  });

/** @param eventsMax as this node is configured. */
export const eventEnvelope = (eventsMax: number) =>
  Type.Object(
    { events: eventList(eventsMax) },
    { additionalProperties: false, description: "Several events in an object." },
  );

export const StoredEvent = Type.Object(
  {
    seq: Type.Integer({ minimum: 1, description: "Its place in the order of commits.", examples: [42] }),
    topic: topicText("What the event is about."),
    event_id: eventIdText("Identifies the event within its topic."),
    timestamp: Type.String({
      description: "As it was sent, or else the time of receipt.",
      examples: ["2026-01-31T12:00:00Z"],
    }),
    source: orNull(sourceText("Who or what sent it.")),
    payload: payload("As it was sent, exactly in value; of a CloudEvent the data, or its base64."),
    attributes: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description:
          "Of a CloudEvent: its other attributes and extensions. `data_base64` is true where the payload is base64, `data` false where there was none.",
        examples: [{ subject: "order-1001", datacontenttype: "application/json" }],
      }),
    ),
    received_at: time("When its first arrival was received."),
  },
  { description: "An event as it was stored: its first arrival." },
);
export type StoredEvent = Static<typeof StoredEvent>;

export const EventPage = Type.Object(
  {
    events: Type.Array(refTo("StoredEvent", StoredEvent)),
    count: count("Events on this page."),
    topic: orNull(topicText("The topic that was asked for.")),
    next: orNull(
      Type.String({
        description:
          "A cursor, which goes back as `after` for the next page; null at the end. A page may be short, even empty, and still have one.",
      }),
    ),
    gap: Type.Optional(
      Type.Object(
        { from: Type.Integer({ minimum: 1 }), to: Type.Integer({ minimum: 1 }) },
        {
          description:
            "Retention has removed events behind `after`: of the numbers from `from` to `to`, both inclusive, some are missing.",
        },
      ),
    ),
  },
  { description: "A page of stored events." },
);
export type EventPage = Static<typeof EventPage>;

export const Conflict = Type.Object(
  {
    seq: Type.Integer({
      minimum: 1,
      description: "The event that was stored under the key, the first arrival.",
    }),
    topic: topicText("The topic of both."),
    event_id: eventIdText("The id of both."),
    scope: Type.Optional(Type.String({ description: "The CloudEvents source of both, for a CloudEvent." })),
    source: orNull(sourceText("Who or what sent the later arrival; of a CloudEvent the same as `scope`.")),
    payload: payload("The payload that differed. It was not stored as an event."),
    received_at: time("When the later arrival was received."),
  },
  { description: "A later arrival with the key of a stored event and another payload." },
);
export type Conflict = Static<typeof Conflict>;

export const ConflictPage = Type.Object(
  {
    conflicts: Type.Array(refTo("Conflict", Conflict)),
    count: count("Conflicts on this page."),
    topic: orNull(topicText("The topic that was asked for.")),
  },
  { description: "The latest conflicts, newest first." },
);
export type ConflictPage = Static<typeof ConflictPage>;
