/** After kill -9 every acknowledged event is there, once, and sending the rest again settles it. */

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { CrashRun } from "../crash/crash-run.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** `CRASH_KILLS` says how many, `CRASH_RECEIPT` names a file for the receipt; `bun run crash` sets the first to 200. */
const { CRASH_KILLS, CRASH_RECEIPT } = process.env;
const KILLS = Number(CRASH_KILLS ?? 10);

/** Every life reads all that the earlier ones have stored. */
const TIMEOUT_MS_PER_KILL = 30_000;

test(
  `kill -9 under load, ${KILLS} times: nothing acknowledged is lost, nothing is there twice, and every counter is the sum of what went in`,
  async () => {
    using run = new CrashRun(SeededRandom.printed("crash"));
    try {
      await run.kill(KILLS);
      await run.finish();
      expect(run.receipt).toMatchObject({ kills: KILLS, losses: 0 });
    } finally {
      const receipt = JSON.stringify(run.receipt, null, 2);
      console.log(receipt);
      if (CRASH_RECEIPT !== undefined) writeFileSync(CRASH_RECEIPT, `${receipt}\n`);
    }
  },
  60_000 + KILLS * TIMEOUT_MS_PER_KILL,
);
