/** What goes over /ws/publish, in both directions. */

import { type Static, Type } from "@sinclair/typebox";
import { TEXT_CODE_POINTS_MAX } from "../../events/event.ts";
import { eventList } from "./event.ts";
import { EventResult } from "./publish.ts";
import { count, refTo } from "./schema.ts";
import { frameId } from "./socket-frames.ts";
import { COUNTER_FIELDS } from "./stats.ts";

export const HelloFrame = Type.Object(
  {
    type: Type.Literal("hello"),
    version: Type.Literal(1, { description: "Of this protocol." }),
    max_events: Type.Integer({ minimum: 1, description: "Events in one frame." }),
    max_bytes: Type.Integer({
      minimum: 1,
      description: "Bytes of one frame; a longer one closes with 1009.",
    }),
    max_inflight: Type.Integer({
      minimum: 1,
      description: "Frames that may wait for their answer; more get 429 each.",
    }),
  },
  { description: "The first frame: what this node takes." },
);
export type HelloFrame = Static<typeof HelloFrame>;

export const AckFrame = Type.Object(
  {
    type: Type.Literal("ack"),
    frame: Type.Integer({ minimum: 1, description: "The ordinal of the frame on this socket, from 1." }),
    id: frameId("The frame's own id as it was sent, or its ordinal where it had none."),
    count: count("Events in the frame."),
    ...COUNTER_FIELDS,
    results: Type.Optional(
      Type.Array(refTo("EventResult", EventResult), {
        description: "One per event, in order, where the frame asked for them.",
      }),
    ),
  },
  { description: "The events of one frame, their dedup keys and the counters are on disk." },
);
export type AckFrame = Static<typeof AckFrame>;

/** @param eventsMax as this node is configured. */
export const publishFrame = (eventsMax: number) =>
  Type.Object(
    {
      type: Type.Optional(Type.Literal("publish")),
      id: Type.Optional({
        ...frameId("Comes back in the answer: an integer of any size, or a text."),
        maxLength: TEXT_CODE_POINTS_MAX,
      }),
      events: eventList(eventsMax),
      results: Type.Optional(
        Type.Boolean({ default: false, description: "Whether to answer with a result per event." }),
      ),
    },
    { additionalProperties: false, description: "Several events, and how to answer them." },
  );
export type PublishFrame = Static<ReturnType<typeof publishFrame>>;
