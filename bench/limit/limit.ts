/** `limit`: what the machine, SQLite and Bun can take without onefold, so that its figures have something to stand beside. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "../bench.ts";
import { type Figures, figuresOf, medianFigures, ROUNDS, roundTimes } from "../load/figures.ts";
import type { LatencySummary } from "../load/latencies.ts";
import { MIX_DEFAULT } from "../load/load-result.ts";
import { type LoadShape, runPublishLoad } from "../load/publish-load.ts";
import { isWrkInstalled } from "../load/wrk.ts";
import { startServer } from "../server-process.ts";
import { decimals, thousands } from "../table.ts";
import { type AppendOptions, type AppendResult, measureAppends } from "./appends.ts";

export type LimitKind = "appends" | "bare HTTP" | "bare WebSocket" | "WebSocket echo";

export interface LimitRow {
  readonly kind: LimitKind;
  /** Who asks: a client, or nobody but the loop that appends. */
  readonly client: LoadShape["client"] | "none";
  /** Events in one commit, frame or request. */
  readonly eventsPerBatch: number;
  readonly setting: string;
  readonly eventsPerSecond: number;
  /** Of a commit, or from a batch to its answer. */
  readonly latency: LatencySummary;
  /** Of what is measured, its client not counted. */
  readonly cpuMicrosecondsPerEvent: number;
  readonly residentBytes: number;
}

type Times = Pick<BenchOptions, "seconds" | "warmUpSeconds">;

interface Limit {
  readonly name: string;
  /** Nothing where the machine lacks the client. */
  measure(times: Times): Promise<LimitRow> | undefined;
}

const SERVERS = {
  "bare HTTP": "http-server.ts",
  "bare WebSocket": "ws-server.ts",
  "WebSocket echo": "ws-echo-server.ts",
} as const;

const NO_CHECKPOINTS = "no checkpoints";

const LIMITS: readonly Limit[] = [
  appends(200, "in commits"),
  appends(2_000, "in commits"),
  appends(2_000, "none"),
  server("bare HTTP", { client: "autocannon", eventsPerBatch: 1, inFlight: 64 }),
  server("bare HTTP", { client: "wrk", eventsPerBatch: 1, inFlight: 64 }),
  ...(["WebSocket echo", "bare WebSocket"] as const).flatMap((kind) => [
    server(kind, { client: "ws", eventsPerBatch: 1, inFlight: 256 }),
    server(kind, { client: "ws", eventsPerBatch: 100, inFlight: 32 }),
    server(kind, { client: "ws", eventsPerBatch: 1_000, inFlight: 32 }),
  ]),
];

export const limit: Bench<LimitRow> = {
  name: "limit",
  title: `Limits: what is there without onefold; medians of ${ROUNDS} rounds`,
  async run(options, progress) {
    const rows: LimitRow[] = [];
    for (const { name, measure } of LIMITS) {
      const row = measure(options);
      progress(row === undefined ? `${name}: left out, wrk is not installed` : name);
      if (row !== undefined) rows.push(await row);
    }
    return rows;
  },
  columns: [
    ["limit", ({ kind }) => kind],
    ["client", ({ client }) => client],
    ["events a batch", ({ eventsPerBatch }) => thousands(eventsPerBatch)],
    ["", ({ setting }) => setting],
    ["events/s", (row) => thousands(row.eventsPerSecond)],
    ["CPU µs/event", (row) => decimals(row.cpuMicrosecondsPerEvent, 2)],
    ["p50 ms", ({ latency }) => decimals(latency.p50Ms, 1)],
    ["p99 ms", ({ latency }) => decimals(latency.p99Ms, 1)],
    ["worst ms", ({ latency }) => decimals(latency.maxMs, 1)],
    ["RSS MB", ({ residentBytes }) => thousands(residentBytes / 1e6)],
  ],
  charts: (rows) => [
    {
      name: "limit",
      title: "What is there without onefold, 203-byte events",
      yTitle: "events/s",
      shape: {
        kind: "bars",
        labels: rows.map(labelOf),
        series: [{ name: "events/s", values: rows.map((row) => row.eventsPerSecond) }],
      },
    },
  ],
};

