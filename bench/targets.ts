/** What onefold is to reach, and whether it does: made from what `limit` and `ingest` have measured, and nothing else. */

import type { Column } from "./bench.ts";
import type { IngestCase } from "./ingest/cases.ts";
import { eventsPerSecond, type IngestRow, ofBare } from "./ingest/ingest.ts";
import { highestOf, type LimitRow } from "./limit/limit.ts";
import { decimals, thousands } from "./table.ts";

export interface Measured {
  readonly limit: readonly LimitRow[];
  readonly ingest: readonly IngestRow[];
}

export interface Target {
  readonly name: string;
  readonly unit: "ratio" | "events/s";
  /** What it is to be at least; none where nothing is asked but to know it. */
  readonly min?: number;
  /** Nothing where a part of it was not measured. */
  figure(measured: Measured): number | undefined;
}

const WS_100 = {
  client: "ws",
  eventsPerBatch: 100,
  duplicates: "20 % recent",
  topics: 8,
  payload: "small",
} as const;

export const TARGETS: readonly Target[] = [
  {
    name: "/ws/publish, 100 a frame, 20 % duplicates ÷ raw appends, 2,000 rows a commit",
    unit: "ratio",
    figure: ({ ingest, limit }) =>
      ratio(speedOf(ingest, WS_100), highestOf(limit, { kind: "appends", eventsPerBatch: 2_000 })),
  },
  {
    name: "/ws/publish, 1 a frame, 256 in flight ÷ bare WebSocket echo",
    unit: "ratio",
    figure: ({ ingest, limit }) =>
      ratio(
        speedOf(ingest, { ...WS_100, eventsPerBatch: 1, inFlight: 256 }),
        highestOf(limit, { kind: "WebSocket echo", eventsPerBatch: 1 }),
      ),
  },
  bareTarget("wrk"),
  bareTarget("autocannon"),
  {
    name: "/publish, 1,000 a request",
    unit: "events/s",
    figure: ({ ingest }) => {
      const speeds = (["autocannon", "wrk"] as const).map((client) =>
        speedOf(ingest, { client, eventsPerBatch: 1_000, duplicates: "none", topics: 8, payload: "small" }),
      );
      const known = speeds.filter((speed) => speed !== undefined);
      return known.length === 0 ? undefined : Math.max(...known);
    },
  },
  {
    name: "1,000 topics ÷ 8 topics (/ws/publish, 100 a frame)",
    unit: "ratio",
    figure: ({ ingest }) => ratio(speedOf(ingest, { ...WS_100, topics: 1_000 }), speedOf(ingest, WS_100)),
  },
  {
    name: "100 % duplicates of recent events (/ws/publish, 100 a frame)",
    unit: "events/s",
    figure: ({ ingest }) => speedOf(ingest, { ...WS_100, duplicates: "100 % recent" }),
  },
  {
    name: "100 % duplicates of old events (/ws/publish, 100 a frame)",
    unit: "events/s",
    figure: ({ ingest }) => speedOf(ingest, { ...WS_100, duplicates: "100 % old" }),
  },
];

/** Both stood in turns in the same rounds, so it is the median of the rounds' ratios. */
function bareTarget(client: "wrk" | "autocannon"): Target {
  const wanted = {
    client,
    eventsPerBatch: 1,
    inFlight: 64,
    duplicates: "none",
    topics: 8,
    payload: "small",
  } as const;
  return {
    name: `/publish, 1 a request, 64 connections ÷ bare Bun.serve, under ${client}`,
    unit: "ratio",
    figure: ({ ingest }) => {
      const row = rowOf(ingest, wanted);
      return row === undefined ? undefined : ofBare(row);
    },
  };
}

export const TARGET_COLUMNS: readonly Column<{ target: Target; measured: Measured }>[] = [
  ["", ({ target }) => target.name],
  ["measured", ({ target, measured }) => shown(target, target.figure(measured))],
  ["target", ({ target }) => (target.min === undefined ? "" : `≥ ${shown(target, target.min)}`)],
  ["", ({ target, measured }) => verdictOf(target, measured)],
];

export function verdictOf(target: Target, measured: Measured): string {
  const figure = target.figure(measured);
  if (figure === undefined) return "not measured";
  if (target.min === undefined) return "no target";
  return figure >= target.min ? "met" : "missed";
}

function shown({ unit }: Target, figure: number | undefined): string {
  if (figure === undefined) return "";
  return unit === "ratio" ? decimals(figure, 2) : `${thousands(figure)} ${unit}`;
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

function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}
