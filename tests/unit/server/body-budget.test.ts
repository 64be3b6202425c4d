/** What bodies may take of the memory while they are read. */

import { expect, test } from "bun:test";
import { BodyDeadlines } from "../../../src/limits/body-deadlines.ts";
import { BodyBudget, readBody } from "../../../src/server/body.ts";

test("however many bodies are to be decompressed, one is at one time, and each has its turn", async () => {
  const budget = new BodyBudget(1);
  let [running, most] = [0, 0];
  const decompress = async (i: number): Promise<number> => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    if (i % 3 === 0) throw new Error("not compressed");
    return i;
  };
  const turns = Array.from({ length: 20 }, (_, i) => budget.decompressions.run(() => decompress(i)));
  const done = await Promise.allSettled(turns);
  expect(done.map(({ status }) => status === "rejected")).toEqual(
    Array.from({ length: 20 }, (_, i) => i % 3 === 0),
  );
  expect([most, running]).toEqual([1, 0]);
});

test.each([100, 100_000])(
  "a body of %d bytes that waits to be decompressed is counted until it was",
  async (size) => {
    const body = Bun.gzipSync(crypto.getRandomValues(new Uint8Array(size - 30)).map((byte) => byte & 127));
    const budget = new BodyBudget(body.length + 10);
    const limits = {
      bytesMax: 1_000_000,
      budget,
      deadlines: new BodyDeadlines(1_000, 0, 0),
      idleSeconds: 30,
      setIdleTimeout: () => {},
    };
    const post = (content: Uint8Array<ArrayBuffer>): Promise<string> =>
      readBody(
        new Request("http://localhost/publish", {
          method: "POST",
          body: content,
          headers: { "content-encoding": "gzip", "content-length": String(content.length) },
        }),
        limits,
      );
    const before = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
    const turns = before.map(({ promise }) => budget.decompressions.run(() => promise));
    const waiting = post(body);
    await new Promise(setImmediate);
    const other = post(body);
    expect(other).rejects.toThrow("Too many large bodies");
    await other.catch(() => {});
    for (const { resolve } of before) resolve();
    await Promise.all(turns);
    expect(await waiting).toHaveLength(size - 30);
    expect(await post(body)).toHaveLength(size - 30);
  },
);
