/** `ingest`: events a second into a node, over every publish route, beside a bare server under the same client. */

import { join } from "node:path";
import type { Bench, BenchOptions, Chart, Column } from "../bench.ts";
import { type Figures, figuresOf, medianFigures, ROUNDS, roundTimes } from "../load/figures.ts";
import type { EventMix, LoadResult } from "../load/load-result.ts";
import { fill, runPublishLoad, WS_CONNECTIONS } from "../load/publish-load.ts";
import { isWrkInstalled } from "../load/wrk.ts";
import { type OnefoldNode, startOnefold } from "../onefold-node.ts";
import { MAIN_THREAD } from "../process-usage.ts";
import { startServer } from "../server-process.ts";
import { median } from "../statistics.ts";
import { decimals, thousands } from "../table.ts";
import { CASES, fullCases, type IngestCase, preparationOf } from "./cases.ts";

export interface IngestRow extends IngestCase {
  readonly rounds: readonly Round[];
}

interface Round {
  readonly bare: Figures;
  readonly onefold: Figures;
}

const BARE_HTTP = [process.execPath, join(import.meta.dir, "../bare/http-server.ts")];
const BARE_WS = [process.execPath, join(import.meta.dir, "../bare/ws-server.ts")];

export const ingest: Bench<IngestRow> = {
  name: "ingest",
  title: `Publishing: synced commits; medians of ${ROUNDS} rounds, a bare server and onefold in turns. ws: /ws/publish over ${WS_CONNECTIONS} connections; autocannon, wrk: POST /publish, a request in flight on each connection`,
  async run(options, progress) {
    const rows: IngestRow[] = [];
    for (const ingestCase of options.isFull ? fullCases() : CASES) {
      if (ingestCase.client === "wrk" && !isWrkInstalled()) {
        progress("wrk is not installed: left out");
        continue;
      }
      progress(nameOf(ingestCase));
      rows.push({ ...ingestCase, rounds: await measureCase(ingestCase, options) });
    }
    return rows;
  },
  columns: [
    ["client", ({ client }) => client],
    ["events a batch", ({ eventsPerBatch }) => thousands(eventsPerBatch)],
    ["in flight", ({ inFlight }) => thousands(inFlight)],
    ["duplicates", ({ duplicates }) => duplicates],
    ["topics", ({ topics }) => thousands(topics)],
    ["events", ({ payload }) => payload],
    column("events/s", (figures) => thousands(figures.eventsPerSecond)),
    ["bare events/s", (row) => thousands(median(row.rounds.map(({ bare }) => bare.eventsPerSecond)))],
    ["of bare", (row) => decimals(ofBare(row), 2)],
    column("ack p50 / p99 / p99.9 / max ms", ({ ack }) =>
      [ack.p50Ms, ack.p99Ms, ack.p999Ms, ack.maxMs].map((ms) => decimals(ms, 1)).join(" / "),
    ),
    column("CPU µs/event", (figures) => decimals(figures.serverCpuMicrosecondsPerEvent, 2)),
    column("edge", (figures) => decimals(figures.threadCpuMicrosecondsPerEvent[MAIN_THREAD] ?? 0, 2)),
    column("ledger", (figures) => decimals(figures.threadCpuMicrosecondsPerEvent.ledger ?? 0, 2)),
    column("other threads", (figures) => decimals(otherThreads(figures), 2)),
    column("load CPU", (figures) => decimals(figures.loadCpuMicrosecondsPerEvent, 2)),
    column("RSS MB", ({ serverResidentBytes }) => thousands(serverResidentBytes / 1e6)),
  ],
  charts: (rows) => [sizesChart(rows), ...variationsChart(rows)],
};

function column(heading: string, cell: (figures: Figures) => string): Column<IngestRow> {
  return [heading, ({ rounds }) => cell(medianFigures(rounds.map(({ onefold }) => onefold)))];
}

/** The median of the rounds' ratios: a machine that slows down in between does not show in it. */
export function ofBare({ rounds }: IngestRow): number {
  return median(rounds.map(({ onefold, bare }) => onefold.eventsPerSecond / bare.eventsPerSecond));
}

export function eventsPerSecond({ rounds }: IngestRow): number {
  return median(rounds.map(({ onefold }) => onefold.eventsPerSecond));
}

