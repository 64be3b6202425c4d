/** Targets of publishing: events a second, beside what the disk and bare servers can take, and how long an answer takes. */

import type { IngestCase } from "../ingest/cases.ts";
import { eventsPerSecond, type IngestRow, ofBare } from "../ingest/ingest.ts";
import { highestOf } from "../limit/limit.ts";
import type { OpenLoopRow } from "../open-loop/open-loop.ts";
import { thousands } from "../table.ts";
import { type Measured, ratio, type Target } from "./target.ts";

const WS_100 = {
  client: "ws",
  eventsPerBatch: 100,
  duplicates: "20 % recent",
  topics: 8,
  payload: "small",
} as const;

const HTTP = { duplicates: "none", topics: 8, payload: "small" } as const;

export const PUBLISHING_TARGETS: readonly Target[] = [
  {
    name: "/ws/publish, 100 a frame, 20 % duplicates ÷ raw appends, 2,000 rows a commit",
    unit: "ratio",
    bound: { min: 0.45 },
    figure: ({ ingest, limit }) =>
      ratio(speedOf(ingest, WS_100), highestOf(limit, { kind: "appends", eventsPerBatch: 2_000 })),
  },
  {
    name: "/ws/publish, 100 a frame, 20 % duplicates",
    unit: "events/s",
    bound: { min: 400_000 },
    figure: ({ ingest }) => speedOf(ingest, WS_100),
  },
  {
    name: "/ws/publish, 1 a frame, 256 in flight ÷ bare WebSocket echo",
    unit: "ratio",
    bound: { min: 0.65 },
    figure: ({ ingest, limit }) =>
      ratio(
        speedOf(ingest, { ...WS_100, eventsPerBatch: 1, inFlight: 256 }),
        highestOf(limit, { kind: "WebSocket echo", eventsPerBatch: 1 }),
      ),
  },
  bareTarget("wrk", 0.55),
  bareTarget("autocannon", 0.75),
  {
    name: "/publish, 1,000 a request",
    unit: "events/s",
    bound: { min: 350_000 },
    figure: ({ ingest }) => {
      const speeds = (["autocannon", "wrk"] as const).map((client) =>
        speedOf(ingest, { ...HTTP, client, eventsPerBatch: 1_000 }),
      );
      const known = speeds.filter((speed) => speed !== undefined);
      return known.length === 0 ? undefined : Math.max(...known);
    },
  },
  {
    name: "1,000 topics ÷ 8 topics (/ws/publish, 100 a frame)",
    unit: "ratio",
    bound: { min: 0.75 },
    figure: ({ ingest }) => ratio(speedOf(ingest, { ...WS_100, topics: 1_000 }), speedOf(ingest, WS_100)),
  },
  {
    name: "100 % duplicates of recent events (/ws/publish, 100 a frame)",
    unit: "events/s",
    bound: { min: 400_000 },
    figure: ({ ingest }) => speedOf(ingest, { ...WS_100, duplicates: "100 % recent" }),
  },
  {
    name: "100 % duplicates of old events (/ws/publish, 100 a frame)",
    unit: "events/s",
    bound: { min: 250_000 },
    figure: ({ ingest }) => speedOf(ingest, { ...WS_100, duplicates: "100 % old" }),
  },
  ackTarget("p99", 5, ({ ack }) => ack.p99Ms),
  ackTarget("p99.9", 15, ({ ack }) => ack.p999Ms),
];

/** Both stood in turns in the same rounds, so it is the median of the rounds' ratios. */
function bareTarget(client: "wrk" | "autocannon", min: number): Target {
  const wanted = { ...HTTP, client, eventsPerBatch: 1, inFlight: 64 } as const;
  return {
    name: `/publish, 1 a request, 64 connections ÷ bare Bun.serve, under ${client}`,
    unit: "ratio",
    bound: { min },
    figure: ({ ingest }) => {
      const row = rowOf(ingest, wanted);
      return row === undefined ? undefined : ofBare(row);
    },
  };
}

function ackTarget(percentile: string, max: number, of: (row: OpenLoopRow) => number): Target {
  const half = (measured: Measured): OpenLoopRow | undefined =>
    measured["open-loop"].find(({ share }) => share === 0.5);
  return {
    name: `acknowledgement ${percentile} in an open loop at half of the saturation`,
    unit: "ms",
    bound: { max },
    figure: (measured) => {
      const row = half(measured);
      return row === undefined ? undefined : of(row);
    },
    detail: (measured) => {
      const row = half(measured);
      return row === undefined ? undefined : `${thousands(row.offeredEventsPerSecond)} events/s`;
    },
  };
}

function rowOf(rows: readonly IngestRow[], wanted: Partial<IngestCase>): IngestRow | undefined {
  return rows.find((row) =>
    Object.entries(wanted).every(([name, value]) => row[name as keyof IngestCase] === value),
  );
}

function speedOf(rows: readonly IngestRow[], wanted: Partial<IngestCase>): number | undefined {
  const row = rowOf(rows, wanted);
  return row === undefined ? undefined : eventsPerSecond(row);
}
