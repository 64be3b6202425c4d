/** `open-loop`: how long publishers wait at a load below what the node can take, when they do not wait for each other. */

import { join } from "node:path";
import type { Bench, BenchOptions, Chart } from "../bench.ts";
import type { OpenLoopOptions, OpenLoopResult } from "../load/open-loop-load.ts";
import type { WsLoadOptions, WsLoadResult } from "../load/ws-load.ts";
import { runLoad } from "../load-process.ts";
import { startOnefold } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import { ratesOf } from "./rates.ts";

const CONNECTIONS = 4;
const EVENTS_PER_FRAME = 10;

/** While the saturation is measured: enough that the node always has the next commit's worth waiting. */
const SATURATING_FRAMES_PER_CONNECTION = 64;

const LOADS = join(import.meta.dir, "..", "load");
const CLOSED_LOOP = [process.execPath, join(LOADS, "ws-load.ts")];
const OPEN_LOOP = [process.execPath, join(LOADS, "open-loop-load.ts")];

interface Row extends OpenLoopResult {
  readonly share: number;
  readonly offeredEventsPerSecond: number;
}

export const openLoop: Bench<Row> = {
  name: "open-loop",
  title: `Open loop: fixed arrival rates as shares of saturation, ${EVENTS_PER_FRAME} events a frame, ${CONNECTIONS} connections; latency from when a frame was due`,
  async run(options, progress) {
    const saturation = await findSaturation(options);
    progress(`saturated at ${thousands(saturation)} events/s`);
    const rows: Row[] = [];
    for (const { share, eventsPerSecond } of ratesOf(saturation)) {
      progress(`${share * 100} %: ${thousands(eventsPerSecond)} events/s`);
      const result = await publishAt(eventsPerSecond, options);
      rows.push({ share, offeredEventsPerSecond: eventsPerSecond, ...result });
    }
    return rows;
  },
  columns: [
    ["of saturation", ({ share }) => `${share * 100} %`],
    ["offered events/s", (row) => thousands(row.offeredEventsPerSecond)],
    ["taken events/s", ({ eventsPerSecond }) => thousands(eventsPerSecond)],
    ["ack p50 ms", ({ ack }) => decimals(ack.p50Ms, 1)],
    ["p99 ms", ({ ack }) => decimals(ack.p99Ms, 1)],
    ["p99.9 ms", ({ ack }) => decimals(ack.p999Ms, 1)],
    ["max ms", ({ ack }) => decimals(ack.maxMs, 0)],
    ["client late p50 ms", ({ late }) => decimals(late.p50Ms, 1)],
    ["late p99 ms", ({ late }) => decimals(late.p99Ms, 1)],
    ["late max ms", ({ late }) => decimals(late.maxMs, 0)],
    ["server CPU µs/event", (row) => decimals(row.serverCpuMicrosecondsPerEvent, 2)],
  ],
  charts,
};

async function findSaturation({ seconds, warmUpSeconds }: BenchOptions): Promise<number> {
  const node = await startOnefold();
  try {
    const load: WsLoadOptions = {
      url: channelOf(node.url),
      serverPid: node.pid,
      eventsPerFrame: EVENTS_PER_FRAME,
      connections: CONNECTIONS,
      framesInFlightPerConnection: SATURATING_FRAMES_PER_CONNECTION,
      warmUpSeconds,
      seconds,
      isAllNew: true,
    };
    const { events, seconds: measuredSeconds, sent } = await runLoad<WsLoadResult>(CLOSED_LOOP, load);
    await node.expectCounted(sent);
    return events / measuredSeconds;
  } finally {
    await node.stop();
  }
}

async function publishAt(
  eventsPerSecond: number,
  { seconds, warmUpSeconds }: BenchOptions,
): Promise<OpenLoopResult> {
  const node = await startOnefold();
  try {
    const load: OpenLoopOptions = {
      url: channelOf(node.url),
      serverPid: node.pid,
      eventsPerSecond,
      eventsPerFrame: EVENTS_PER_FRAME,
      connections: CONNECTIONS,
      warmUpSeconds,
      seconds,
    };
    const result = await runLoad<OpenLoopResult>(OPEN_LOOP, load);
    const refused = Object.entries(result.refusals).map(([what, frames]) => `${frames} times ${what}`);
    if (refused.length > 0) throw new Error(`frames were refused: ${refused.join(", ")}`);
    const { eventsAcknowledged } = result;
    await node.expectCounted({ received: eventsAcknowledged, unique: eventsAcknowledged });
    return result;
  } finally {
    await node.stop();
  }
}

function channelOf(url: string): string {
  return `${url.replace("http", "ws")}/ws/publish`;
}

function charts(rows: readonly Row[]): Chart[] {
  const line = (name: string, of: (row: Row) => number) => ({
    name,
    points: rows.map((row): [number, number] => [row.offeredEventsPerSecond / 1_000, of(row)]),
  });
  return [
    {
      name: "open-loop",
      title: "Acknowledgement latency over arrival rate",
      yTitle: "ms from when the frame was due",
      shape: {
        kind: "lines",
        xTitle: "thousands of events a second",
        isLogarithmicY: true,
        lines: [
          line("p50", ({ ack }) => ack.p50Ms),
          line("p99", ({ ack }) => ack.p99Ms),
          line("p99.9", ({ ack }) => ack.p999Ms),
        ],
      },
    },
  ];
}
