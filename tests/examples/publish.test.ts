/** The publishers of examples/: whatever happens to the connection, every event is counted, and once. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { LANGUAGES } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

/** More than the examples have on their way at once. */
const EVENTS = 600;

function eventLine(topic: string, id: number | string, payload: unknown = { text: "naïve ☃ 𝄞" }): string {
  return `${JSON.stringify({ topic, event_id: `event-${id}`, payload })}\n`;
}

function eventLines(topic: string, from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => eventLine(topic, from + i)).join("");
}

describe.each(Object.entries(LANGUAGES))("in %s", (name, { publish }) => {
  test("new events, duplicates and conflicts are acknowledged and told apart", async () => {
    const topic = `plain.${name}`;
    await using program = new Program([...publish, node.wsUrl]);
    await program.write(eventLine(topic, 1) + eventLine(topic, 2) + eventLine(topic, 1));
    await program.write(`\n${eventLine(topic, 2, { other: true })}`);
    expect(await program.end()).toBe(0);
    expect(program.stdout).toBe("acknowledged 4: unique 2, duplicates 2, conflicts 1\n");
    expect(program.stderr).toBe("");
    expect((await node.find(topic, "event-1"))?.payload).toEqual({ text: "naïve ☃ 𝄞" });
  });

  test("frames of every length arrive whole", async () => {
    const topic = `lengths.${name}`;
    const overhead = eventLine(topic, 10, "").length - 1;
    const lengths = [125, 126, 127, 65_535, 65_536, 300_000].map((length) => length - overhead);
    await using program = new Program([...publish, node.wsUrl]);
    for (const [i, length] of lengths.entries())
      await program.write(eventLine(topic, 10 + i, "x".repeat(length)));
    expect(await program.end()).toBe(0);
    expect(program.stdout).toBe(
      `acknowledged ${lengths.length}: unique ${lengths.length}, duplicates 0, conflicts 0\n`,
    );
    for (const [i, length] of lengths.entries())
      expect((await node.find(topic, `event-${10 + i}`))?.payload).toBe("x".repeat(length));
  });

  test("an event that is refused for good is told, fails the run, and costs the others nothing", async () => {
    const topic = `refused.${name}`;
    await using program = new Program([...publish, node.wsUrl]);
    await program.write(`${eventLine(topic, 1)}{"topic":"no id"}\nnot JSON\n${eventLine(topic, 2)}`);
    expect(await program.end()).toBe(1);
    expect(program.stdout).toBe("acknowledged 2: unique 2, duplicates 0, conflicts 0\n");
    expect(program.stderr.match(/^refused: \{.*"invalid_event"/m)).not.toBeNull();
    expect(program.stderr.match(/^refused: \{.*"malformed_json"/m)).not.toBeNull();
  });

  test("an acknowledgement that is lost with the connection: the event is sent again and counted once", async () => {
    const topic = `lost.${name}`;
    await using proxy = await CuttingProxy.to(node.port);
    proxy.loseNextAcknowledgement();
    await using program = new Program([...publish, proxy.wsUrl]);
    await program.write(eventLines(topic, 0, EVENTS));
    expect(await program.end()).toBe(0);
    expect(proxy.lostAcknowledgements).toBe(1);
    expect(proxy.requests.length).toBe(2);
    expect(program.stdout).toStartWith(`acknowledged ${EVENTS}: unique `);
    const { unique_processed, duplicate_dropped } = await node.stats(`?topic=${topic}`);
    expect(unique_processed).toBe(EVENTS);
    expect(duplicate_dropped).toBePositive();
  });

  test("a node that is killed in the middle and started again has every event, once", async () => {
    const topic = `killed.${name}`;
    using data = new TempFolder();
    await using first = await NodeProcess.start({ data: data.path });
    await using proxy = await CuttingProxy.to(first.port);
    await using program = new Program([...publish, proxy.wsUrl]);
    await program.write(eventLines(topic, 0, EVENTS / 2));
    while ((await first.stats()).received < 10);
    await first.kill9();
    await using second = await NodeProcess.start({ data: data.path });
    proxy.retarget(second.port);
    await program.write(eventLines(topic, EVENTS / 2, EVENTS));
    expect(await program.end()).toBe(0);
    expect(program.stdout).toStartWith(`acknowledged ${EVENTS}: unique `);
    expect((await second.stats()).unique_processed).toBe(EVENTS);
  });
});
