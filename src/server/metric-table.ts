/** Every metric once: its name, what it means, whom it concerns, and where its value comes from. */

import type { Counters } from "../events/event.ts";
import { LEDGER_STATES } from "../ingest/ledger-client.ts";
import { VERSION } from "../version.ts";
import { FEED_METRICS } from "./feed-metrics.ts";
import type { Metric, NodeMetric, Sample, TopicMetric } from "./metric.ts";
import { cpuSeconds, openFiles, openFilesMax, residentBytes } from "./process-figures.ts";
import { openSockets, SOCKET_ROUTES } from "./sockets.ts";

const COUNTED = {
  received: "All arrivals: first arrivals and duplicates.",
  unique_processed: "First arrivals, which were stored.",
  duplicate_dropped: "Later arrivals with a key that was known.",
  conflicts: "Duplicates whose payload differed from the first arrival's.",
} as const satisfies Record<keyof Counters, string>;

type CounterName = keyof typeof COUNTED;

const COUNTER_METRICS = (Object.keys(COUNTED) as CounterName[]).flatMap((counter): TopicMetric[] => [
  {
    name: `onefold_events_${counter}_total`,
    help: `${COUNTED[counter]} Over all topics.`,
    type: "counter",
    unit: "events",
    labels: [],
    of: "topics",
    read: ({ totals }) => one(totals[counter]),
  },
  {
    name: `onefold_topic_events_${counter}_total`,
    help: `${COUNTED[counter]} By topic.`,
    type: "counter",
    unit: "events",
    labels: ["topic"],
    of: "topics",
    read: ({ listed }) => listed.map((topic) => ({ labels: [topic.name], value: topic[counter] })),
  },
]);

const TOPIC_METRICS: readonly TopicMetric[] = [
  ...COUNTER_METRICS,
  {
    name: "onefold_topics",
    help: "Topics that there are, also those without series of their own.",
    type: "gauge",
    unit: "topics",
    labels: [],
    of: "topics",
    read: ({ count }) => one(count),
  },
];

/** What was taken and refused, and what waits. */
const TRAFFIC_METRICS: readonly NodeMetric[] = [
  {
    name: "onefold_publish_rejected_total",
    help: "Publish requests and frames answered 4xx since the start.",
    type: "counter",
    unit: "publishes",
    labels: [],
    of: "node",
    read: ({ hub }) => one(hub.board.rejected),
  },
  {
    name: "onefold_refused_total",
    help: "Problems answered since the start, over HTTP and in frames, by their code.",
    type: "counter",
    unit: "answers",
    labels: ["code"],
    of: "node",
    read: ({ refusals }) => refusals.all.map(([code, value]) => ({ labels: [code], value })),
  },
  {
    name: "onefold_waiting_publishes",
    help: "Bodies and frames that wait to be committed.",
    type: "gauge",
    unit: "publishes",
    labels: [],
    of: "node",
    read: ({ ledger }) => one(ledger.waiting),
  },
  {
    name: "onefold_waiting_bytes",
    help: "Text in the bodies and frames that wait to be committed.",
    type: "gauge",
    unit: "bytes",
    labels: [],
    of: "node",
    read: ({ ledger }) => one(ledger.waitingBytes),
  },
  {
    name: "onefold_idempotency_answers",
    help: "Answers that are kept for requests with an Idempotency-Key.",
    type: "gauge",
    unit: "answers",
    labels: [],
    of: "node",
    read: ({ keyedRequests }) => one(keyedRequests.kept.count),
  },
  {
    name: "onefold_idempotency_answers_bytes",
    help: "What these answers take, as `--max-idempotency-bytes` counts it.",
    type: "gauge",
    unit: "bytes",
    labels: [],
    of: "node",
    read: ({ keyedRequests }) => one(keyedRequests.kept.bytes),
  },
  {
    name: "onefold_idempotency_in_flight",
    help: "Requests with an Idempotency-Key whose answer is not decided yet.",
    type: "gauge",
    unit: "requests",
    labels: [],
    of: "node",
    read: ({ keyedRequests }) => one(keyedRequests.inFlight),
  },
  {
    name: "onefold_idempotency_replayed_total",
    help: "Requests that got the answer of an earlier one with the same key, since the start.",
    type: "counter",
    unit: "requests",
    labels: [],
    of: "node",
    read: ({ keyedRequests }) => one(keyedRequests.replayed),
  },
  {
    name: "onefold_limit",
    help: "The limits that this node was started with, by the name of their setting; times in seconds.",
    type: "gauge",
    unit: "the setting's",
    labels: ["name"],
    of: "node",
    read: ({ limitSettings }) =>
      Object.entries(limitSettings).map(([name, value]) => ({ labels: [name], value })),
  },
  {
    name: "onefold_open_sockets",
    help: "WebSockets that are open, by route.",
    type: "gauge",
    unit: "sockets",
    labels: ["route"],
    of: "node",
    read: () => socketsByRoute(),
  },
  {
    name: "onefold_open_streams",
    help: "Streams of server-sent events that are open, by route.",
    type: "gauge",
    unit: "streams",
    labels: ["route"],
    of: "node",
    read: ({ streams }) => streams.counts.map(([route, value]) => ({ labels: [route], value })),
  },
  {
    name: "onefold_subscribers",
    help: "Subscribers of live statistics, on sockets and streams.",
    type: "gauge",
    unit: "subscribers",
    labels: [],
    of: "node",
    read: ({ hub }) => one(hub.subscribers),
  },
];

