/** What goes over /ws/events. */

import { type Static, Type } from "@sinclair/typebox";
import { FRAME_EVENTS_MAX } from "../../live/feed-frames.ts";
import { StoredEvent } from "./event.ts";
import { refTo } from "./schema.ts";

export const EventsFrame = Type.Object(
  {
    type: Type.Literal("events"),
    events: Type.Array(refTo("StoredEvent", StoredEvent), {
      minItems: 1,
      maxItems: FRAME_EVENTS_MAX,
    }),
  },
  { description: "Stored events in the order of their `seq`, none skipped and none twice." },
);
export type EventsFrame = Static<typeof EventsFrame>;

export const GapFrame = Type.Object(
  {
    type: Type.Literal("gap"),
    from: Type.Integer({ minimum: 1 }),
    to: Type.Integer({ minimum: 1 }),
  },
  {
    description:
      "Retention has removed events before they could be told: of the numbers from `from` to `to`, both inclusive, some are missing.",
  },
);
export type GapFrame = Static<typeof GapFrame>;
