/** `fanout`: live statistics for many subscribers while events come in, beside a bare native fan-out. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "../bench.ts";
import { type Commit, type Delivery, summariseDelivery } from "../load/delivery.ts";
import { MIX_DEFAULT } from "../load/load-result.ts";
import { expectNoneRefused, type OpenLoopResult, runOpenLoop } from "../load/open-loop.ts";
import { WS_CONNECTIONS } from "../load/publish-load.ts";
import { SubscriberProcess } from "../load/subscriber-process.ts";
import type { StatsView } from "../load/subscription.ts";
import { wallMs } from "../load/wall-clock.ts";
import { startOnefold } from "../onefold-node.ts";
import { openFilesMax } from "../open-files.ts";
import { cpuSecondsOf, residentBytesOf } from "../process-usage.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { thousands } from "../table.ts";
import { EVENTS_PER_SECOND, type FanoutRow, fanoutCharts, fanoutColumns, type Side } from "./fanout-table.ts";

const SUBSCRIBERS = [100, 1_000, 10_000];

const EVENTS_PER_FRAME = 100;

/** Files that a server has open beside its subscribers. */
const OTHER_FILES_MAX = 200;

/** Time for a server to come to rest before its memory is read. */
const REST_MS = 500;

const BARE = [process.execPath, join(import.meta.dir, "..", "bare", "fan-out.ts")];

export const fanout: Bench<FanoutRow> = {
  name: "fanout",
  title: `Fan-out of /ws/stats: 8 topics, one group, interval 100 ms, while ${thousands(EVENTS_PER_SECOND)} events/s come in; beside it a bare native publish of as many frames of the same size, without ingest`,
  async run(options, progress) {
    progress("no subscribers");
    const quiet = await measureQuiet(options);
    const rows: FanoutRow[] = [];
    for (const subscribers of SUBSCRIBERS) {
      if (openFilesMax() < subscribers + OTHER_FILES_MAX) {
        progress(`${subscribers} subscribers are left out: ulimit -n is ${openFilesMax()}, raise it`);
        continue;
      }
      progress(`${subscribers} subscribers`);
      rows.push(await measure(subscribers, quiet, options));
    }
    return rows;
  },
  columns: fanoutColumns,
  charts: fanoutCharts,
};

type Quiet = FanoutRow["quiet"];

/** The same ingest with nobody listening. */
async function measureQuiet(options: BenchOptions): Promise<Quiet> {
  const node = await startOnefold();
  try {
    const result = await publish(node, options);
    await node.expectCounted(result.sent);
    return { ack: result.ack, serverCpuShare: cpuShareOf(result) };
  } finally {
    await node.stop();
  }
}

async function measure(subscribers: number, quiet: Quiet, options: BenchOptions): Promise<FanoutRow> {
  const { frameBytes, ...onefold } = await measureOnefold(subscribers, options);
  const { ticksPerSecond } = onefold.side;
  const bare = await measureBare(subscribers, options, { frameBytes, intervalMs: 1_000 / ticksPerSecond });
  const { side, load } = onefold;
  const { eventsPerSecond, ack, late } = load;
  return { subscribers, quiet, eventsPerSecond, ack, late, onefold: side, bare };
}

async function measureOnefold(
  count: number,
  options: BenchOptions,
): Promise<{ side: Side; load: OpenLoopResult; frameBytes: number }> {
  const node = await startOnefold();
  const subscribers = new SubscriberProcess();
  try {
    const residentBytesPerConnection = await open(node, subscribers, count);
    const meter = meterCpu(subscribers.pid);
    const load = await publish(node, options);
    const subscriberCpuShare = meter();
    await node.expectCounted(load.sent);
    const truth = (await (await fetch(`${node.url}/stats`)).json()) as StatsView;
    const { frames, frameBytesMean } = await subscribers.finish(truth);
    const delivery = summariseDelivery(frames, load.commits, { ...load, subscribers: count });
    const side = sideOf(delivery, load, { residentBytesPerConnection, subscriberCpuShare });
    return { side, load, frameBytes: Math.round(frameBytesMean) };
  } finally {
    await subscribers.end();
    await node.stop();
  }
}

async function measureBare(
  count: number,
  { warmUpSeconds, seconds }: BenchOptions,
  shape: { frameBytes: number; intervalMs: number },
): Promise<Side> {
  const server = await startServer([...BARE, JSON.stringify(shape)]);
  const subscribers = new SubscriberProcess();
  try {
    const residentBytesPerConnection = await open(server, subscribers, count);
    await fetch(`${server.url}/start`);
    await Bun.sleep(warmUpSeconds * 1_000);
    const serverMeter = cpuSecondsOf(server.pid);
    const meter = meterCpu(subscribers.pid);
    const fromMs = wallMs();
    await Bun.sleep(seconds * 1_000);
    const toMs = wallMs();
    const window = { fromMs, toMs, serverCpuSeconds: cpuSecondsOf(server.pid) - serverMeter };
    const subscriberCpuShare = meter();
    const { frames } = await subscribers.finish(undefined);
    const delivery = summariseDelivery(frames, everyMillisecond(fromMs, toMs), {
      ...window,
      subscribers: count,
    });
    return sideOf(delivery, window, { residentBytesPerConnection, subscriberCpuShare });
  } finally {
    await subscribers.end();
    await server.stop();
  }
}

/** What the bare server counts. */
function everyMillisecond(fromMs: number, toMs: number): Commit[] {
  const first = Math.ceil(fromMs);
  return Array.from({ length: Math.floor(toMs) - first }, (_, i) => [first + i, first + i]);
}

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  readonly serverCpuSeconds: number;
}

function sideOf(
  { latency, spread, ticks }: Delivery,
  window: Window,
  usage: Pick<Side, "residentBytesPerConnection" | "subscriberCpuShare">,
): Side {
  const ticksPerSecond = ticks / ((window.toMs - window.fromMs) / 1_000);
  return { latency, spread, ticksPerSecond, serverCpuShare: cpuShareOf(window), ...usage };
}

function cpuShareOf({ fromMs, toMs, serverCpuSeconds }: Window): number {
  return serverCpuSeconds / ((toMs - fromMs) / 1_000);
}

/** Opens the connections; what each takes up while nothing happens, in bytes. */
async function open(
  { url, pid }: ServerProcess,
  subscribers: SubscriberProcess,
  count: number,
): Promise<number> {
  await Bun.sleep(REST_MS);
  const before = residentBytesOf(pid);
  await subscribers.open(`${url}/ws/stats`, count);
  await Bun.sleep(REST_MS);
  return (residentBytesOf(pid) - before) / count;
}

/** Tells what share of the time since now a process has computed. */
function meterCpu(pid: number): () => number {
  const startedAt = performance.now();
  const before = cpuSecondsOf(pid);
  return () => (cpuSecondsOf(pid) - before) / ((performance.now() - startedAt) / 1_000);
}

async function publish(
  node: ServerProcess,
  { warmUpSeconds, seconds }: BenchOptions,
): Promise<OpenLoopResult> {
  const result = await runOpenLoop(node, {
    eventsPerSecond: EVENTS_PER_SECOND,
    eventsPerFrame: EVENTS_PER_FRAME,
    connections: WS_CONNECTIONS,
    mix: MIX_DEFAULT,
    warmUpSeconds,
    seconds,
    wantsCommits: true,
  });
  expectNoneRefused(result);
  return result;
}
