/** Every bench there is, in the order in which they run and are shown. */

import type { Bench, BenchOptions, Chart } from "./bench.ts";
import { cloudEvents } from "./cloud-events.ts";
import { fanout } from "./fanout/fanout.ts";
import { catchUp } from "./feeds/catch-up.ts";
import { feeds } from "./feeds/feeds.ts";
import { growth } from "./growth/growth.ts";
import { ingest } from "./ingest/ingest.ts";
import { limit } from "./limit/limit.ts";
import { ndjson } from "./ndjson/ndjson.ts";
import { openLoop } from "./open-loop/open-loop.ts";
import { overload } from "./overload/overload.ts";
import { peersFanOut } from "./peers/fan-out/fan-out.ts";
import { peers } from "./peers/peers.ts";
import { retention } from "./retention.ts";
import { slowDisk } from "./slow-disk/slow-disk.ts";
import { stages } from "./stages/stages.ts";
import { start } from "./start.ts";
import { markdownTable } from "./table.ts";

/** A bench whose rows are of no more interest than to be written down, and shown again. */
export interface NamedBench {
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<readonly unknown[]>;
  versions(): Promise<Readonly<Record<string, string>>>;
  /** @param rows as this bench gave them, also when they have been JSON meanwhile. */
  table(rows: readonly unknown[]): string;
  charts(rows: readonly unknown[]): readonly Chart[];
  remarks(rows: readonly unknown[]): readonly string[];
}

function named<Row>(bench: Bench<Row>): NamedBench {
  const { name, title, columns } = bench;
  return {
    name,
    title,
    run: (options) => bench.run(options, (line) => console.error(`${name}: ${line}`)),
    versions: () => bench.versions?.() ?? Promise.resolve({}),
    table: (rows) => markdownTable(columns, rows as readonly Row[]),
    charts: (rows) => bench.charts?.(rows as readonly Row[]) ?? [],
    remarks: (rows) => bench.remarks?.(rows as readonly Row[]) ?? [],
  };
}

export const BENCHES: readonly NamedBench[] = [
  named(limit),
  named(ingest),
  named(cloudEvents),
  named(stages),
  named(fanout),
  named(feeds),
  named(catchUp),
  named(openLoop),
  named(growth),
  named(slowDisk),
  named(overload),
  named(ndjson),
  named(peers),
  named(peersFanOut),
  named(retention),
  named(start),
];

/** All, or those that are named. @throws Error when there is no such bench. */
export function chooseBenches(names: readonly string[]): readonly NamedBench[] {
  if (names.length === 0) return BENCHES;
  return names.map((name) => {
    const bench = BENCHES.find((candidate) => candidate.name === name);
    if (bench !== undefined) return bench;
    throw new Error(`there is no bench ${name}: ${BENCHES.map((known) => known.name).join(", ")}`);
  });
}
