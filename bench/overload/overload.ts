/** `overload`: many times what a node can take: how fast it says no, what it keeps taking, and how it is afterwards. */

import { join } from "node:path";
import { lacksSystemFaults, slowSyncs } from "../../tests/support/system-faults.ts";
import type { Bench, BenchOptions } from "../bench.ts";

import { MIX_ALL_NEW } from "../load/load-result.ts";
import { type LoadShape, runPublishLoad } from "../load/publish-load.ts";
import { runLoad } from "../load-process.ts";
import { type OnefoldNode, startOnefold } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import type { FloodOptions, FloodResult } from "./flood.ts";
import { type Watched, Watcher } from "./watcher.ts";

const FLOOD = [process.execPath, join(import.meta.dir, "flood.ts")];

const EVENTS_PER_REQUEST = 100;
const CONNECTIONS = 200;

/** What a node can take by itself, before and after. */
const CALM: LoadShape = { client: "autocannon", eventsPerBatch: EVENTS_PER_REQUEST, inFlight: 32 };

/** With a disk like this a node takes so little that one client can offer ten times as much. */
const SLOW_SYNC_MS = 50;

/** Less than what the connections send together: it is to be full. The default is 64 MiB. */
const QUEUE_BYTES = 2 ** 20;

interface Row {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly offeredEventsPerSecond: number;
  readonly takenEventsPerSecond: number;
  readonly flood: FloodResult;
  readonly watched: Watched;
  readonly residentBytesBefore: number;
}

export const overload: Bench<Row> = {
  name: "overload",
  title: `Overload: ${thousands(CONNECTIONS)} connections, each sends ${EVENTS_PER_REQUEST} events again as soon as they are refused; a queue of ${QUEUE_BYTES / 2 ** 20} MiB`,
  async run(options, progress) {
    progress("the disk as it is");
    const rows = [await measure("as it is", [], options)];
    if (lacksSystemFaults())
      progress("!!! LEFT OUT: a slow disk needs strace, which is missing or may not trace");
    else {
      progress(`syncs of ${SLOW_SYNC_MS} ms`);
      rows.push(await measure(`syncs of ${SLOW_SYNC_MS} ms`, slowSyncs(SLOW_SYNC_MS), options));
    }
    return rows;
  },
  columns: [
    ["disk", ({ name }) => name],
    ["events/s before", ({ before }) => thousands(before)],
    ["offered ÷ before", (row) => decimals(row.offeredEventsPerSecond / row.before, 1)],
    ["taken ÷ before", (row) => decimals(row.takenEventsPerSecond / row.before, 2)],
    ["refused", ({ flood }) => counted(flood.refusals)],
    ["without Retry-After", ({ flood }) => thousands(flood.refusalsWithoutRetryAfter)],
    ["refusal p50 ms", ({ flood }) => decimals(flood.refused.p50Ms, 1)],
    ["p99 ms", ({ flood }) => decimals(flood.refused.p99Ms, 1)],
    ["max ms", ({ flood }) => decimals(flood.refused.maxMs, 0)],
    ["lost connections", ({ flood }) => thousands(flood.lost)],
    ["health said", ({ watched }) => counted(watched.answers)],
    ["health p99 ms", ({ watched }) => decimals(watched.latency.p99Ms, 1)],
    [
      "memory MB before, at most",
      ({ residentBytesBefore, watched }) => {
        return `${megabytes(residentBytesBefore)}, ${megabytes(watched.residentBytesMax)}`;
      },
    ],
    ["after ÷ before", ({ before, after }) => decimals(after / before, 2)],
  ],
};

async function measure(name: string, tracer: readonly string[], options: BenchOptions): Promise<Row> {
  const node = await startOnefold(["--max-queue-bytes", `${QUEUE_BYTES}`], tracer);
  try {
    const before = await measureCalm(node, 0, options);
    const watcher = new Watcher(node);
    const floodOptions: FloodOptions = {
      url: node.url,
      connections: CONNECTIONS,
      eventsPerRequest: EVENTS_PER_REQUEST,
      firstNumber: before.sent,
      seconds: options.seconds,
    };
    const flood = await runLoad<FloodResult>(FLOOD, floodOptions);
    const watched = await watcher.leave();
    const refusedRequests = Object.values(flood.refusals).reduce((sum, count) => sum + count, 0);
    const taken = flood.acceptedRequests * EVENTS_PER_REQUEST;
    // The last body of each connection may not have been taken: its numbers are left out.
    const firstAfter = before.sent + taken + CONNECTIONS * EVENTS_PER_REQUEST;
    const after = await measureCalm(node, firstAfter, options);
    const received = before.sent + taken + after.sent;
    await node.expectCounted({ received, unique: received });
    return {
      name,
      before: before.eventsPerSecond,
      after: after.eventsPerSecond,
      offeredEventsPerSecond:
        ((flood.acceptedRequests + refusedRequests) * EVENTS_PER_REQUEST) / flood.seconds,
      takenEventsPerSecond: taken / flood.seconds,
      flood,
      watched,
      residentBytesBefore: before.residentBytes,
    };
  } finally {
    await node.stop();
  }
}

async function measureCalm(
  node: OnefoldNode,
  firstNumber: number,
  { seconds, warmUpSeconds }: BenchOptions,
): Promise<{ eventsPerSecond: number; sent: number; residentBytes: number }> {
  const mix = { ...MIX_ALL_NEW, firstNumber };
  const result = await runPublishLoad(node, { shape: CALM, mix, warmUpSeconds, seconds });
  return {
    eventsPerSecond: result.events / result.seconds,
    sent: result.sent.received,
    residentBytes: result.serverResidentBytes,
  };
}

function counted(times: Readonly<Record<string, number>>): string {
  const entries = Object.entries(times).map(([what, n]) => `${thousands(n)} × ${what}`);
  return entries.length === 0 ? "none" : entries.join(", ");
}

function megabytes(bytes: number): string {
  return thousands(bytes / 1e6);
}
