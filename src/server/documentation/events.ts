/** GET /events, GET /events/stream, GET /events/{topic}/{event_id} and GET /conflicts as the OpenAPI document has them. */

import { cloudEventList } from "../models/cloud-event.ts";
import { type ConflictPage, type EventPage, StoredEvent } from "../models/event.ts";
import {
  CLOUD_EVENT_TYPE,
  CLOUD_EVENTS_TYPE,
  GAP_HEADER,
  LINES_TYPE,
  LINK_HEADER,
} from "../models/media-types.ts";
import {
  CONFLICTS_MAX,
  CONFLICTS_PARAMETERS,
  EVENT_PARAMETERS,
  EVENTS_PARAMETERS,
  EVENTS_STREAM_PARAMETERS,
  PAGE_EVENTS_MAX,
} from "../models/parameters.ts";
import { NOT_OPENED, TOO_MANY_ANSWERS } from "../models/problem.ts";
import { PAID, PAID_CLOUD_EVENT, RECEIVED_AT, STORED } from "./examples.ts";
import {
  type Examples,
  inOtherForms,
  invalidParameter,
  jsonAnswer,
  LIMIT_PROBLEMS,
  model,
  type Operation,
  pathParameter,
  problemAnswers,
  queryParameters,
  streamAnswer,
  TAGS,
} from "./operation.ts";

/** What any read of stored events can answer with. */
const READ_PROBLEMS = {
  internal_error: "The request could not be answered.",
  starting: NOT_OPENED,
  overloaded: TOO_MANY_ANSWERS,
  storage_failing: "What is stored cannot be read now: the database file is gone.",
} as const;

/** Behind event 2. */
const CURSOR = "ARB9XPxfAAAAAAAAAAJ5Z3IO";

const PAGES = {
  page: {
    summary: "A page with another one after it",
    value: { events: [STORED], count: 1, topic: "orders", next: CURSOR } satisfies EventPage,
  },
  end: {
    summary: "The end",
    value: { events: [], count: 0, topic: null, next: null } satisfies EventPage,
  },
} satisfies Examples;

/** Of pages whose body has events alone. */
const BARE_PAGE_HEADERS = {
  [LINK_HEADER]: {
    description: 'Where the body has no `next`: the next page, as `<?…>; rel="next"`. None at the end.',
    schema: { type: "string", example: '<?after=2>; rel="next"' },
  },
  [GAP_HEADER]: {
    description: "Where the body has no `gap`: what it would say.",
    schema: { type: "string", example: "from=6, to=90" },
  },
} as const;

export const EVENTS_OPERATION: Operation = {
  operationId: "listEvents",
  summary: "List stored events",
  description:
    "Stored events in the order of their commits, page by page: `next` goes back as `after`. A filter that looks far is budgeted, so a page may be short and still have a `next`.",
  tags: [TAGS.events.name],
  parameters: queryParameters(EVENTS_PARAMETERS),
  responses: {
    200: {
      ...inOtherForms(jsonAnswer("EventPage", "A page of events, in the form that is accepted.", PAGES), {
        [CLOUD_EVENTS_TYPE]: {
          schema: cloudEventList(),
          examples: { page: { summary: "As CloudEvents", value: [PAID_CLOUD_EVENT] } },
        },
        [LINES_TYPE]: {
          schema: { type: "string", description: "A `StoredEvent` on each line." },
          examples: { page: { summary: "One a line", value: `${JSON.stringify(STORED)}\n` } },
        },
      }),
      headers: BARE_PAGE_HEADERS,
    },
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter("limit", `must be a whole number from 1 to ${PAGE_EVENTS_MAX}`),
      ...READ_PROBLEMS,
    }),
  },
};

const EVENTS_STREAM = `retry: 1000

id: ${CURSOR}
data: {"type":"events","events":[${JSON.stringify(STORED)}]}

`;

export const EVENTS_STREAM_OPERATION: Operation = {
  operationId: "streamEvents",
  summary: "Follow the stored events",
  description:
    "Server-sent events: first those after the position that was asked for, then those that are stored from now on, none left out and none twice. Each frame is one line of JSON, and its `id` goes back as `Last-Event-ID`. What retention has removed before it could be told is a frame of the type `gap`. A comment comes every 15 s in which nothing else does.",
  tags: [TAGS.events.name],
  parameters: queryParameters(EVENTS_STREAM_PARAMETERS),
  responses: {
    200: streamAnswer("The stream, which goes on until one side ends it.", EVENTS_STREAM),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter("last_event_id", "is a cursor of another database"),
      forbidden_topic: "Reading `orders` is not allowed.",
    }),
  },
};

export const EVENT_OPERATION: Operation = {
  operationId: "getEvent",
  summary: "Read one event",
  description: "The event that was stored under this key: its first arrival.",
  tags: [TAGS.events.name],
  parameters: [
    pathParameter("topic", { ...StoredEvent.properties.topic, examples: [PAID.topic] }),
    pathParameter("event_id", { ...StoredEvent.properties.event_id, examples: [PAID.event_id] }),
    ...queryParameters(EVENT_PARAMETERS),
  ],
  responses: {
    200: inOtherForms(
      jsonAnswer("StoredEvent", "The event, in the form that is accepted.", {
        event: { summary: "An event", value: STORED },
      }),
      {
        [CLOUD_EVENT_TYPE]: {
          schema: model("CloudEvent"),
          examples: { event: { summary: "As a CloudEvent", value: PAID_CLOUD_EVENT } },
        },
      },
    ),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      not_found: "There is no such event.",
      invalid_parameter: invalidParameter("scopes", "is not a known parameter; the nearest is `scope`"),
      ...READ_PROBLEMS,
    }),
  },
};

const CONFLICTS = {
  conflict: {
    summary: "The payment once more, with another amount",
    value: {
      conflicts: [
        {
          seq: STORED.seq,
          topic: PAID.topic,
          event_id: PAID.event_id,
          source: PAID.source,
          payload: { order: 1001, amount: 94.9 },
          received_at: RECEIVED_AT,
        },
      ],
      count: 1,
      topic: null,
    } satisfies ConflictPage,
  },
} satisfies Examples;

export const CONFLICTS_OPERATION: Operation = {
  operationId: "listConflicts",
  summary: "List the latest conflicts",
  description:
    "Later arrivals whose key was known and whose payload differed from what is stored, newest first. They were counted, not stored as events.",
  tags: [TAGS.events.name],
  parameters: queryParameters(CONFLICTS_PARAMETERS),
  responses: {
    200: jsonAnswer("ConflictPage", "The latest conflicts.", CONFLICTS),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter("limit", `must be a whole number from 1 to ${CONFLICTS_MAX}`),
      ...READ_PROBLEMS,
    }),
  },
};
