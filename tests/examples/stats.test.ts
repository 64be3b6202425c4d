/** The subscribers of examples/: snapshot plus deltas is what the node has counted, also after a lost connection. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Counters } from "../support/contract.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { Program } from "../support/program.ts";
import { LANGUAGES } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

function lineOf({ received, unique_processed, duplicate_dropped, conflicts }: Counters): string {
  return `received ${received}, unique ${unique_processed}, duplicates ${duplicate_dropped}, conflicts ${conflicts}`;
}

/** Two new events, a duplicate and a conflict. */
async function publishFour(topic: string, round: number): Promise<void> {
  const event = { topic, event_id: `a-${round}`, payload: 1 };
  await node.publish([event, { ...event, event_id: `b-${round}` }, event, { ...event, payload: 2 }]);
}

describe.each(Object.entries(LANGUAGES))("in %s", (name, { stats }) => {
  test("snapshot plus deltas is what /stats says, through lost connections, without a second snapshot", async () => {
    const topic = `follow.${name}`;
    await publishFour(topic, 0);
    await using proxy = await CuttingProxy.to(node.port);
    await using program = new Program([...stats, proxy.wsUrl]);
    const reachedAll = async (): Promise<void> => {
      const line = lineOf(await node.stats());
      await program.until(() => program.lines.at(-1) === line);
    };
    await reachedAll();
    for (let round = 1; round <= 5; round++) await publishFour(topic, round);
    await reachedAll();
    proxy.cut();
    await publishFour(topic, 6);
    await reachedAll();
    expect(proxy.requests.length).toBe(2);
    expect(proxy.requests[0]).not.toContain("epoch=");
    expect(proxy.requests[1]).toMatch(/[?&]epoch=[^&]+&revision=\d+/);
    expect(program.stderr).toMatch(/^No connection to .*trying again\.\n$/);
  });

  test("follows only the topics it was given", async () => {
    await using program = new Program([...stats, node.wsUrl, `only.${name}.*,also.${name}`]);
    await program.until(() => program.lines.length === 1);
    await publishFour(`other.${name}`, 1);
    await publishFour(`only.${name}.x`, 1);
    await publishFour(`also.${name}`, 1);
    await program.until(() => program.lines.at(-1)!.startsWith("received 8,"));
    expect(program.lines[0]).toBe("received 0, unique 0, duplicates 0, conflicts 0");
    expect(program.lines.at(-1)).toBe("received 8, unique 4, duplicates 4, conflicts 2");
  });

  test("ends, and does not try for ever, when the node does not understand it", async () => {
    await using program = new Program([...stats, node.wsUrl, "a*b"]);
    expect(await program.exited()).toBe(1);
    expect(program.stderr).toContain("refused");
    expect(program.lines).toEqual([]);
  });
});
