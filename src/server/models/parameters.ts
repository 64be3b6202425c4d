/** The query parameters of every route: which there are, and their limits. Routes hold to them, documents state them. */

import { type TSchema, Type } from "@sinclair/typebox";
import { sourceText, topicText } from "./event.ts";
import { oneOf } from "./schema.ts";
import { interval, RESUMING } from "./stats-frames.ts";

export const PAGE_EVENTS_DEFAULT = 100;
export const PAGE_EVENTS_MAX = 10_000;

export const PAGE_TOPICS_DEFAULT = 100;
export const PAGE_TOPICS_MAX = 10_000;

/** As many as are kept. */
export const CONFLICTS_MAX = 1_000;

/** Longer ones that may be asked for are rounded down to the longest there is. */
export const INTERVAL_MS_MAX = 3_600_000;

export const ORDERS = ["asc", "desc"] as const;

/** Schemas by the names of the parameters. */
export type Parameters = Readonly<Record<string, TSchema>>;

const limit = (what: string, { standard, max }: { standard: number; max: number }) =>
  Type.Integer({
    minimum: 1,
    maximum: max,
    default: standard,
    description: `${what} on a page, at most; from 1 to ${max}.`,
  });

const topicPatterns = Type.String({
  description:
    "Only these topics: names, or prefixes with one final `*`, parted by commas. None means every topic.",
  examples: ["orders,payments.*"],
});

const lastEventId = (example: string) =>
  Type.String({
    description:
      "Where to go on: the `id` of the last frame. The header `Last-Event-ID` says the same, and beats it.",
    examples: [example],
  });

const askedInterval = { ...interval, type: "integer", maximum: INTERVAL_MS_MAX };

const timeOfReceipt = (description: string) =>
  Type.String({ description, examples: ["2026-01-31T12:00:00Z"] });

export const PUBLISH_PARAMETERS = {
  results: Type.Boolean({ default: false, description: "Whether to answer with a result per event." }),
} satisfies Parameters;

export const STATS_PARAMETERS = {
  topic: topicText("Only this topic; one that is not known has zeros."),
} satisfies Parameters;

export const STATS_SOCKET_PARAMETERS = {
  topics: topicPatterns,
  interval: askedInterval,
  ...RESUMING,
} satisfies Parameters;

export const STATS_STREAM_PARAMETERS = {
  topics: topicPatterns,
  interval: askedInterval,
  last_event_id: lastEventId("AgtEhTWFeX9zAAAAAAAAAAJHYL_F"),
} satisfies Parameters;

export const EVENTS_SOCKET_PARAMETERS = {
  topics: topicPatterns,
  after: Type.String({
    default: "latest",
    description: "Only events after this `seq`; 0 begins with the first, `latest` now.",
    examples: ["0"],
  }),
} satisfies Parameters;

export const EVENTS_STREAM_PARAMETERS = {
  topics: topicPatterns,
  after: Type.String({
    default: "latest",
    description:
      "Only events after this: a `seq`, a cursor (the `next` of a page, the `id` of a frame), or `latest`.",
    examples: ["0"],
  }),
  last_event_id: lastEventId("0"),
} satisfies Parameters;

export const TOPICS_PARAMETERS = {
  prefix: topicText("Only topics whose names begin with this."),
  after: topicText("Only topics whose names come after this: the `next` of the page before."),
  limit: limit("Topics", { standard: PAGE_TOPICS_DEFAULT, max: PAGE_TOPICS_MAX }),
} satisfies Parameters;

export const EVENTS_PARAMETERS = {
  topic: topicText("Only events of this topic; one that is not known has none."),
  after: Type.String({
    description: "Only events after this one: a `seq`, or a cursor: the `next` of the page before.",
    examples: ["0"],
  }),
  limit: limit("Events", { standard: PAGE_EVENTS_DEFAULT, max: PAGE_EVENTS_MAX }),
  order: oneOf(ORDERS, { default: "asc", description: "By `seq`." }),
  source: sourceText("Only events of this source, a CloudEvent's among them."),
  since: timeOfReceipt("Only events received at this time or later, in ISO 8601."),
  until: timeOfReceipt("Only events received before this time, in ISO 8601."),
} satisfies Parameters;

export const EVENT_PARAMETERS = {
  scope: sourceText("The CloudEvents source, for a CloudEvent; empty for every other form."),
} satisfies Parameters;

export const CONFLICTS_PARAMETERS = {
  topic: topicText("Only conflicts of this topic."),
  limit: limit("Conflicts", { standard: PAGE_EVENTS_DEFAULT, max: CONFLICTS_MAX }),
} satisfies Parameters;