/** How near the limits of who comes are, and how often they were reached. */
const ADMISSION_METRICS: readonly NodeMetric[] = [
  {
    name: "onefold_connections",
    help: "Open WebSockets and streams, and HTTP requests in flight; connections that are idle are not known.",
    type: "gauge",
    unit: "connections",
    labels: [],
    of: "node",
    read: ({ admission }) => one(admission.connections.open),
  },
  {
    name: "onefold_connections_refused_total",
    help: "Requests and sockets for which there was no place, in all or of their address, since the start.",
    type: "counter",
    unit: "connections",
    labels: [],
    of: "node",
    read: ({ admission }) => one(admission.connections.refused),
  },
  {
    name: "onefold_rate_limited_total",
    help: "Refusals because of a rate, by what was counted, since the start; none where no rate is set.",
    type: "counter",
    unit: "answers",
    labels: ["counted"],
    of: "node",
    read: ({ admission: { rates } }) =>
      Object.entries(rates?.refused ?? {}).map(([counted, value]) => ({ labels: [counted], value })),
  },
  {
    name: "onefold_control_frames_refused_total",
    help: "Frames beside publishes that came too fast on their socket, since the start.",
    type: "counter",
    unit: "frames",
    labels: [],
    of: "node",
    read: ({ admission }) => one(admission.controlFrames.refused),
  },
  {
    name: "onefold_bodies_arriving",
    help: "Bodies of requests that have not arrived as a whole.",
    type: "gauge",
    unit: "bodies",
    labels: [],
    of: "node",
    read: ({ bodies }) => one(bodies.reading),
  },
  {
    name: "onefold_answers_sending_bytes",
    help: "Answers above 64 KiB that are not yet read by who asked.",
    type: "gauge",
    unit: "bytes",
    labels: [],
    of: "node",
    read: ({ answers }) => one(answers.bytes),
  },
];

/** How the node is. */
const STATE_METRICS: readonly NodeMetric[] = [
  {
    name: "onefold_ready",
    help: "1 while publishes are stored, else 0; what /health/ready answers by.",
    type: "gauge",
    unit: "0 or 1",
    labels: [],
    of: "node",
    read: ({ ledger }) => one(ledger.isReady ? 1 : 0),
  },
  {
    name: "onefold_storage_state",
    help: "1 for the state that the storage is in, 0 for every other.",
    type: "gauge",
    unit: "0 or 1",
    labels: ["state"],
    of: "node",
    read: ({ ledger }) =>
      LEDGER_STATES.map((state) => ({ labels: [state], value: ledger.state === state ? 1 : 0 })),
  },
  {
    name: "onefold_revision",
    help: "Commits in the counters since their epoch began; starts over with it.",
    type: "gauge",
    unit: "commits",
    labels: [],
    of: "node",
    read: ({ hub }) => (hub.board.isOpen ? one(hub.board.revision) : []),
  },
  {
    name: "onefold_build_info",
    help: "Always 1; what runs is in the labels.",
    type: "gauge",
    unit: "1",
    labels: ["version", "bun"],
    of: "node",
    read: () => [{ labels: [VERSION, Bun.version], value: 1 }],
  },
];

/** Of the process, under the names that Prometheus' own clients give them. */
const PROCESS_METRICS: readonly NodeMetric[] = [
  {
    name: "process_cpu_seconds_total",
    help: "Time on processors, of all threads.",
    type: "counter",
    unit: "seconds",
    labels: [],
    of: "node",
    read: () => one(cpuSeconds()),
  },
  {
    name: "process_resident_memory_bytes",
    help: "Memory that the process has in use.",
    type: "gauge",
    unit: "bytes",
    labels: [],
    of: "node",
    read: () => one(residentBytes()),
  },
  {
    name: "process_open_fds",
    help: "Files and connections that are open; on Linux only.",
    type: "gauge",
    unit: "descriptors",
    labels: [],
    of: "node",
    read: () => one(openFiles()),
  },
  {
    name: "process_max_fds",
    help: "Files and connections that may be open; on Linux only.",
    type: "gauge",
    unit: "descriptors",
    labels: [],
    of: "node",
    read: () => one(openFilesMax()),
  },
  {
    name: "process_start_time_seconds",
    help: "When the process started, since 1970.",
    type: "gauge",
    unit: "seconds",
    labels: [],
    of: "node",
    read: ({ clock }) => one(clock.startedAt / 1_000),
  },
  {
    name: "process_uptime_seconds",
    help: "How long the process has been running.",
    type: "gauge",
    unit: "seconds",
    labels: [],
    of: "node",
    read: ({ clock }) => one((clock.now() - clock.startedAt) / 1_000),
  },
];

export const METRICS: readonly Metric[] = [
  ...TOPIC_METRICS,
  ...TRAFFIC_METRICS,
  ...FEED_METRICS,
  ...ADMISSION_METRICS,
  ...STATE_METRICS,
  ...PROCESS_METRICS,
];

function one(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: [], value }];
}

function socketsByRoute(): Sample[] {
  const counts = new Map<string, number>(SOCKET_ROUTES.map((route) => [route, 0]));
  for (const { path } of openSockets.values()) counts.set(path, (counts.get(path) ?? 0) + 1);
  return [...counts].map(([route, value]) => ({ labels: [route], value }));
}
