/** `bun bench/run.ts [bench…] [--seconds N] [--install]`: runs benches, prints tables, writes bench/results/latest.json. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Bench, BenchOptions } from "./bench.ts";
import { httpPublish } from "./http-publish.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { peersFanOut } from "./peers/fan-out/fan-out.ts";
import { installPeers } from "./peers/install.ts";
import { peers } from "./peers/peers.ts";
import { retention } from "./retention.ts";
import { start } from "./start.ts";
import { markdownTable } from "./table.ts";
import { wsPublish } from "./ws-publish.ts";

const SECONDS_DEFAULT = 5;

/** As a share of the measured time: long enough for the compiler to have settled. */
const WARM_UP_SHARE = 0.4;

/** A bench whose rows are of no more interest than to be printed and written down. */
interface NamedBench {
  readonly name: string;
  run(
    options: BenchOptions,
  ): Promise<{ title: string; table: string; rows: readonly unknown[]; remarks: readonly string[] }>;
}

function named<Row>({ name, title, run, columns, remarks }: Bench<Row>): NamedBench {
  return {
    name,
    async run(options) {
      const rows = await run(options, (line) => console.error(`${name}: ${line}`));
      return { title, table: markdownTable(columns, rows), rows, remarks: remarks?.(rows) ?? [] };
    },
  };
}

const BENCHES: readonly NamedBench[] = [
  named(wsPublish),
  named(httpPublish),
  named(start),
  named(retention),
  named(peers),
  named(peersFanOut),
];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: {
      seconds: { type: "string", default: String(SECONDS_DEFAULT) },
      install: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error("--seconds takes a number of seconds");
  const benches = chooseBenches(positionals);
  if (values.install) installPeers();
  const options = { seconds, warmUpSeconds: seconds * WARM_UP_SHARE };

  const machine = describeMachine();
  console.log(machineLine(machine));
  const results: Record<string, unknown> = {};
  for (const bench of benches) {
    const { title, table, rows, remarks } = await bench.run(options);
    console.log(`\n### ${bench.name}\n\n${title}\n\n${table}`);
    if (remarks.length > 0) console.log(`\n${remarks.map((remark) => `- ${remark}`).join("\n")}`);
    results[bench.name] = { title, rows, remarks };
  }
  const file = await writeResults({
    at: new Date().toISOString(),
    options,
    machine,
    results,
  });
  console.error(`\nwritten to ${file}`);
}

function chooseBenches(names: readonly string[]): readonly NamedBench[] {
  if (names.length === 0) return BENCHES;
  return names.map((name) => {
    const bench = BENCHES.find((candidate) => candidate.name === name);
    if (bench === undefined)
      throw new Error(`there is no bench ${name}: ${BENCHES.map((b) => b.name).join(", ")}`);
    return bench;
  });
}

async function writeResults(results: unknown): Promise<string> {
  const folder = join(import.meta.dir, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "latest.json");
  await Bun.write(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

await main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});
