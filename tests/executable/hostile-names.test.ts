/** Names that every object inherits, in every place where a name can stand: they are names like any other. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineSetter__",
  "__lookupGetter__",
  "toJSON",
  "then",
  "length",
  "rawJSON",
] as const;

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(async () => {
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
  await node[Symbol.asyncDispose]();
});

/** Own members alone, in their order: nothing that is looked up on the way. */
function own(text: string): [string, unknown][] {
  return Object.entries(JSON.parse(text) as Record<string, unknown>);
}

describe.each(NAMES)("%s", (name) => {
  const payload = `{"${name}":{"${name}":[{"${name}":null}],"a":1},"z":{"__proto__":{"admin":true}}}`;

  test("as a topic, an id, a source and a payload's member is stored and read back to the letter", async () => {
    const event = `{"topic":"${name}","event_id":"${name}","source":"${name}","payload":${payload}}`;
    expect(await node.publish(event)).toMatchObject({ unique_processed: 1, topic: name, event_id: name });
    expect(await node.publish(event)).toMatchObject({ duplicate_dropped: 1, conflicts: 0 });
    const read = await node.getText(`/events/${name}/${name}`);
    expect(read).toContain(`"payload":${payload}`);
    expect(JSON.parse(read)).toMatchObject({ topic: name, event_id: name, source: name });
    expect(await node.getText(`/events?topic=${name}&source=${name}`)).toContain(payload);
  });

  test("as a topic has counters of its own", async () => {
    const stats = await node.getText(`/stats?topic=${name}`);
    const topics = own(stats).find(([member]) => member === "topics")![1] as Record<string, unknown>;
    expect(Object.keys(topics)).toEqual([name]);
    expect(Object.entries(topics)[0]![1]).toMatchObject({ received: 2, unique_processed: 1 });
    const page = own(await node.getText(`/topics?prefix=${name}`));
    expect(page).toContainEqual(["topics", [expect.objectContaining({ topic: name, received: 2 })]]);
  });

  test("as a topic of a subscription covers itself and nothing else", async () => {
    for (const pattern of [name, `${name}*`]) {
      using stats = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=${pattern}&interval=20`);
      const snapshot = await stats.nextText();
      expect(Object.keys(JSON.parse(snapshot).topics)).toEqual([name]);
      stats.send({ type: "subscribe", topics: [`${name}.none`] });
      expect((await stats.next()).topics).toEqual({});
      stats.send({ type: "subscribe", topics: [pattern] });
      expect(Object.keys((await stats.next()).topics)).toEqual([name]);
    }
  });

  test("as a parameter is unknown, everywhere; as a value it is refused where it is none", async () => {
    for (const path of ["/stats", "/topics", "/events", "/conflicts", "/events/a/b"])
      await expectProblem(await fetch(`${node.url}${path}?${name}=1`), {
        status: 422,
        code: "invalid_parameter",
      });
    for (const query of [`limit=${name}`, `order=${name}`, `since=${name}`, `after=${name}`])
      await expectProblem(await fetch(`${node.url}/events?${query}`), {
        status: 422,
        code: "invalid_parameter",
      });
    const results = await node.post({ event_id: "x" }, { query: `?results=${name}` });
    await expectProblem(results, { status: 422, code: "invalid_parameter" });
  });

  test("as a header, a content type and an encoding has no meaning", async () => {
    const send = (headers: Record<string, string>): Promise<Response> =>
      node.post('{"topic":"headers","event_id":"x"}', { headers });
    expect((await send({ [name]: name })).status).toBe(200);
    for (const headers of [{ "content-type": name }, { "content-encoding": name }] as Record<
      string,
      string
    >[])
      await expectProblem(await send(headers), { status: 415, code: "unsupported_media_type" });
  });

  test("as a path is not found", async () => {
    for (const path of [`/${name}`, `/events/${name}`, `/events/none/${name}`, `/docs/${name}`])
      await expectProblem(await fetch(`${node.url}${path}`), { status: 404, code: "not_found" });
  });
});

describe.each(NAMES)("%s in what is refused", (name) => {
  test("as an unknown member is named, in an event, an envelope and a frame", async () => {
    for (const [body, pointer] of [
      [`{"event_id":"x","${name}":{"event_id":"y"}}`, `/${name}`],
      [`{"events":[],"${name}":[]}`, `/${name}`],
      [`{"events":[{"${name}":{},"event_id":"x"}]}`, `/events/0/${name}`],
    ] as const) {
      const problem = await expectProblem(await node.post(body), { status: 422, code: "invalid_event" });
      expect(problem.errors!.map((place) => place.pointer)).toEqual([pointer]);
    }
    using channel = await openPublishChannel(node.wsUrl);
    channel.send(`{"type":"publish","events":[],"${name}":1}`);
    expect(await channel.next()).toMatchObject({ code: "invalid_frame", errors: [{ pointer: `/${name}` }] });
    channel.send(`{"type":"${name}"}`);
    expect(await channel.next()).toMatchObject({ code: "invalid_frame" });
    channel.send(`{"type":"publish","id":"${name}","events":[]}`);
    expect(await channel.next()).toMatchObject({ type: "ack", id: name });
    using stats = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=none`);
    await stats.next();
    stats.send(`{"type":"subscribe","${name}":{"topics":[]}}`);
    expect(await stats.next()).toMatchObject({ code: "invalid_frame", errors: [{ pointer: `/${name}` }] });
    stats.send(`{"type":"${name}"}`);
    expect(await stats.next()).toMatchObject({ code: "invalid_frame" });
  });
});

test("deltas of such topics arrive under their names", async () => {
  using stats = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=__proto__,constructor&interval=20`);
  await stats.next();
  await node.publish('[{"topic":"__proto__","event_id":"delta"},{"topic":"constructor","event_id":"delta"}]');
  const names = new Set<string>();
  while (names.size < 2) for (const name of Object.keys((await stats.next()).topics)) names.add(name);
  expect([...names].sort()).toEqual(["__proto__", "constructor"]);
});

test("nothing of it has become a member of every object: an event without a payload has none", async () => {
  await node.publish('{"topic":"plain","event_id":"1"}');
  expect(Object.keys((await node.find("plain", "1"))!).sort()).toEqual(
    ["event_id", "payload", "received_at", "seq", "source", "timestamp", "topic"].sort(),
  );
  expect((await node.stats()).topic_count).toBe(NAMES.length + 2);
});
