/** How the fan-out reads: its rows as a table and as charts. */

import type { Chart, Column, Point } from "../bench.ts";
import type { LatencySummary } from "../load/latencies.ts";
import { decimals, thousands } from "../table.ts";

/** What is published meanwhile. */
export const EVENTS_PER_SECOND = 50_000;

/** One server with its subscribers. */
export interface Side {
  /** From the commit to a subscriber, waiting for the interval included. */
  readonly latency: LatencySummary;
  /** From the first subscriber that got a frame to each. */
  readonly spread: LatencySummary;
  readonly ticksPerSecond: number;
  /** Seconds of CPU a second. */
  readonly serverCpuShare: number;
  readonly subscriberCpuShare: number;
  readonly residentBytesPerConnection: number;
}

export interface FanoutRow {
  readonly subscribers: number;
  readonly eventsPerSecond: number;
  readonly ack: LatencySummary;
  readonly late: LatencySummary;
  readonly onefold: Side;
  readonly bare: Side;
  /** The same ingest without subscribers. */
  readonly quiet: { readonly ack: LatencySummary; readonly serverCpuShare: number };
}

/** What the subscribers cost the server, in seconds of CPU a second. */
export function fanOutCpuShare({ onefold, quiet }: FanoutRow): number {
  return onefold.serverCpuShare - quiet.serverCpuShare;
}

export const fanoutColumns: readonly Column<FanoutRow>[] = [
  ["subscribers", ({ subscribers }) => thousands(subscribers)],
  ["events/s", ({ eventsPerSecond }) => thousands(eventsPerSecond)],
  ["ticks/s", ({ onefold }) => decimals(onefold.ticksPerSecond, 1)],
  ["delivery p50 ms", ({ onefold }) => decimals(onefold.latency.p50Ms, 0)],
  ["p99 ms", ({ onefold }) => decimals(onefold.latency.p99Ms, 0)],
  ["bare p50 ms", ({ bare }) => decimals(bare.latency.p50Ms, 0)],
  ["p99 ms", ({ bare }) => decimals(bare.latency.p99Ms, 0)],
  ["p99 / bare", ({ onefold, bare }) => decimals(onefold.latency.p99Ms / bare.latency.p99Ms, 2)],
  ["spread p99 ms", ({ onefold }) => decimals(onefold.spread.p99Ms, 0)],
  ["bare", ({ bare }) => decimals(bare.spread.p99Ms, 0)],
  ["ack p50 ms", ({ ack }) => decimals(ack.p50Ms, 1)],
  ["p99 ms", ({ ack }) => decimals(ack.p99Ms, 1)],
  ["server CPU s/s", ({ onefold }) => decimals(onefold.serverCpuShare, 2)],
  ["without subscribers", ({ quiet }) => decimals(quiet.serverCpuShare, 2)],
  ["bare", ({ bare }) => decimals(bare.serverCpuShare, 2)],
  ["fan-out / bare", (row) => decimals(fanOutCpuShare(row) / row.bare.serverCpuShare, 2)],
  ["kB a connection", ({ onefold }) => decimals(onefold.residentBytesPerConnection / 1_000, 1)],
  ["bare", ({ bare }) => decimals(bare.residentBytesPerConnection / 1_000, 1)],
];

export function fanoutCharts(rows: readonly FanoutRow[]): Chart[] {
  const line = (name: string, y: (row: FanoutRow) => number) => ({
    name,
    points: rows.map((row): Point => [row.subscribers, y(row)]),
  });
  const axis = { kind: "lines", xTitle: "subscribers", isLogarithmicX: true } as const;
  return [
    {
      name: "fanout-latency",
      title: "Delivery and acknowledgement, 99th percentile",
      yTitle: "ms",
      shape: {
        ...axis,
        lines: [
          line("delivery, onefold", ({ onefold }) => onefold.latency.p99Ms),
          line("delivery, bare", ({ bare }) => bare.latency.p99Ms),
          line("acknowledgement, onefold", ({ ack }) => ack.p99Ms),
        ],
      },
    },
    {
      name: "fanout-cpu",
      title: "CPU of the server",
      yTitle: "seconds a second",
      shape: {
        ...axis,
        lines: [
          line("onefold, 50,000 events/s included", ({ onefold }) => onefold.serverCpuShare),
          line("the same ingest without subscribers", ({ quiet }) => quiet.serverCpuShare),
          line("bare, no ingest", ({ bare }) => bare.serverCpuShare),
        ],
      },
    },
  ];
}
