/** The bench of NDJSON, as small as it goes: it runs to its end, and counts exactly. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { ndjson } from "../../bench/ndjson/ndjson.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

test("ndjson: lines as they are, compressed, and frames all go in, and each takes some memory", async () => {
  const options = { seconds: 0.5, warmUpSeconds: 0.1, isFull: false, mayInstall: false, events: 20_000 };
  const rows = await ndjson.run(options, () => {});
  expect(rows.map(({ way }) => way)).toEqual(["none", "gzip", "zstd", "frames"]);
  expect(rows.slice(0, 3).map(({ events }) => events)).toEqual([20_000, 20_000, 20_000]);
  const [plain, gzip, zstd] = rows.map(({ bytes }) => bytes ?? 0);
  expect(gzip).toBeWithin(1, plain!);
  expect(zstd).toBeWithin(1, plain!);
  for (const { peakBytes, idleBytes, seconds } of rows) {
    expect(peakBytes).toBeGreaterThan(idleBytes);
    expect(seconds).toBeGreaterThan(0);
  }
  expect(ndjson.remarks?.(rows)).toHaveLength(3);
});
