/** POST /publish as the OpenAPI document has it. */

import { cloudEventList } from "../models/cloud-event.ts";
import { eventEnvelope, eventList } from "../models/event.ts";
import { CLOUD_EVENT_TYPE, CLOUD_EVENTS_TYPE, LINES_TYPE } from "../models/media-types.ts";
import { PUBLISH_PARAMETERS } from "../models/parameters.ts";
import type { BatchAnswer, EventAnswer } from "../models/publish.ts";
import { COUNTERS, PAID, PAID_AGAIN, PAID_CLOUD_EVENT, PLACED } from "./examples.ts";
import {
  type Examples,
  invalidParameter,
  jsonAnswer,
  LIMIT_PROBLEMS,
  model,
  type Operation,
  problemAnswers,
  queryParameters,
  TAGS,
} from "./operation.ts";

/** Two quotes, and a backslash before each character. */
const KEY_VALUE_LENGTH_MAX = 2 + 2 * 255;

export interface PublishLimits {
  readonly bodyBytesMax: number;
  readonly eventsMax: number;
}

const DESCRIPTION = `Takes one event, an array of events, or \`{"events": […]}\`, and answers once they are on disk.

The first arrival of a (\`topic\`, \`event_id\`) is stored; every later one is counted as a duplicate, and as a conflict as well if its payload differs. So sending again is always safe. A request is taken or refused as a whole; but a body of lines, which may have any length, is committed piece by piece, and what stops it says how many lines are in.

CloudEvents 1.0 come structured, as a batch, and in binary mode (\`ce-*\` headers, and any body as data). An \`OPTIONS\` request with \`WebHook-Request-Origin\` asks for consent to deliver, with the same credentials, and is refused as a delivery would be.

\`Content-Encoding: gzip\` and \`zstd\` are understood.`;

export function publishOperation({ bodyBytesMax, eventsMax }: PublishLimits): Operation {
  return {
    operationId: "publish",
    summary: "Publish events",
    description: `${DESCRIPTION} A body may have ${bodyBytesMax} bytes once decompressed, and hold ${eventsMax} events.`,
    tags: [TAGS.publishing.name],
    parameters: [...queryParameters(PUBLISH_PARAMETERS), IDEMPOTENCY_KEY_PARAMETER],
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: { oneOf: [model("Event"), eventList(eventsMax), eventEnvelope(eventsMax)] },
          examples: BODIES,
        },
        [LINES_TYPE]: {
          schema: {
            type: "string",
            description:
              "One event a line, of any number. Taken line by line: an error says which line it is about, and how many are in.",
          },
          examples: {
            lines: {
              summary: "One event a line",
              value: `${JSON.stringify(PLACED)}\n${JSON.stringify(PAID)}\n`,
            },
          },
        },
        [CLOUD_EVENT_TYPE]: {
          schema: model("CloudEvent"),
          examples: { event: { summary: "One CloudEvent", value: PAID_CLOUD_EVENT } },
        },
        [CLOUD_EVENTS_TYPE]: {
          schema: cloudEventList(eventsMax),
          examples: { batch: { summary: "A batch of CloudEvents", value: [PAID_CLOUD_EVENT] } },
        },
      },
    },
    responses: {
      200: {
        ...jsonAnswer("PublishAnswer", "Everything is on disk and counted.", ANSWERS),
        headers: REPLAYED_HEADERS,
      },
      ...problems({ bodyBytesMax, eventsMax }),
    },
  };
}

const IDEMPOTENCY_KEY_PARAMETER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "Names the request, as a string of structured fields or bare: sent again with the same key and body it gets the " +
    "first answer, and is not counted again.",
  schema: { type: "string", minLength: 1, maxLength: KEY_VALUE_LENGTH_MAX },
  example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
} as const;

const REPLAYED_HEADERS = {
  "Idempotency-Replayed": {
    description:
      "The answer was given before, to a request with the same key; nothing was done for this one.",
    schema: { type: "string" as const, enum: ["true"] },
  },
};

const BODIES = {
  event: { summary: "One event", value: PAID },
  array: { summary: "Several events", value: [PLACED, PAID] },
  envelope: { summary: "Several events in an object", value: { events: [PLACED, PAID] } },
};

const ANSWERS = {
  processed: {
    summary: "One event, for the first time",
    value: {
      status: "processed",
      count: 1,
      received: 1,
      unique_processed: 1,
      duplicate_dropped: 0,
      conflicts: 0,
      is_duplicate: false,
      topic: PAID.topic,
      event_id: PAID.event_id,
      seq: 2,
    } satisfies EventAnswer,
  },
  duplicate: {
    summary: "The same event again",
    value: {
      status: "duplicate",
      count: 1,
      received: 1,
      unique_processed: 0,
      duplicate_dropped: 1,
      conflicts: 0,
      is_duplicate: true,
      topic: PAID.topic,
      event_id: PAID.event_id,
      seq: 2,
    } satisfies EventAnswer,
  },
  accepted: {
    summary: "Several events",
    value: { status: "accepted", count: 3, ...COUNTERS } satisfies BatchAnswer,
  },
  results: {
    summary: "With ?results=true",
    value: {
      status: "accepted",
      count: 1,
      received: 1,
      unique_processed: 0,
      duplicate_dropped: 1,
      conflicts: 0,
      results: [PAID_AGAIN],
    } satisfies BatchAnswer,
  },
} satisfies Examples;

function problems({ bodyBytesMax, eventsMax }: PublishLimits): NonNullable<Operation["responses"]> {
  return problemAnswers({
    ...LIMIT_PROBLEMS,
    invalid_idempotency_key: "It is 1 to 255 printable ASCII characters in double quotes, sent once.",
    idempotency_key_in_use:
      "A request with this key has not been answered yet. Nothing was stored for this one.",
    idempotency_key_reused:
      "A request with this key was answered, and it was another one. Nothing was stored.",
    idempotency_key_unsupported: "Lines are committed piece by piece, so a key cannot stand for them.",
    malformed_json: "The body could not be parsed as JSON.",
    malformed_utf8: "The body is not well-formed UTF-8.",
    request_timeout: "The body did not arrive in time. Nothing was stored; sending again is safe.",
    body_too_large: `A body may have ${bodyBytesMax} bytes.`,
    batch_too_large: `One publish may hold ${eventsMax} events.`,
    event_too_large: {
      detail: "A payload may have 4096 bytes; this one has 5000.",
      places: { places: [{ pointer: "/0/payload", detail: "must be at most 4096 bytes" }], count: 1 },
    },
    unsupported_media_type: `The content type is not supported; send application/json, ${LINES_TYPE}, ${CLOUD_EVENT_TYPE} or ${CLOUD_EVENTS_TYPE}.`,
    invalid_event: {
      detail: "1 place in 2 events is invalid; nothing was stored.",
      places: { places: [{ pointer: "/1/event_id", detail: "is required" }], count: 1 },
    },
    invalid_parameter: invalidParameter("result", "is not a known parameter; the nearest is `results`"),
    too_many_topics: "There may be 10000 topics.",
    internal_error: "The request could not be answered.",
    overloaded: "Too much waits to be committed. Nothing was stored; sending again is safe.",
    starting: "The dedup index is being rebuilt. Nothing was stored; sending again is safe.",
    draining: "The node is shutting down. Nothing was stored; sending again is safe.",
    storage_failing: "The commit failed and nothing was stored. Sending again is safe.",
    outcome_unknown: "The sync failed, so the events may be stored or not. Sending again settles it.",
  });
}