/** How many are in a batch, and what else tells rows of one limit apart. */
function labelOf({ kind, client, eventsPerBatch, setting }: LimitRow): string {
  const batch = thousands(eventsPerBatch);
  if (kind === "appends")
    return `${kind} ${batch} a commit${setting === NO_CHECKPOINTS ? `, ${setting}` : ""}`;
  return kind === "bare HTTP" ? `${kind} ${batch} a request, ${client}` : `${kind} ${batch} a frame`;
}

function appends(rowsPerCommit: number, checkpoints: AppendOptions["checkpoints"]): Limit {
  const setting = checkpoints === "none" ? NO_CHECKPOINTS : "SQLite's own checkpoints";
  return {
    name: `appends, ${rowsPerCommit} rows a commit, ${setting}`,
    async measure(times) {
      const rounds: AppendResult[] = [];
      for (const round of roundTimes(times, "none"))
        rounds.push(await measureAppends({ rowsPerCommit, checkpoints, ...round }));
      const figures = medianFigures(rounds.map(figuresOfAppends));
      return {
        kind: "appends",
        client: "none",
        eventsPerBatch: rowsPerCommit,
        setting,
        ...summaryOf(figures),
      };
    },
  };
}

function figuresOfAppends({ rows, seconds, cpuSeconds, commit, residentBytes }: AppendResult): Figures {
  return {
    eventsPerSecond: rows / seconds,
    ack: commit,
    serverCpuMicrosecondsPerEvent: (cpuSeconds / rows) * 1e6,
    threadCpuMicrosecondsPerEvent: {},
    loadCpuMicrosecondsPerEvent: 0,
    serverResidentBytes: residentBytes,
  };
}

function server(kind: keyof typeof SERVERS, shape: LoadShape): Limit {
  const { client, eventsPerBatch, inFlight } = shape;
  const setting = `${inFlight} in flight`;
  return {
    name: `${kind}, ${client}, ${eventsPerBatch} events a batch`,
    measure(times) {
      if (client === "wrk" && !isWrkInstalled()) return undefined;
      return measureServer(kind, shape, times).then((figures) => ({
        kind,
        client,
        eventsPerBatch,
        setting,
        ...summaryOf(figures),
      }));
    },
  };
}

async function measureServer(kind: keyof typeof SERVERS, shape: LoadShape, times: Times): Promise<Figures> {
  const bare = await startServer([process.execPath, join(import.meta.dir, "../bare", SERVERS[kind])]);
  try {
    const rounds: Figures[] = [];
    for (const round of roundTimes(times, shape.client)) {
      const load = { shape, mix: MIX_DEFAULT, isEcho: kind === "WebSocket echo", ...round };
      rounds.push(figuresOf(await runPublishLoad(bare, load)));
    }
    return medianFigures(rounds);
  } finally {
    await bare.stop();
  }
}

function summaryOf(
  figures: Figures,
): Pick<LimitRow, "eventsPerSecond" | "latency" | "cpuMicrosecondsPerEvent" | "residentBytes"> {
  return {
    eventsPerSecond: figures.eventsPerSecond,
    latency: figures.ack,
    cpuMicrosecondsPerEvent: figures.serverCpuMicrosecondsPerEvent,
    residentBytes: figures.serverResidentBytes,
  };
}

/** The highest that any of the rows of a limit reached, or nothing where it was not measured. */
export function highestOf(
  rows: readonly LimitRow[],
  wanted: Partial<Pick<LimitRow, "kind" | "client" | "eventsPerBatch">>,
): number | undefined {
  const found = rows.filter((row) =>
    Object.entries(wanted).every(([name, value]) => row[name as keyof typeof wanted] === value),
  );
  return found.length === 0 ? undefined : Math.max(...found.map((row) => row.eventsPerSecond));
}
