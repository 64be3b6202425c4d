/** What cannot be taken anyhow is refused before its body has been read. */

import { expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import { problem } from "../../../src/problem.ts";
import { makeApp } from "../../../src/server/app.ts";
import { RefusalCounts } from "../../../src/server/refusals.ts";
import { RequestTurns } from "../../../src/server/request-turns.ts";
import type { Services } from "../../../src/server/services.ts";

test.each([
  [{ "content-length": "70000" }, 70_000],
  [{}, 1],
  // Some bytes may become many.
  [{ "content-length": "70000", "content-encoding": "gzip" }, 1],
])("a full queue is asked with what the headers %j tell, and nothing is read", async (headers, bytes) => {
  const asked: number[] = [];
  const ledger = {
    refusalOf: (atLeast: number) => {
      asked.push(atLeast);
      return problem("overloaded", "Too much waits to be committed.");
    },
  };
  const services = {
    ...{ ledger, limits: { bodyBytesMax: 100_000 }, hub: { board: { rejected: 0 } }, origins: {} },
    refusals: new RefusalCounts(),
    turns: new RequestTurns({ now: () => 0, soon: () => {} }),
    admission: {
      admit: () => {},
      leave: () => {},
      rateHeaders: () => ({}),
      callerOf: () => ({ grant: ANYONE }),
    },
  };
  const app = makeApp(services as unknown as Services, { isTls: false });
  let pulled = 0;
  const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
  const request = new Request("http://localhost/publish", { method: "POST", body, headers });
  const response = await app.handle(request);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect({ asked, pulled }).toEqual({ asked: [bytes], pulled: 0 });
});
