/** `cloud-events`: what it costs to publish CloudEvents instead of onefold's own events, over HTTP, in turns. */

import type { Bench, BenchOptions, Column } from "./bench.ts";
import { type Figures, figuresOf, medianFigures, ROUNDS, roundTimes } from "./load/figures.ts";
import { type EventMix, MIX_ALL_NEW } from "./load/load-result.ts";
import { type LoadTimes, runPublishLoad } from "./load/publish-load.ts";
import { startOnefold } from "./onefold-node.ts";
import { median } from "./statistics.ts";
import { decimals, thousands } from "./table.ts";

interface Case {
  readonly eventsPerBatch: number;
  readonly connections: number;
}

const CASES: readonly Case[] = [
  { eventsPerBatch: 1, connections: 64 },
  { eventsPerBatch: 100, connections: 64 },
  { eventsPerBatch: 1_000, connections: 16 },
];

interface Row extends Case {
  readonly rounds: readonly { readonly native: Figures; readonly cloudEvents: Figures }[];
}

export const cloudEvents: Bench<Row> = {
  name: "cloud-events",
  title: `CloudEvents beside onefold's own JSON: POST /publish by autocannon, all new; medians of ${ROUNDS} rounds in turns`,
  async run(options, progress) {
    const rows: Row[] = [];
    for (const batch of CASES) {
      progress(`${batch.eventsPerBatch} a request`);
      rows.push({ ...batch, rounds: await measure(batch, options) });
    }
    return rows;
  },
  columns: [
    ["events a request", ({ eventsPerBatch }) => thousands(eventsPerBatch)],
    column("own JSON events/s", "native", ({ eventsPerSecond }) => thousands(eventsPerSecond)),
    column("CloudEvents/s", "cloudEvents", ({ eventsPerSecond }) => thousands(eventsPerSecond)),
    ["CloudEvents ÷ own", (row) => decimals(ratioOf(row), 2)],
    column("own server CPU µs/event", "native", cpu),
    column("CloudEvents server CPU µs/event", "cloudEvents", cpu),
  ],
};

function column(
  heading: string,
  of: "native" | "cloudEvents",
  cell: (figures: Figures) => string,
): Column<Row> {
  return [heading, ({ rounds }) => cell(medianFigures(rounds.map((round) => round[of])))];
}

function cpu({ serverCpuMicrosecondsPerEvent }: Figures): string {
  return decimals(serverCpuMicrosecondsPerEvent, 2);
}

/** The median of the rounds' ratios. */
function ratioOf({ rounds }: Row): number {
  return median(rounds.map((round) => round.cloudEvents.eventsPerSecond / round.native.eventsPerSecond));
}

async function measure({ eventsPerBatch, connections }: Case, options: BenchOptions): Promise<Row["rounds"]> {
  const node = await startOnefold();
  try {
    let firstNumber = 0;
    const publish = async (format: "native" | "cloudevents", times: LoadTimes): Promise<Figures> => {
      const mix: EventMix = { ...MIX_ALL_NEW, shape: { ...MIX_ALL_NEW.shape, format }, firstNumber };
      const shape = { client: "autocannon", eventsPerBatch, inFlight: connections } as const;
      const result = await runPublishLoad(node, { shape, mix, ...times });
      firstNumber += result.sent.unique;
      return figuresOf(result);
    };
    const rounds: Row["rounds"][number][] = [];
    for (const times of roundTimes(options, "autocannon")) {
      const native = await publish("native", times);
      const cloudEvents = await publish("cloudevents", times);
      rounds.push({ native, cloudEvents });
    }
    await node.expectCounted({ received: firstNumber, unique: firstNumber });
    return rounds;
  } finally {
    await node.stop();
  }
}
