/** /ws/events and /events/stream as the AsyncAPI document has them. */

import type { EventsFrame, GapFrame } from "../models/feed-frames.ts";
import { EVENTS_SOCKET_PARAMETERS, EVENTS_STREAM_PARAMETERS } from "../models/parameters.ts";
import { SUBPROTOCOL } from "../models/subprotocols.ts";
import { type Channel, type Message, onEverySocket, onEveryStream } from "./channel.ts";
import { STORED } from "./examples.ts";

const TOLD =
  "The stored events in the order of their `seq`: first those after the cursor, then each as it is committed, none skipped and none twice. A reader that falls behind is switched back to reading from the store. What retention removed before a reader came to it is told as a gap.";

const TELL = {
  action: "send",
  summary: "The events, in their order",
  description: "As they were stored, several in a frame where several are known.",
  messages: ["events", "gap"],
} as const;

export const FEED_SOCKET_CHANNEL: Channel = {
  name: "events",
  path: "/ws/events",
  title: "Events",
  summary: "The log as a feed.",
  description: `${TOLD}

A client that comes back names as \`after\` the \`seq\` that it had last. A cursor beyond the end is an error, and closes with 4400.`,
  parameters: EVENTS_SOCKET_PARAMETERS,
  subprotocols: [SUBPROTOCOL],
  operations: {
    tellEvents: TELL,
    pingEvents: {
      action: "receive",
      summary: "A sign of life",
      description: "For clients that cannot send the pings of the protocol itself, as browsers cannot.",
      messages: ["ping"],
      reply: ["pong", "error"],
    },
    ...onEverySocket("events"),
  },
};

export const FEED_STREAM_CHANNEL: Channel = {
  name: "eventsStream",
  path: "/events/stream",
  title: "Events as server-sent events",
  summary: "The frames of `/ws/events` over plain HTTP.",
  description: `${TOLD}

Each frame is the \`data\` of one event, whose \`id\` is an opaque cursor: it goes back as \`Last-Event-ID\`, which browsers send by themselves, or as \`last_event_id\`, and beats \`after\`. A comment every 15 s keeps the connection open. An error, which has no \`id\`, is the last that is told.`,
  parameters: EVENTS_STREAM_PARAMETERS,
  operations: { streamEvents: TELL, ...onEveryStream("eventsStream") },
};

export const FEED_MESSAGES = {
  events: {
    title: "Events",
    summary: "Stored events.",
    model: "EventsFrame",
    examples: [
      {
        name: "paid",
        summary: "The payment",
        payload: { type: "events", events: [STORED] } satisfies EventsFrame,
      },
    ],
  },
  gap: {
    title: "Gap",
    summary: "What cannot be told any more.",
    model: "GapFrame",
    examples: [
      {
        name: "gap",
        summary: "Of the first ninety some are gone",
        payload: { type: "gap", from: 1, to: 90 } satisfies GapFrame,
      },
    ],
  },
} satisfies Record<string, Message>;
