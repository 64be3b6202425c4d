/** The bench of overload, as small as it goes: it runs to its end, counts exactly, and sees refusals. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { overload } from "../../bench/overload/overload.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { lacksSystemFaults } from "../support/system-faults.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const OPTIONS = { seconds: 0.5, warmUpSeconds: 0.1, isFull: false, mayInstall: false };

test("overload: what is too much is refused with the time to come back, while health answers, and no connection is lost", async () => {
  const rows = await overload.run(OPTIONS, () => {});
  expect(rows).toHaveLength(lacksSystemFaults() ? 1 : 2);
  for (const { flood, watched } of rows) {
    expect(Object.keys(watched.answers).sort()).toEqual(["live 200", "ready 200"]);
    expect(flood).toMatchObject({ lost: 0, refusalsWithoutRetryAfter: 0 });
    expect(flood.acceptedRequests).toBePositive();
  }
  expect(rows.at(-1)!.flood.refusals["503 overloaded"]).toBePositive();
});
