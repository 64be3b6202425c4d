/** `bun run fuzz`: as many inputs as you like against dist/onefold, or the cases of an earlier run again. */

import { parseArgs } from "node:util";
import { ClosedNode } from "./closed-node.ts";
import { FuzzFailure, fuzz } from "./fuzz-run.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string" },
    /** Cases, parted by commas. */
    only: { type: "string" },
    /** Against a node that asks for credentials. */
    closed: { type: "boolean", default: false },
  },
});

const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const inputs = Number(values.inputs);
using closed = new ClosedNode();
console.log(`fuzz: seed ${seed}, ${inputs} inputs`);
try {
  let told = 0;
  const report = await fuzz({
    seed,
    inputs,
    ...(values.closed && closed.options),
    ...(values.only && { only: values.only.split(",").map(Number) }),
    onProgress: (done) => {
      if (done - told < inputs / 20) return;
      told = done;
      console.log(`  ${done} inputs`);
    },
  });
  const { memoryMb, stats } = report;
  console.log(
    `${report.inputs} inputs in ${report.cases} cases, ${report.seconds.toFixed(1)} s, ${(report.inputs / report.seconds).toFixed(0)} inputs/s`,
  );
  console.log(
    `memory ${memoryMb.afterWarmUp.toFixed(0)} MB when warm, ${memoryMb.atTheEnd.toFixed(0)} MB at the end`,
  );
  console.log(
    `acknowledged ${stats.received} (${stats.unique_processed} unique, ${stats.conflicts} conflicts), rejected ${stats.rejected}, ${stats.topic_count} topics`,
  );
  for (const [what, times] of [...report.seen].sort()) console.log(`  ${what}: ${times}`);
} catch (error) {
  if (!(error instanceof FuzzFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
