/** What `ingest` measures: the loads of a publish route, as a list. */

import type { DuplicateMix } from "../load/event-numbers.ts";
import { type EventShape, eventBytesOf } from "../load/event-text.ts";
import type { LoadShape } from "../load/publish-load.ts";

export type Duplicates = "none" | "20 % recent" | "20 % old" | "100 % recent" | "100 % old";

export interface IngestCase extends LoadShape, EventShape {
  readonly duplicates: Duplicates;
}

const IN_FLIGHT_OF_ONE = 256;
const IN_FLIGHT = 32;

function ws(eventsPerBatch: number, change: Partial<IngestCase> = {}): IngestCase {
  return {
    client: "ws",
    eventsPerBatch,
    inFlight: eventsPerBatch === 1 ? IN_FLIGHT_OF_ONE : IN_FLIGHT,
    duplicates: "20 % recent",
    topics: 8,
    payload: "small",
    ...change,
  };
}

function http(client: "autocannon" | "wrk", eventsPerBatch: number, inFlight: number): IngestCase {
  return { client, eventsPerBatch, inFlight, duplicates: "none", topics: 8, payload: "small" };
}

/** One thing is changed at a time. */
export const CASES: readonly IngestCase[] = [
  ws(1),
  ws(10),
  ws(100),
  ws(1_000),
  ws(100, { duplicates: "none" }),
  ws(100, { duplicates: "100 % recent" }),
  ws(100, { duplicates: "20 % old" }),
  ws(100, { duplicates: "100 % old" }),
  ws(100, { topics: 1_000 }),
  ws(100, { topics: 10_000 }),
  ws(10, { payload: "large" }),
  http("autocannon", 1, 1),
  http("autocannon", 1, 16),
  http("autocannon", 1, 64),
  http("autocannon", 1, 256),
  http("autocannon", 10, 64),
  http("autocannon", 100, 64),
  http("autocannon", 1_000, 16),
  http("wrk", 1, 64),
  http("wrk", 1_000, 16),
];

const BATCHES = [1, 10, 100, 1_000];
const CONNECTIONS = [1, 16, 64, 256];
const DUPLICATES: readonly Duplicates[] = ["none", "20 % recent", "20 % old", "100 % recent", "100 % old"];
const TOPICS = [8, 1_000, 10_000];
const PAYLOADS = ["small", "large"] as const;

/** A node refuses what does not fit into its queue (`--max-queue-bytes`, 64 MiB) or one body (16 MiB). */
const QUEUE_BYTES_MAX = 60_000_000;
const BODY_BYTES_MAX = 16_000_000;

/** Every combination that a node takes with its default limits. */
export function fullCases(): readonly IngestCase[] {
  const clients = [
    ...BATCHES.map((batch) => ws(batch)),
    ...(["autocannon", "wrk"] as const).flatMap((client) =>
      BATCHES.flatMap((batch) => CONNECTIONS.map((connections) => http(client, batch, connections))),
    ),
  ];
  return clients
    .flatMap((base) => DUPLICATES.map((duplicates) => ({ ...base, duplicates })))
    .flatMap((base) => TOPICS.map((topics) => ({ ...base, topics })))
    .flatMap((base) => PAYLOADS.map((payload) => ({ ...base, payload })))
    .filter(fits);
}

export function fits({ eventsPerBatch, inFlight, ...shape }: IngestCase): boolean {
  const bytes = eventsPerBatch * (eventBytesOf(shape) + 1);
  return bytes <= BODY_BYTES_MAX && bytes * inFlight <= QUEUE_BYTES_MAX;
}

/** What a case needs to find in the node, and which of its events it sends again. */
export interface Preparation {
  /** New events to send before. */
  readonly fillEvents: number;
  readonly duplicates: DuplicateMix;
}

/** Small events, of which a node keeps the latest 65,536 in memory; large ones fill its 32 MiB sooner. */
const OLD = {
  small: { fillEvents: 500_000, oldEvents: 400_000 },
  large: { fillEvents: 30_000, oldEvents: 20_000 },
} as const;

/** So that there is something recent when nothing new comes. */
const RECENT_FILL = 10_000;

export function preparationOf({ duplicates, payload }: IngestCase): Preparation {
  if (duplicates === "none") return { fillEvents: 0, duplicates: { percent: 0, oldEvents: 0 } };
  const percent = duplicates.startsWith("100") ? 100 : 20;
  if (duplicates.endsWith("recent")) {
    return { fillEvents: percent === 100 ? RECENT_FILL : 0, duplicates: { percent, oldEvents: 0 } };
  }
  const { fillEvents, oldEvents } = OLD[payload];
  return { fillEvents, duplicates: { percent, oldEvents } };
}
