/** A subscriber may come before the store has been opened; there is nothing to tell it yet. */

import { expect, test } from "bun:test";
import { HubBench } from "./hub-bench.ts";

test("whoever subscribes before there are counters is told nothing until there are, and then everything", () => {
  const bench = new HubBench(false);
  const reader = bench.subscribe({ resume: { epoch: "", revision: 0 } });
  bench.advance(1_000);
  expect(reader.frames).toEqual([]);
  bench.open("orders");
  bench.commit("orders");
  bench.advance(100);
  expect(reader.frames).toMatchObject([{ type: "snapshot", epoch: "epoch-1", revision: 1, received: 1 }]);
  bench.commit("orders", "orders");
  bench.advance(100);
  expect(reader.kinds).toEqual(["snapshot", "delta"]);
  expect(reader.totals.received).toBe(3);
});
