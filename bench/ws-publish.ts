/** `ws-publish`: events a second over /ws/publish, for frames of several sizes, beside a bare WebSocket. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "./bench.ts";
import type { WsLoadOptions, WsLoadResult } from "./load/ws-load.ts";
import { runLoad } from "./load-process.ts";
import { startOnefold } from "./onefold-node.ts";
import { startServer } from "./server-process.ts";
import { decimals, thousands } from "./table.ts";

const CONNECTIONS = 4;

interface Shape {
  readonly eventsPerFrame: number;
  /** Over all connections. */
  readonly framesInFlight: number;
}

const SHAPES: readonly Shape[] = [
  { eventsPerFrame: 1, framesInFlight: 256 },
  { eventsPerFrame: 10, framesInFlight: 32 },
  { eventsPerFrame: 100, framesInFlight: 32 },
  { eventsPerFrame: 1_000, framesInFlight: 32 },
];

const LOAD = [process.execPath, join(import.meta.dir, "load", "ws-load.ts")];
const BARE = [process.execPath, join(import.meta.dir, "bare", "ws-server.ts")];

interface Run {
  readonly eventsPerSecond: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly ackMaxMs: number;
  readonly serverCpuMicrosecondsPerEvent: number;
  readonly loadCpuMicrosecondsPerEvent: number;
  readonly serverResidentBytes: number;
}

interface Row extends Shape {
  readonly onefold: Run;
  readonly bare: Run;
}

export const wsPublish: Bench<Row> = {
  name: "ws-publish",
  title: "WebSocket publish: 8 topics, 20 % recent duplicates, synced commits, 4 connections",
  async run(options, progress) {
    const rows: Row[] = [];
    for (const shape of SHAPES) {
      progress(`${shape.eventsPerFrame} events a frame`);
      rows.push({ ...shape, bare: await runBare(shape, options), onefold: await runOnefold(shape, options) });
    }
    return rows;
  },
  columns: [
    ["events a frame", ({ eventsPerFrame }) => thousands(eventsPerFrame)],
    ["in flight", ({ framesInFlight }) => thousands(framesInFlight)],
    ["events/s", ({ onefold }) => thousands(onefold.eventsPerSecond)],
    ["bare events/s", ({ bare }) => thousands(bare.eventsPerSecond)],
    ["of bare", ({ onefold, bare }) => decimals(onefold.eventsPerSecond / bare.eventsPerSecond, 2)],
    ["ack p50 ms", ({ onefold }) => decimals(onefold.ackP50Ms, 1)],
    ["p99 ms", ({ onefold }) => decimals(onefold.ackP99Ms, 1)],
    ["max ms", ({ onefold }) => decimals(onefold.ackMaxMs, 0)],
    ["server CPU µs/event", ({ onefold }) => decimals(onefold.serverCpuMicrosecondsPerEvent, 2)],
    ["load CPU µs/event", ({ onefold }) => decimals(onefold.loadCpuMicrosecondsPerEvent, 2)],
    ["server RSS MB", ({ onefold }) => thousands(onefold.serverResidentBytes / 1e6)],
  ],
};

async function runOnefold(shape: Shape, options: BenchOptions): Promise<Run> {
  const node = await startOnefold();
  try {
    const result = await load(shape, options, node);
    await node.expectCounted(result.sent);
    return summarise(result);
  } finally {
    await node.stop();
  }
}

async function runBare(shape: Shape, options: BenchOptions): Promise<Run> {
  const server = await startServer(BARE);
  try {
    return summarise(await load(shape, options, server));
  } finally {
    await server.stop();
  }
}

function load(
  { eventsPerFrame, framesInFlight }: Shape,
  { seconds, warmUpSeconds }: BenchOptions,
  { url, pid }: { url: string; pid: number },
): Promise<WsLoadResult> {
  const options: WsLoadOptions = {
    url: `${url.replace("http", "ws")}/ws/publish`,
    serverPid: pid,
    eventsPerFrame,
    connections: CONNECTIONS,
    framesInFlightPerConnection: framesInFlight / CONNECTIONS,
    warmUpSeconds,
    seconds,
  };
  return runLoad<WsLoadResult>(LOAD, options);
}

function summarise(result: WsLoadResult): Run {
  const { events, seconds, ack } = result;
  return {
    eventsPerSecond: events / seconds,
    ackP50Ms: ack.p50Ms,
    ackP99Ms: ack.p99Ms,
    ackMaxMs: ack.maxMs,
    serverCpuMicrosecondsPerEvent: (result.serverCpuSeconds / events) * 1e6,
    loadCpuMicrosecondsPerEvent: (result.loadCpuSeconds / events) * 1e6,
    serverResidentBytes: result.serverResidentBytes,
  };
}