/** The compiler's, the collector's, those that read and that copy the log. */
function otherThreads({ threadCpuMicrosecondsPerEvent }: Figures): number {
  const others = Object.entries(threadCpuMicrosecondsPerEvent).filter(
    ([name]) => name !== MAIN_THREAD && name !== "ledger",
  );
  return others.reduce((sum, [, microseconds]) => sum + microseconds, 0);
}

function nameOf({ client, eventsPerBatch, inFlight, duplicates, topics, payload }: IngestCase): string {
  return `${client}, ${eventsPerBatch} a batch, ${inFlight} in flight, duplicates ${duplicates}, ${topics} topics, ${payload}`;
}

/** @throws Error when the node has counted anything else than what was sent. */
export async function measureCase(
  ingestCase: IngestCase,
  options: Pick<BenchOptions, "seconds" | "warmUpSeconds">,
): Promise<readonly Round[]> {
  const bareServer = await startServer(ingestCase.client === "ws" ? BARE_WS : BARE_HTTP);
  let node: OnefoldNode | undefined;
  try {
    node = await startOnefold(["--max-topics", String(ingestCase.topics)]);
    const { fillEvents, duplicates } = preparationOf(ingestCase);
    const { topics, payload } = ingestCase;
    let mix: EventMix = { shape: { topics, payload }, duplicates, firstNumber: 0 };
    const sent: LoadResult["sent"][] = [];
    const add = (more: LoadResult["sent"]): void => {
      sent.push(more);
      mix = { ...mix, firstNumber: mix.firstNumber + more.unique };
    };
    if (fillEvents > 0) add(await fill(node, { events: fillEvents, mix }));
    const rounds: Round[] = [];
    for (const times of roundTimes(options, ingestCase.client)) {
      const load = { shape: ingestCase, mix, ...times };
      const bare = await runPublishLoad(bareServer, load);
      const onefold = await runPublishLoad(node, load);
      add(onefold.sent);
      rounds.push({ bare: figuresOf(bare), onefold: figuresOf(onefold) });
    }
    await node.expectCounted(sumOf(sent));
    return rounds;
  } finally {
    await node?.stop();
    await bareServer.stop();
  }
}

function sumOf(sent: readonly LoadResult["sent"][]): LoadResult["sent"] {
  return sent.reduce((a, b) => ({
    received: a.received + b.received,
    unique: a.unique + b.unique,
    unansweredMax: a.unansweredMax + b.unansweredMax,
  }));
}

/** How the routes fare as batches grow: each at its fullest. */
function sizesChart(rows: readonly IngestRow[]): Chart {
  const clients = [...new Set(rows.map(({ client }) => client))];
  const plain = rows.filter(({ topics, payload }) => topics === 8 && payload === "small");
  const lines = clients.flatMap((client) => {
    const ofClient = plain.filter(
      (row) => row.client === client && row.duplicates === (client === "ws" ? "20 % recent" : "none"),
    );
    const batches = [...new Set(ofClient.map(({ eventsPerBatch }) => eventsPerBatch))];
    const best = (batch: number, figure: (row: IngestRow) => number): number =>
      Math.max(...ofClient.filter(({ eventsPerBatch }) => eventsPerBatch === batch).map(figure));
    const bare = (row: IngestRow): number => median(row.rounds.map((round) => round.bare.eventsPerSecond));
    return [
      { name: client, points: batches.map((batch) => [batch, best(batch, eventsPerSecond)] as const) },
      { name: `${client}, bare`, points: batches.map((batch) => [batch, best(batch, bare)] as const) },
    ];
  });
  return {
    name: "ingest-batches",
    title: "Events a second, by events in one frame or request",
    yTitle: "events/s",
    shape: { kind: "lines", xTitle: "events a batch", isLogarithmicX: true, isLogarithmicY: true, lines },
  };
}

/** What duplicates, topics and size do to one load: a hundred events a frame. */
function variationsChart(rows: readonly IngestRow[]): Chart[] {
  const shown = rows.filter(
    ({ client, eventsPerBatch, payload }) => client === "ws" && eventsPerBatch === 100 && payload === "small",
  );
  if (shown.length === 0) return [];
  const labels = shown.map(({ duplicates, topics }) => `${duplicates}, ${thousands(topics)} topics`);
  return [
    {
      name: "ingest-variations",
      title: "/ws/publish, 100 events a frame: duplicates and topics",
      yTitle: "events/s",
      shape: {
        kind: "bars",
        labels,
        series: [{ name: "onefold", values: shown.map(eventsPerSecond) }],
      },
    },
  ];
}
