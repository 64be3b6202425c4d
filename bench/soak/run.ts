/** The command line of the soak: `bun run soak --minutes 10`. Ends with 1 when anything is not as it must be. */

import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { describeMachine, machineLine } from "../machine.ts";
import { drawChart } from "./chart.ts";
import { EVENTS_PER_BATCH, readPlan, type SoakPlan } from "./plan.ts";
import { findSaturation, Soak } from "./soak.ts";

/** Starting, saturating, settling and stopping take this long at most, beside the soak itself. */
const BESIDES_MS_MAX = 10 * 60_000;

/** A new event takes about 250 bytes of disk, with everything that goes with it. */
const BYTES_PER_EVENT = 300;
const NEW_SHARE = 0.8;

/** What is left of the disk belongs to others. */
const DISK_SHARE_MAX = 0.7;

async function main(): Promise<boolean> {
  const plan = readPlan(process.argv.slice(2));
  setTimeout(() => endLate(plan), plan.seconds * 1_000 + BESIDES_MS_MAX).unref();
  const machine = describeMachine();
  console.error(machineLine(machine));
  console.error(`seed ${plan.seed}`);
  const saturation = plan.rate === undefined ? await findSaturation(plan) : undefined;
  const rate = plan.rate ?? Math.round(saturation! * plan.loadShare);
  if (saturation !== undefined) console.error(`saturated at ${Math.round(saturation)} events/s`);
  expectRoom(plan, rate);
  console.error(`${rate} events/s, ${EVENTS_PER_BATCH} a batch, for ${plan.seconds} s`);
  const at = new Date().toISOString();
  const result = await new Soak(plan, rate, (line) => console.error(line)).run();
  const record = { at, plan, machine, saturation, ...result };
  await write(plan, "results/soak.json", `${JSON.stringify(record, null, 2)}\n`);
  if (plan.drawsChart) await write(plan, "charts/soak.svg", drawChart(record));
  for (const { name, isGood, says } of result.verdicts)
    console.log(`${isGood ? "ok  " : "FAIL"} ${name}: ${says}`);
  return result.verdicts.every(({ isGood }) => isGood);
}

function endLate({ seconds }: SoakPlan): never {
  console.error(`soak: not over after ${seconds + BESIDES_MS_MAX / 1_000} s`);
  process.exit(1);
}

/** @throws Error when the soak would fill the disk. */
function expectRoom({ seconds, rememberedEvents }: SoakPlan, rate: number): void {
  const events = Math.min(rate * seconds * NEW_SHARE, rememberedEvents);
  const { bavail, bsize } = statfsSync(import.meta.dir);
  const bytes = events * BYTES_PER_EVENT;
  if (bytes > bavail * bsize * DISK_SHARE_MAX)
    throw new Error(
      `${Math.round(bytes / 1e9)} GB would be written, and there is no room: --rate takes less`,
    );
}

async function write({ into }: SoakPlan, name: string, text: string): Promise<void> {
  const file = join(into, name);
  mkdirSync(join(file, ".."), { recursive: true });
  await Bun.write(file, text);
  console.error(`written to ${file}`);
}

await main().then(
  (isGood) => process.exit(isGood ? 0 : 1),
  (error: unknown) => {
    console.error(`soak: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  },
);
