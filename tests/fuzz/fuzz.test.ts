/** A short fuzz run; `bun run fuzz` plays as many inputs as you like. SEED repeats one. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { ClosedNode } from "./closed-node.ts";
import { type FuzzOptions, type FuzzReport, fuzz } from "./fuzz-run.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const INPUTS = 20_000;
const CLOSED_INPUTS = 10_000;

async function played(options: Omit<FuzzOptions, "seed">): Promise<FuzzReport> {
  const { seed } = SeededRandom.printed("fuzz");
  const report = await fuzz({ seed, ...options });
  console.log(
    `fuzz: ${report.inputs} inputs in ${report.seconds.toFixed(1)} s, memory ${report.memoryMb.afterWarmUp.toFixed(0)} MB when warm, ${report.memoryMb.atTheEnd.toFixed(0)} MB at the end`,
  );
  expect(report.inputs).toBeGreaterThanOrEqual(options.inputs);
  return report;
}

test("whatever is sent, the node answers as it has promised, counts what it acknowledged and stays as it was", async () => {
  const report = await played({ inputs: INPUTS });
  // A run that is refused at the door finds nothing: all of the node must have been reached.
  const codes = [
    "200",
    "invalid_event",
    "invalid_frame",
    "invalid_parameter",
    "malformed_json",
    "malformed_utf8",
  ];
  const keys = ["invalid_idempotency_key", "idempotency_key_reused", "idempotency_key_in_use"];
  const others = ["not_found", "method_not_allowed", "unsupported_media_type", "parser 400", "stream"];
  for (const what of [...codes, ...keys, ...others])
    expect({ what, times: report.seen.get(what) ?? 0 }).not.toEqual({ what, times: 0 });
  expect(report.stats.received).toBeGreaterThan(INPUTS / 10);
  expect(report.stats.conflicts).toBeGreaterThan(0);
});

test("so does a node that asks for credentials, whatever is brought in their place", async () => {
  using closed = new ClosedNode();
  const report = await played({ inputs: CLOSED_INPUTS, ...closed.options });
  for (const code of ["200", "unauthorized", "invalid_event", "malformed_json"])
    expect({ code, times: report.seen.get(code) ?? 0 }).not.toEqual({ code, times: 0 });
  expect(report.stats.received).toBePositive();
});
