/** `open-loop`: how long publishers wait at a load below what the node can take, when they do not wait for each other. */

import type { Bench, BenchOptions, Chart } from "../bench.ts";
import { MIX_ALL_NEW } from "../load/load-result.ts";
import { expectNoneRefused, type OpenLoopResult, runOpenLoop } from "../load/open-loop.ts";
import { type LoadShape, runPublishLoad, WS_CONNECTIONS } from "../load/publish-load.ts";
import { startOnefold } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import { ratesOf } from "./rates.ts";

const EVENTS_PER_FRAME = 10;

/** Enough in flight that the node always has the next commit's worth waiting. */
const SATURATING: LoadShape = { client: "ws", eventsPerBatch: EVENTS_PER_FRAME, inFlight: 256 };

type Figures = Omit<OpenLoopResult, "commits">;

export interface OpenLoopRow extends Figures {
  readonly share: number;
  readonly offeredEventsPerSecond: number;
}

export const openLoop: Bench<OpenLoopRow> = {
  name: "open-loop",
  title: `Open loop: fixed arrival rates as shares of saturation, ${EVENTS_PER_FRAME} events a frame, ${WS_CONNECTIONS} connections; latency from when a frame was due`,
  async run(options, progress) {
    const saturation = await findSaturation(options);
    progress(`saturated at ${thousands(saturation)} events/s`);
    const rows: OpenLoopRow[] = [];
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
    ["server CPU µs/event", (row) => decimals(cpuMicrosecondsPerEvent(row), 2)],
  ],
  charts,
};

function cpuMicrosecondsPerEvent({ serverCpuSeconds, fromMs, toMs, eventsPerSecond }: OpenLoopRow): number {
  return (serverCpuSeconds * 1e6) / ((eventsPerSecond * (toMs - fromMs)) / 1_000);
}

async function findSaturation({ seconds, warmUpSeconds }: BenchOptions): Promise<number> {
  const node = await startOnefold();
  try {
    const load = { shape: SATURATING, mix: MIX_ALL_NEW, warmUpSeconds, seconds };
    const { events, seconds: measuredSeconds, sent } = await runPublishLoad(node, load);
    await node.expectCounted(sent);
    return events / measuredSeconds;
  } finally {
    await node.stop();
  }
}

async function publishAt(
  eventsPerSecond: number,
  { seconds, warmUpSeconds }: BenchOptions,
): Promise<Figures> {
  const node = await startOnefold();
  try {
    const result = await runOpenLoop(node, {
      eventsPerSecond,
      eventsPerFrame: EVENTS_PER_FRAME,
      connections: WS_CONNECTIONS,
      mix: MIX_ALL_NEW,
      warmUpSeconds,
      seconds,
    });
    expectNoneRefused(result);
    const { commits: _, ...figures } = result;
    await node.expectCounted(figures.sent);
    return figures;
  } finally {
    await node.stop();
  }
}

function charts(rows: readonly OpenLoopRow[]): Chart[] {
  const line = (name: string, of: (row: OpenLoopRow) => number) => ({
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
