/** /ws/publish as the AsyncAPI document has it. */

import type { AckFrame, HelloFrame, PublishFrame } from "../models/publish-frames.ts";
import { PUBLISH_SUBPROTOCOLS } from "../models/subprotocols.ts";
import { type Channel, type ChannelLimits, type Message, onEverySocket } from "./channel.ts";
import { PAID, PAID_AGAIN, PAID_CLOUD_EVENT, PLACED } from "./examples.ts";

export const PUBLISH_CHANNEL: Channel = {
  name: "publish",
  path: "/ws/publish",
  title: "Publish",
  summary: "A persistent channel to publish on.",
  description: `Each frame is answered once, in the order of the frames, after its commit. Frames need not wait for the answers to earlier ones. A frame that is refused does not close the channel.

Whoever loses the connection reconnects and sends again what was not acknowledged: duplicates are harmless by construction.`,
  parameters: {},
  subprotocols: PUBLISH_SUBPROTOCOLS,
  operations: {
    greet: {
      action: "send",
      summary: "The greeting",
      description: "What this node takes: the first frame on every channel.",
      messages: ["hello"],
    },
    publishFrames: {
      action: "receive",
      summary: "Events in, answers out",
      description:
        "Under the subprotocol `onefold.v1`, or none. The events of one frame are committed as one: all of them are taken, or none is. The answer has the `frame` and the `id` of what it answers.",
      messages: ["publish", "event", "eventList"],
      reply: ["ack", "error"],
    },
    publishCloudEvents: {
      action: "receive",
      summary: "CloudEvents in, answers out",
      description:
        "Under the subprotocol `cloudevents.json`, and there alone: one CloudEvent in a frame, in the JSON format. The `id` of the answer is the frame's ordinal.",
      messages: ["cloudEvent"],
      reply: ["ack", "error"],
    },
    ...onEverySocket("publish"),
  },
};

/** The greeting tells the limits of this node. */
export function publishMessages(limits: ChannelLimits) {
  return { hello: hello(limits), ...MESSAGES } satisfies Record<string, Message>;
}

function hello({ eventsMax, bodyBytesMax, inflightMax }: ChannelLimits): Message {
  return {
    title: "Hello",
    summary: "The limits of this node.",
    model: "HelloFrame",
    examples: [
      {
        name: "limits",
        summary: "As this node is set",
        payload: {
          type: "hello",
          version: 1,
          max_events: eventsMax,
          max_bytes: bodyBytesMax,
          max_inflight: inflightMax,
        } satisfies HelloFrame,
      },
    ],
  };
}

const MESSAGES = {
  publish: {
    title: "Publish",
    summary: "Several events, and how to answer them.",
    model: "PublishFrame",
    correlation: "frameId",
    examples: [
      {
        name: "two",
        summary: "An order is placed and paid",
        payload: { type: "publish", id: 7, events: [PLACED, PAID] } satisfies PublishFrame,
      },
      {
        name: "results",
        summary: "Asking what became of each event",
        payload: { type: "publish", id: "paid", events: [PAID], results: true } satisfies PublishFrame,
      },
    ],
  },
  event: {
    title: "One event",
    summary: "A bare event; the answer has its ordinal as `id`.",
    model: "Event",
    examples: [{ name: "paid", summary: "The payment", payload: PAID }],
  },
  eventList: {
    title: "Several events",
    summary: "A bare array; the answer has its ordinal as `id`.",
    model: "EventList",
    examples: [{ name: "two", summary: "An order is placed and paid", payload: [PLACED, PAID] }],
  },
  cloudEvent: {
    title: "CloudEvent",
    summary: "One event, in the JSON format of CloudEvents 1.0.",
    model: "CloudEvent",
    examples: [{ name: "paid", summary: "The payment", payload: PAID_CLOUD_EVENT }],
  },
  ack: {
    title: "Acknowledgement",
    summary: "The events of one frame are on disk and counted.",
    model: "AckFrame",
    correlation: "frameId",
    examples: [
      {
        name: "two",
        summary: "Both were new",
        payload: {
          type: "ack",
          frame: 1,
          id: 7,
          count: 2,
          received: 2,
          unique_processed: 2,
          duplicate_dropped: 0,
          conflicts: 0,
        } satisfies AckFrame,
      },
      {
        name: "results",
        summary: "The payment was known, and a result per event was asked for",
        payload: {
          type: "ack",
          frame: 2,
          id: "paid",
          count: 1,
          received: 1,
          unique_processed: 0,
          duplicate_dropped: 1,
          conflicts: 0,
          results: [PAID_AGAIN],
        } satisfies AckFrame,
      },
    ],
  },
} satisfies Record<string, Message>;
