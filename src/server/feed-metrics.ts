/** Metrics of the readers of the events themselves. */

import type { NodeMetric, Sample } from "./metric.ts";

export const FEED_METRICS: readonly NodeMetric[] = [
  {
    name: "onefold_feed_readers",
    help: "Readers of the feed of events.",
    type: "gauge",
    unit: "readers",
    labels: [],
    of: "node",
    read: ({ feed }) => one(feed.figures.readers),
  },
  {
    name: "onefold_feed_readers_catching_up",
    help: "Readers of the feed of events that are told from the store, since they are far behind.",
    type: "gauge",
    unit: "readers",
    labels: [],
    of: "node",
    read: ({ feed }) => one(feed.figures.catchingUp),
  },
  {
    name: "onefold_feed_events_told_total",
    help: "Events sent to readers of the feed since the start, once for each reader.",
    type: "counter",
    unit: "events",
    labels: [],
    of: "node",
    read: ({ feed }) => one(feed.figures.eventsTold),
  },
  {
    name: "onefold_feed_unread_bytes",
    help: "What readers of the feed were sent and have not read.",
    type: "gauge",
    unit: "bytes",
    labels: [],
    of: "node",
    read: ({ feed }) => one(feed.figures.unreadBytes),
  },
];

function one(value: number): Sample[] {
  return [{ labels: [], value }];
}
