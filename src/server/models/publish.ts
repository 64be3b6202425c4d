/** Answers to publishers. */

import { type Static, Type } from "@sinclair/typebox";
import { EVENT_STATUS_NAMES } from "../../events/event.ts";
import { count, oneOf, refTo, time } from "./schema.ts";
import { COUNTER_FIELDS } from "./stats.ts";

export const EventResult = Type.Object(
  {
    event_id: Type.String(),
    topic: Type.String(),
    status: oneOf(EVENT_STATUS_NAMES, {
      description: "A conflict is a duplicate whose payload differs from the first arrival's.",
    }),
    seq: Type.Integer({ minimum: 1, description: "The first arrival's." }),
    first_received_at: time("When the first arrival was received."),
  },
  { description: "What became of one event of a publish." },
);
export type EventResult = Static<typeof EventResult>;

const ANSWER_FIELDS = {
  count: count("Events in the request."),
  ...COUNTER_FIELDS,
};

const RESULTS = {
  results: Type.Optional(
    Type.Array(refTo("EventResult", EventResult), {
      description: "One per event, in order, where `?results=true` asked for them.",
    }),
  ),
};

export const BatchAnswer = Type.Object(
  { status: oneOf(["accepted"]), ...ANSWER_FIELDS, ...RESULTS },
  { description: "The answer to several events." },
);
export type BatchAnswer = Static<typeof BatchAnswer>;

export const EventAnswer = Type.Object(
  {
    status: oneOf(["processed", "duplicate"]),
    ...ANSWER_FIELDS,
    is_duplicate: Type.Boolean({ description: "The same as a boolean." }),
    topic: Type.String(),
    event_id: Type.String(),
    seq: Type.Integer({ minimum: 1, description: "The first arrival's." }),
    ...RESULTS,
  },
  { description: "The answer to one event that was not in a list." },
);
export type EventAnswer = Static<typeof EventAnswer>;

export const PublishAnswer = Type.Unsafe<BatchAnswer | EventAnswer>({
  oneOf: [refTo("BatchAnswer", BatchAnswer), refTo("EventAnswer", EventAnswer)],
  description: "Sent once the events, their dedup keys and the counters are on disk.",
});
export type PublishAnswer = Static<typeof PublishAnswer>;
