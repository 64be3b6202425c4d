/** The query parameters that channels take when they are opened. */

import { Type } from "@sinclair/typebox";
import { INTERVAL_MS_MAX, type Parameters } from "./parameters.ts";
import { interval, RESUMING } from "./stats-frames.ts";

const topics = Type.String({
  description:
    "Topics, and prefixes with one final `*`, parted by commas. Without it every topic that the credentials cover.",
  examples: ["orders,payments.*"],
});

const after = Type.String({
  default: "latest",
  description: "Events with a greater `seq` are told; 0 begins with the first. `latest` begins now.",
  examples: ["0", "latest"],
});

const lastEventId = Type.String({
  description: "The `id` of the last event that was received; beats whatever else says where to begin.",
});

const askedInterval = { ...interval, type: "integer", maximum: INTERVAL_MS_MAX };

export const STATS_SOCKET_PARAMETERS = { topics, interval: askedInterval, ...RESUMING } satisfies Parameters;

export const STATS_STREAM_PARAMETERS = {
  topics,
  interval: askedInterval,
  last_event_id: lastEventId,
} satisfies Parameters;

export const FEED_SOCKET_PARAMETERS = { topics, after } satisfies Parameters;

export const FEED_STREAM_PARAMETERS = { topics, after, last_event_id: lastEventId } satisfies Parameters;
