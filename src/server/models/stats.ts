/** The four counters, in all and per topic. */

import { type Static, Type } from "@sinclair/typebox";
import { topicText } from "./event.ts";
import { count, orNull, refTo, time } from "./schema.ts";

/** `received = unique_processed + duplicate_dropped`, wherever they stand. */
export const COUNTER_FIELDS = {
  received: count("All arrivals: `unique_processed` + `duplicate_dropped`."),
  unique_processed: count("First arrivals, which were stored."),
  duplicate_dropped: count("Later arrivals with a key that was known."),
  conflicts: count("Those of the duplicates whose payload differed from the first arrival's."),
};

const TOPIC_FIELDS = {
  ...COUNTER_FIELDS,
  first_at: time("When its first event was received."),
  last_at: time("When its latest event was received."),
  rate: Type.Number({ minimum: 0, description: "Received events a second, lately.", examples: [12.5] }),
};

export const TopicCounters = Type.Object(TOPIC_FIELDS, { description: "The counters of one topic." });
export type TopicCounters = Static<typeof TopicCounters>;

export const Stats = Type.Object(
  {
    ...COUNTER_FIELDS,
    rejected: count("Publish requests and frames answered 4xx since the start; in no topic and no revision."),
    topics: Type.Unsafe<Record<string, TopicCounters>>({
      type: "object",
      additionalProperties: refTo("TopicCounters", TopicCounters),
      description: "The counters of each topic, by its name.",
    }),
    topic_count: count("Topics in `topics`."),
    uptime_seconds: Type.Number({ minimum: 0 }),
    started_at: time("When the process started."),
    epoch: Type.String({
      description: "New whenever revisions start over; they mean nothing in another epoch.",
    }),
    revision: count("Commits that these counters hold, since the epoch began."),
  },
  { description: "The counters at one revision." },
);
export type Stats = Static<typeof Stats>;

export const NamedTopicCounters = Type.Object(
  { topic: topicText("The topic's name."), ...TOPIC_FIELDS },
  { description: "The counters of one topic, with its name." },
);
export type NamedTopicCounters = Static<typeof NamedTopicCounters>;

export const TopicPage = Type.Object(
  {
    topics: Type.Array(refTo("NamedTopicCounters", NamedTopicCounters)),
    count: count("Topics on this page."),
    topic_count: count("Topics in all."),
    next: orNull(Type.String({ description: "Goes back as `after` for the next page; null at the end." })),
  },
  { description: "A page of topics, in the order of their names." },
);
export type TopicPage = Static<typeof TopicPage>;
