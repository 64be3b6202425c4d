/** /ws/stats and /stats/stream as the AsyncAPI document has them. */

import { STATS_SOCKET_PARAMETERS, STATS_STREAM_PARAMETERS } from "../models/parameters.ts";
import type { DeltaFrame, SnapshotFrame, SubscribeFrame } from "../models/stats-frames.ts";
import { SUBPROTOCOL } from "../models/subprotocols.ts";
import { type Channel, type Message, onEverySocket, onEveryStream } from "./channel.ts";
import { COUNTERS, EPOCH } from "./examples.ts";

const TOLD = `A snapshot first; then a delta whenever something changed, at most once an interval, with **increments** since the revision that was told before. Snapshot and deltas, added up, equal the counters at each \`revision\`, in all and per topic, exactly and however slow the reader: what could not be sent is summed, never dropped.`;

const TELL = {
  action: "send",
  summary: "The counters, live",
  description: "A snapshot, then what is added to it.",
  messages: ["snapshot", "delta"],
} as const;

export const STATS_SOCKET_CHANNEL: Channel = {
  name: "stats",
  path: "/ws/stats",
  title: "Statistics",
  summary: "The counters live.",
  description: `${TOLD}

A client that comes back names the \`epoch\` and the \`revision\` that it knows, and gets what changed since in one delta; or a snapshot, when the epoch is another or the revision is gone. Who reads nothing for a minute is closed with 4408.`,
  parameters: STATS_SOCKET_PARAMETERS,
  subprotocols: [SUBPROTOCOL],
  operations: {
    tellStats: TELL,
    subscribeStats: {
      action: "receive",
      summary: "Another subscription",
      description: "It replaces what was subscribed, and is answered at once.",
      messages: ["subscribe"],
      reply: ["snapshot", "delta", "error"],
    },
    pingStats: {
      action: "receive",
      summary: "A sign of life",
      description: "For clients that cannot send the pings of the protocol itself, as browsers cannot.",
      messages: ["ping"],
      reply: ["pong", "error"],
    },
    ...onEverySocket("stats"),
  },
};

export const STATS_STREAM_CHANNEL: Channel = {
  name: "statsStream",
  path: "/stats/stream",
  title: "Statistics as server-sent events",
  summary: "The frames of `/ws/stats` over plain HTTP.",
  description: `${TOLD}

Each frame is the \`data\` of one event, whose \`id\` is an opaque cursor: it goes back as \`Last-Event-ID\`, which browsers send by themselves, or as \`last_event_id\`. A comment every 15 s keeps the connection open.`,
  parameters: STATS_STREAM_PARAMETERS,
  operations: { streamStats: TELL, ...onEveryStream("statsStream") },
};

export const STATS_MESSAGES = {
  subscribe: {
    title: "Subscribe",
    summary: "What to tell from now on.",
    model: "SubscribeFrame",
    examples: [
      {
        name: "patterns",
        summary: "Two patterns, four times a second",
        payload: {
          type: "subscribe",
          topics: ["orders", "payments.*"],
          interval: 250,
        } satisfies SubscribeFrame,
      },
      {
        name: "resume",
        summary: "Everything, from what is known",
        payload: { type: "subscribe", epoch: EPOCH, revision: 2 } satisfies SubscribeFrame,
      },
    ],
  },
  snapshot: {
    title: "Snapshot",
    summary: "The counters at one revision.",
    model: "SnapshotFrame",
    examples: [
      {
        name: "orders",
        summary: "An order was placed and paid, and the payment told twice",
        payload: {
          type: "snapshot",
          epoch: EPOCH,
          revision: 2,
          ...COUNTERS,
          topics: { orders: COUNTERS },
        } satisfies SnapshotFrame,
      },
    ],
  },
  delta: {
    title: "Delta",
    summary: "What was added since.",
    model: "DeltaFrame",
    examples: [
      {
        name: "again",
        summary: "The payment is told a third time",
        payload: {
          type: "delta",
          epoch: EPOCH,
          from: 2,
          revision: 3,
          received: 1,
          unique_processed: 0,
          duplicate_dropped: 1,
          conflicts: 0,
          topics: { orders: { received: 1, unique_processed: 0, duplicate_dropped: 1, conflicts: 0 } },
        } satisfies DeltaFrame,
      },
    ],
  },
} satisfies Record<string, Message>;
