/** `bun bench/run.ts [bench…] [--seconds N] [--events N] [--full] [--install] [--into FOLDER]`: runs benches, prints tables, writes bench/results/<bench>.json. */

import { parseArgs } from "node:util";
import type { BenchOptions } from "./bench.ts";
import { readEventCount } from "./event-count.ts";
import { describeMachine } from "./machine.ts";
import { chooseBenches, type NamedBench } from "./registry.ts";
import { type BenchResult, provenance, RESULTS_FOLDER, resultParts, writeResult } from "./results.ts";

const SECONDS_DEFAULT = 5;

/** As a share of the measured time: long enough for the compiler to have settled. */
const WARM_UP_SHARE = 0.4;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: {
      seconds: { type: "string", default: String(SECONDS_DEFAULT) },
      events: { type: "string" },
      full: { type: "boolean", default: false },
      install: { type: "boolean", default: false },
      into: { type: "string", default: RESULTS_FOLDER },
    },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error("--seconds takes a number of seconds");
  const options: BenchOptions = {
    seconds,
    warmUpSeconds: seconds * WARM_UP_SHARE,
    isFull: values.full,
    mayInstall: values.install,
    ...(values.events === undefined ? {} : { events: readEventCount(values.events) }),
  };
  const benches = chooseBenches(positionals);
  for (const bench of benches) {
    const result = await runBench(bench, options);
    console.log(["", `### ${bench.name}`, ...resultParts(bench, result), provenance(result)].join("\n\n"));
    console.error(`\nwritten to ${await writeResult(values.into, result)}`);
  }
}

async function runBench(bench: NamedBench, options: BenchOptions): Promise<BenchResult> {
  const { name, title } = bench;
  const command = [
    `bun bench/run.ts ${name}`,
    options.seconds === SECONDS_DEFAULT ? "" : ` --seconds ${options.seconds}`,
    options.events === undefined ? "" : ` --events ${options.events}`,
    options.isFull ? " --full" : "",
  ].join("");
  const machine = describeMachine();
  const startedAt = Date.now();
  const rows = await bench.run(options);
  const versions = await bench.versions();
  const tookSeconds = (Date.now() - startedAt) / 1_000;
  return {
    name,
    title,
    at: new Date(startedAt).toISOString(),
    tookSeconds,
    command,
    options,
    machine,
    versions,
    rows,
  };
}

await main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});
