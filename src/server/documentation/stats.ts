/** GET /stats, GET /stats/stream and GET /topics as the OpenAPI document has them. */

import {
  PAGE_TOPICS_MAX,
  STATS_PARAMETERS,
  STATS_STREAM_PARAMETERS,
  TOPICS_PARAMETERS,
} from "../models/parameters.ts";
import { NOT_OPENED, TOO_MANY_ANSWERS } from "../models/problem.ts";
import type { Stats, TopicPage } from "../models/stats.ts";
import { COUNTERS, EPOCH, TOPIC } from "./examples.ts";
import {
  type Examples,
  invalidParameter,
  jsonAnswer,
  LIMIT_PROBLEMS,
  type Operation,
  problemAnswers,
  queryParameters,
  streamAnswer,
  TAGS,
} from "./operation.ts";

const STATS = {
  stats: {
    summary: "After two events and a duplicate",
    value: {
      ...COUNTERS,
      rejected: 0,
      topics: { orders: TOPIC },
      topic_count: 1,
      uptime_seconds: 12.345,
      started_at: "2026-01-31T11:59:50.000Z",
      epoch: EPOCH,
      revision: 2,
    } satisfies Stats,
  },
} satisfies Examples;

const TOPICS = {
  topics: {
    summary: "One topic",
    value: {
      topics: [{ topic: "orders", ...TOPIC }],
      count: 1,
      topic_count: 1,
      next: null,
    } satisfies TopicPage,
  },
} satisfies Examples;

export const STATS_OPERATION: Operation = {
  operationId: "getStats",
  summary: "Read the counters",
  description:
    "The counters in all and per topic, as of one revision. What was acknowledged before the request is in them.",
  tags: [TAGS.statistics.name],
  parameters: queryParameters(STATS_PARAMETERS),
  responses: {
    200: jsonAnswer("Stats", "The counters.", STATS),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter("topics", "is not a known parameter; the nearest is `topic`"),
      starting: NOT_OPENED,
      overloaded: TOO_MANY_ANSWERS,
    }),
  },
};

const STATS_STREAM = `retry: 1000

id: AgtEhTWFeX9zAAAAAAAAAAJHYL_F
data: {"type":"delta","epoch":"${STATS.stats.value.epoch}","from":1,"revision":2,"received":1,"unique_processed":0,"duplicate_dropped":1,"conflicts":0,"topics":{"orders":{"received":1,"unique_processed":0,"duplicate_dropped":1,"conflicts":0}}}

`;

export const STATS_STREAM_OPERATION: Operation = {
  operationId: "streamStats",
  summary: "Follow the counters",
  description:
    "Server-sent events: a snapshot, then a delta whenever something has changed. Each frame is one line of JSON, and its `id` goes back as `Last-Event-ID`, which is answered by what has changed since. A comment comes every 15 s in which nothing else does.",
  tags: [TAGS.statistics.name],
  parameters: queryParameters(STATS_STREAM_PARAMETERS),
  responses: {
    200: streamAnswer("The stream, which goes on until one side ends it.", STATS_STREAM),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter(
        "last_event_id",
        "is no cursor that was given out: it has been cut or changed",
      ),
      forbidden_topic: "Reading `orders` is not allowed.",
    }),
  },
};

export const TOPICS_OPERATION: Operation = {
  operationId: "listTopics",
  summary: "List the topics",
  description: "The topics in the order of their names, page by page, each with its counters.",
  tags: [TAGS.statistics.name],
  parameters: queryParameters(TOPICS_PARAMETERS),
  responses: {
    200: jsonAnswer("TopicPage", "A page of topics.", TOPICS),
    ...problemAnswers({
      ...LIMIT_PROBLEMS,
      invalid_parameter: invalidParameter("limit", `must be a whole number from 1 to ${PAGE_TOPICS_MAX}`),
      starting: NOT_OPENED,
      overloaded: TOO_MANY_ANSWERS,
    }),
  },
};
