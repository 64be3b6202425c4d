/** `retention`: what it costs publishers that old events are removed as fast as new ones come in. */

import type { Bench, BenchOptions } from "./bench.ts";
import { figuresOf, medianFigures, ROUNDS } from "./load/figures.ts";
import { type LoadResult, MIX_DEFAULT } from "./load/load-result.ts";
import { type LoadShape, runPublishLoad } from "./load/publish-load.ts";
import { startOnefold } from "./onefold-node.ts";
import { decimals, thousands } from "./table.ts";

const SHAPE: LoadShape = { client: "ws", eventsPerBatch: 100, inFlight: 8 };

/** Few, so that from the first second on every commit has as much to remove as it brings in. */
const RETAINED_EVENTS = 50_000;

const SETTINGS: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  { name: "everything is kept", flags: [] },
  { name: `--retain-events ${RETAINED_EVENTS}`, flags: ["--retain-events", `${RETAINED_EVENTS}`] },
  {
    name: `the same, by two patterns`,
    flags: ["--retain-events", `orders-0=${RETAINED_EVENTS / 8},*=${RETAINED_EVENTS}`],
  },
  {
    name: `the same, ids kept for 1 h`,
    flags: ["--retain-events", `${RETAINED_EVENTS}`, "--dedup-window", "1h"],
  },
];

interface Row {
  readonly name: string;
  readonly eventsPerSecond: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly ackMaxMs: number;
  readonly serverCpuMicrosecondsPerEvent: number;
}

export const retention: Bench<Row> = {
  name: "retention",
  title: `Retention under load: ${SHAPE.eventsPerBatch} events a frame, ${SHAPE.inFlight} frames in flight, medians of ${ROUNDS} rounds in turns`,
  async run(options, progress) {
    const runs = SETTINGS.map((): LoadResult[] => []);
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [i, { name, flags }] of SETTINGS.entries()) {
        progress(`round ${round}: ${name}`);
        runs[i]!.push(await measure(flags, options));
      }
    }
    return SETTINGS.map(({ name }, i) => ({ name, ...summarise(runs[i]!) }));
  },
  columns: [
    ["", ({ name }) => name],
    ["events/s", ({ eventsPerSecond }) => thousands(eventsPerSecond)],
    ["ack p50 ms", ({ ackP50Ms }) => decimals(ackP50Ms, 1)],
    ["p99 ms", ({ ackP99Ms }) => decimals(ackP99Ms, 1)],
    ["max ms", ({ ackMaxMs }) => decimals(ackMaxMs, 0)],
    ["server CPU µs/event", (row) => decimals(row.serverCpuMicrosecondsPerEvent, 2)],
  ],
};

async function measure(flags: readonly string[], options: BenchOptions): Promise<LoadResult> {
  const node = await startOnefold(flags);
  try {
    const result = await runPublishLoad(node, { shape: SHAPE, mix: MIX_DEFAULT, ...options });
    await node.expectCounted(result.sent);
    return result;
  } finally {
    await node.stop();
  }
}

function summarise(runs: readonly LoadResult[]): Omit<Row, "name"> {
  const figures = medianFigures(runs.map(figuresOf));
  return {
    eventsPerSecond: figures.eventsPerSecond,
    ackP50Ms: figures.ack.p50Ms,
    ackP99Ms: figures.ack.p99Ms,
    ackMaxMs: figures.ack.maxMs,
    serverCpuMicrosecondsPerEvent: figures.serverCpuMicrosecondsPerEvent,
  };
}
