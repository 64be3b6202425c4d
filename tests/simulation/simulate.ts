/** `bun run simulate`: plays histories on every core for minutes or hours, and prints a receipt. */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { HistoryViolation, runHistory } from "./history.ts";
import { type Failure, receiptOf } from "./receipt.ts";
import type { WorkerReport, WorkerStart } from "./simulate-worker.ts";
import { Tally } from "./tally.ts";
import { catchAll, tableOf } from "./variant-table.ts";

const USAGE = `bun run simulate -- [--minutes N | --histories N] [--seed S] [--workers N] [--json FILE]
bun run simulate -- --seed S --only PLACES     plays these steps of one history
bun run simulate -- --variants [--json FILE]   shows that each deliberately broken node is caught

  --minutes N    how long (1)
  --histories N  how many, in all
  --seed S       the first seed (a random one)
  --workers N    threads (one for each core)
  --json FILE    where the receipt goes as well`;

const SHOW_MS = 5_000;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string" },
    histories: { type: "string" },
    seed: { type: "string" },
    workers: { type: "string" },
    only: { type: "string" },
    json: { type: "string" },
    variants: { type: "boolean" },
    help: { type: "boolean" },
  },
});

if (flags.help) console.log(USAGE);
else if (flags.only !== undefined) playOnly(Number(flags.seed), flags.only);
else if (flags.variants) showVariants();
else await playAll();

function playOnly(seed: number, places: string): void {
  try {
    runHistory(seed, { only: new Set(places.split(",").map(Number)) });
    console.log(`seed ${seed}: these steps violate nothing`);
  } catch (error) {
    if (!(error instanceof HistoryViolation)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

function showVariants(): void {
  const caught = catchAll((line) => console.error(line));
  console.log(tableOf(caught));
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(caught, null, 2)}\n`);
  if (caught.some(({ seed }) => seed === null)) process.exitCode = 1;
}

async function playAll(): Promise<void> {
  const workers = Number(flags.workers ?? cpus().length);
  const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const histories = flags.histories === undefined ? NO_LIMIT : Math.ceil(Number(flags.histories) / workers);
  const seconds = flags.histories === undefined ? Number(flags.minutes ?? 1) * 60 : NO_LIMIT;
  console.error(`from seed ${seed} on ${workers} threads`);
  const tally = new Tally();
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1_000;
  const progress = setInterval(() => console.error(progressLine(tally, elapsed())), SHOW_MS);
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const starts = Array.from({ length: workers }, (_, i) => ({
    firstSeed: seed + i,
    stride: workers,
    histories,
    seconds,
    stop,
  }));
  const failure = await playOnThreads(starts, (report) => tally.add(report.counts));
  clearInterval(progress);
  const receipt = JSON.stringify(receiptOf({ seed, workers, seconds: elapsed(), failure }, tally), null, 2);
  console.log(receipt);
  if (flags.json !== undefined) writeFileSync(flags.json, `${receipt}\n`);
  if (failure !== undefined) process.exitCode = 1;
}

/** Until all are done; what one finds is the last that the others play. */
async function playOnThreads(
  starts: readonly WorkerStart[],
  take: (report: WorkerReport) => void,
): Promise<Failure | undefined> {
  let found: Failure | undefined;
  const threads = starts.map((start) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const thread = new Worker(new URL("./simulate-worker.ts", import.meta.url).href);
    thread.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
      take(data);
      found ??= data.failure;
      if (found !== undefined) Atomics.store(start.stop, 0, 1);
      if (data.isDone) resolve();
    };
    thread.onerror = ({ message }) => reject(new Error(message));
    thread.postMessage(start);
    return promise.finally(() => thread.terminate());
  });
  await Promise.all(threads);
  return found;
}

function progressLine(tally: Tally, seconds: number): string {
  const histories = tally.sum("histories");
  const perMinute = Math.round((histories / seconds) * 60);
  const { commits } = tally.sorted();
  return `${seconds.toFixed(0)} s: ${histories} histories, ${perMinute} a minute, ${commits?.stored ?? 0} commits, ${tally.sum("faults")} faults, ${tally.sum("crashes")} crashes and restarts, ${tally.sum("checks")} checks`;
}
