/** Payloads come back exactly in value, over both edges; spelling makes no conflict, a difference always does. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { openPublishChannel, type TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
let channel: TestSocket;
beforeAll(async () => {
  node = await NodeProcess.start();
  channel = await openPublishChannel(node.wsUrl);
});
afterAll(async () => {
  channel[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

interface Verdict {
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

/** Every way an event can come in, as text that no client library has touched. */
const EDGES: Record<string, (event: string) => Promise<Verdict>> = {
  "HTTP, one event": async (event) => node.publish(event),
  "HTTP, an array": async (event) => node.publish(`[${event}]`),
  "HTTP, `events`": async (event) => node.publish(`{"events":[${event}]}`),
  "a socket, bare": (event) => overSocket(event),
  "a socket, an array": (event) => overSocket(`[${event}]`),
  "a socket, a frame": (event) => overSocket(`{"type":"publish","id":1,"events":[${event}]}`),
};

async function overSocket(frame: string): Promise<Verdict> {
  channel.send(frame);
  const answer = await channel.next();
  expect(answer.type).toBe("ack");
  return answer;
}

let ids = 0;

/** The payload of the stored event, as the text it is sent in. */
async function readPayload(eventId: string): Promise<string> {
  const text = await node.getText(`/events/exact/${eventId}`);
  return /"payload":(.*),"received_at":"[^"]*"}$/s.exec(text)![1]!;
}

const KEPT = [
  "12345678901234567890",
  "-12345678901234567890",
  "9007199254740993",
  "1e400",
  "-1e400",
  "1e-400",
  "0.1000000000000000055",
  "-0",
  "3.141592653589793238462643383279",
  "123456789012345678901234567890.000000000000000000001",
];

describe.each(Object.keys(EDGES))("over %s", (edge) => {
  test.each(KEPT)("the number %s comes back as it was sent, alone and deep inside", async (number) => {
    const eventId = `n${++ids}`;
    const payload = `{"at":[${number},{"deep":[[${number}]]}],"n":${number}}`;
    await EDGES[edge]!(`{"topic":"exact","event_id":"${eventId}","payload":${payload}}`);
    expect(await readPayload(eventId)).toBe(payload);
    const alone = `n${++ids}`;
    await EDGES[edge]!(`{"topic":"exact","event_id":"${alone}","payload":${number}}`);
    expect(await readPayload(alone)).toBe(number);
  });

  test("text that looks like numbers, escapes and every kind of value are kept", async () => {
    const payload = {
      text: '12345678901234567890, "1e400": -0 \\ / \u0000 \u2028 \u{1f389} \ud800',
      "": null,
      __proto__: undefined,
      values: [true, false, null, 0, -1, 1.5, 1e21, 5e-324, 1.7976931348623157e308, "", [], {}],
    };
    const eventId = `v${++ids}`;
    await EDGES[edge]!(JSON.stringify({ topic: "exact", event_id: eventId, payload }));
    expect((await node.find("exact", eventId))!.payload).toEqual(JSON.parse(JSON.stringify(payload)));
  });

  test("a member named __proto__ stays a member", async () => {
    const eventId = `p${++ids}`;
    const payload = '{"__proto__":{"n":12345678901234567890},"constructor":1}';
    await EDGES[edge]!(`{"topic":"exact","event_id":"${eventId}","payload":${payload}}`);
    expect(await readPayload(eventId)).toBe(payload);
  });
});

async function arriveTwice(first: string, second: string, edge: string): Promise<Verdict> {
  const eventId = `c${++ids}`;
  const event = (payload: string): string => `{"topic":"exact","event_id":"${eventId}","payload":${payload}}`;
  await EDGES[edge]!(event(first));
  return EDGES[edge]!(event(second));
}

describe.each(["HTTP, one event", "a socket, a frame"])("over %s", (edge) => {
  test.each([
    ["1.0", "1"],
    ["10e-1", "1"],
    ["1E2", "100"],
    ["1e400", "10e399"],
    ["12345678901234567890", "12345678901234567890.0"],
    ["-0", "0"],
    ['{"a":1,"b":[{"c":2,"d":3}]}', '{ "b": [ {"d":3,"c":2} ],\n"a":1 }'],
    ['"\\u0041\\/"', '"A/"'],
    ['{"a":1,"a":2}', '{"a":2}'],
  ])("%s and then %s is no conflict", async (first, second) => {
    expect(await arriveTwice(first, second, edge)).toMatchObject({ duplicate_dropped: 1, conflicts: 0 });
  });

  test.each([
    ["12345678901234567890", "12345678901234567891"],
    ["9007199254740992", "9007199254740993"],
    ["1e400", "1e401"],
    ["1e400", "null"],
    ["0.1", "0.1000000000000000055"],
    ["1", '"1"'],
    ["0", "false"],
    ["[]", "{}"],
    ["[1,2]", "[2,1]"],
    ['{"a":null}', "{}"],
    ['{"__proto__":1}', "{}"],
    ['"é"', '"e\\u0301"'],
  ])("%s and then %s is a conflict", async (first, second) => {
    expect(await arriveTwice(first, second, edge)).toMatchObject({ duplicate_dropped: 1, conflicts: 1 });
  });
});
