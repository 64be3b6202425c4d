/** `http-publish`: requests a second to POST /publish, in rounds that alternate with a bare server. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "./bench.ts";
import type { HttpLoadOptions, HttpLoadResult } from "./load/http-load.ts";
import { isWrkInstalled, runWrk } from "./load/wrk.ts";
import { runLoad } from "./load-process.ts";
import { type OnefoldNode, startOnefold } from "./onefold-node.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-usage.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { median, sum } from "./statistics.ts";
import { decimals, thousands } from "./table.ts";

const ROUNDS = 3;

interface Shape {
  readonly client: "autocannon" | "wrk";
  readonly eventsPerRequest: number;
  readonly connections: number;
}

const SHAPES: readonly Shape[] = [
  { client: "autocannon", eventsPerRequest: 1, connections: 1 },
  { client: "autocannon", eventsPerRequest: 1, connections: 16 },
  { client: "autocannon", eventsPerRequest: 1, connections: 64 },
  { client: "autocannon", eventsPerRequest: 1, connections: 256 },
  { client: "autocannon", eventsPerRequest: 100, connections: 64 },
  { client: "wrk", eventsPerRequest: 1, connections: 64 },
];

/** Every run has event numbers of its own: far more than it can use. */
const NUMBERS_PER_RUN = 1_000_000_000;

/** autocannon runs on Bun: on Node it takes about 1.7 times the CPU a request (README). */
const AUTOCANNON = [process.execPath, join(import.meta.dir, "load", "http-load.ts")];
const BARE = [process.execPath, join(import.meta.dir, "bare", "http-server.ts")];

interface Run {
  readonly requests: number;
  readonly unansweredMax: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Warm-up included. */
  readonly serverCpuMicrosecondsPerRequest: number;
}

interface Row extends Shape {
  readonly rounds: readonly { readonly onefold: Run; readonly bare: Run }[];
  readonly serverResidentBytes: number;
}

export const httpPublish: Bench<Row> = {
  name: "http-publish",
  title: `HTTP publish: 8 topics, no duplicates, synced commits; medians of ${ROUNDS} alternating rounds`,
  async run(options, progress) {
    const rows: Row[] = [];
    for (const shape of SHAPES) {
      const { client, eventsPerRequest, connections } = shape;
      if (client === "wrk" && !isWrkInstalled()) {
        progress("wrk is not installed: left out");
        continue;
      }
      progress(`${client}, ${eventsPerRequest} events a request, ${connections} connections`);
      rows.push(await runRounds(shape, options));
    }
    return rows;
  },
  columns: [
    ["client", ({ client }) => client],
    ["events a request", ({ eventsPerRequest }) => thousands(eventsPerRequest)],
    ["connections", ({ connections }) => thousands(connections)],
    ["requests/s", (row) => thousands(ofOnefold(row, (run) => run.requestsPerSecond))],
    ["bare requests/s", ({ rounds }) => thousands(median(rounds.map(({ bare }) => bare.requestsPerSecond)))],
    ["of bare", ({ rounds }) => decimals(median(rounds.map(ratio)), 2)],
    ["events/s", (row) => thousands(ofOnefold(row, (run) => run.requestsPerSecond * row.eventsPerRequest))],
    [
      "p50 ms",
      (row) =>
        decimals(
          ofOnefold(row, (run) => run.p50Ms),
          1,
        ),
    ],
    [
      "p99 ms",
      (row) =>
        decimals(
          ofOnefold(row, (run) => run.p99Ms),
          1,
        ),
    ],
    [
      "max ms",
      (row) =>
        decimals(
          ofOnefold(row, (run) => run.maxMs),
          0,
        ),
    ],
    [
      "server CPU µs/request",
      (row) =>
        decimals(
          ofOnefold(row, (run) => run.serverCpuMicrosecondsPerRequest),
          1,
        ),
    ],
    ["server RSS MB", ({ serverResidentBytes }) => thousands(serverResidentBytes / 1e6)],
  ],
};

async function runRounds(shape: Shape, options: BenchOptions): Promise<Row> {
  const bareServer = await startServer(BARE);
  let node: OnefoldNode | undefined;
  try {
    node = await startOnefold();
    const rounds: { onefold: Run; bare: Run }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const bare = await runOnce(shape, options, bareServer, round);
      rounds.push({ bare, onefold: await runOnce(shape, options, node, round) });
    }
    const events = sum(rounds.map(({ onefold }) => onefold.requests)) * shape.eventsPerRequest;
    const unansweredMax = sum(rounds.map(({ onefold }) => onefold.unansweredMax)) * shape.eventsPerRequest;
    await node.expectCounted({ received: events, unique: events, unansweredMax });
    return { ...shape, rounds, serverResidentBytes: residentBytesOf(node.pid) };
  } finally {
    await node?.stop();
    await bareServer.stop();
  }
}

async function runOnce(
  { client, eventsPerRequest, connections }: Shape,
  { seconds, warmUpSeconds }: BenchOptions,
  { url, pid }: ServerProcess,
  round: number,
): Promise<Run> {
  const options: HttpLoadOptions = {
    url: `${url}/publish`,
    connections,
    eventsPerRequest,
    firstNumber: round * NUMBERS_PER_RUN,
    warmUpSeconds,
    seconds,
  };
  const cpuSeconds = cpuSecondsOf(pid);
  const result =
    client === "wrk" ? await runWrk(options) : await runLoad<HttpLoadResult>(AUTOCANNON, options);
  const { requests, unansweredMax, requestsPerSecond, latency } = result;
  const serverCpuMicrosecondsPerRequest = ((cpuSecondsOf(pid) - cpuSeconds) / requests) * 1e6;
  return { requests, unansweredMax, requestsPerSecond, ...latency, serverCpuMicrosecondsPerRequest };
}

function ratio({ onefold, bare }: { onefold: Run; bare: Run }): number {
  return onefold.requestsPerSecond / bare.requestsPerSecond;
}

function ofOnefold({ rounds }: Row, figure: (run: Run) => number): number {
  return median(rounds.map(({ onefold }) => figure(onefold)));
}
