/** What bodies may take of the memory while they are read. */

import { expect, test } from "bun:test";
import { BodyBudget } from "../../../src/server/body.ts";

test("however many bodies are to be decompressed, two are at one time, and each has its turn", async () => {
  const budget = new BodyBudget(1);
  let [running, most] = [0, 0];
  const decompress = async (i: number): Promise<number> => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    if (i % 3 === 0) throw new Error("not compressed");
    return i;
  };
  const turns = Array.from({ length: 20 }, (_, i) => budget.inTurn(() => decompress(i)));
  const done = await Promise.allSettled(turns);
  expect(done.map(({ status }) => status === "rejected")).toEqual(
    Array.from({ length: 20 }, (_, i) => i % 3 === 0),
  );
  expect([most, running]).toEqual([2, 0]);
});
