/** GET /docs/asyncapi.json: the document says all that goes over the channels of a node, and nothing else. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import { PERMISSIONS } from "../../src/server/permissions.ts";
import { AsyncApiJudge, nameOf } from "../support/async-api.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { refsIn, resolveRef } from "../support/open-api.ts";
import { routesOfApp } from "../support/routes.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const EVENTS_MAX = 50;
const PATTERNS_MAX = 7;
const BODY_BYTES_MAX = 4_096;

let node: NodeProcess;
let judge: AsyncApiJudge;
beforeAll(async () => {
  const limits = {
    "--max-events": EVENTS_MAX,
    "--max-patterns": PATTERNS_MAX,
    "--max-body-bytes": BODY_BYTES_MAX,
  };
  node = await NodeProcess.start({
    flags: Object.entries(limits).flatMap(([flag, most]) => [flag, `${most}`]),
  });
  judge = new AsyncApiJudge(await node.getText("/docs/asyncapi.json"));
});
afterAll(() => node[Symbol.asyncDispose]());

describe("the document", () => {
  test("is AsyncAPI 3, and the parser of that project finds nothing to complain or warn about", async () => {
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(judge.document));
    expect(diagnostics).toEqual([]);
    expect(document!.version()).toStartWith("3.");
    const broken = structuredClone(judge.document) as { channels: Record<string, { address: unknown }> };
    broken.channels.publish!.address = 7;
    expect((await new Parser().parse(JSON.stringify(broken))).diagnostics).not.toEqual([]);
  });

  test("describes every channel that the node has and nothing else, with the scopes that each asks for", () => {
    const routes = routesOfApp().map(({ path }) => path);
    const expected = routes.filter((path) => path.startsWith("/ws/") || path.endsWith("/stream"));
    const channels = Object.values(judge.document.channels);
    expect(channels.map(({ address }) => address).sort()).toEqual(expected.sort());
    for (const { address, "x-scopes": scopes } of channels)
      expect({ address, scopes }).toEqual({ address, scopes: [...PERMISSIONS[`GET ${address}`]!] });
  });

  test("has no reference that leads nowhere, and nothing that no reference leads to", () => {
    const refs = new Set(refsIn(judge.document));
    for (const ref of refs)
      expect({ ref, target: typeof resolveRef(judge.document, ref) }).toEqual({ ref, target: "object" });
    for (const [kind, parts] of Object.entries(judge.document.components))
      for (const name of Object.keys(parts)) expect(refs).toContain(`#/components/${kind}/${name}`);
  });

  test("has examples of every message, and none that its own schema refuses", () => {
    const messages = Object.values(judge.document.components.messages);
    expect(messages.length).toBeGreaterThan(10);
    for (const { name, payload, examples } of messages) {
      expect(examples).not.toBeEmpty();
      for (const example of examples)
        expect({ name, faults: judge.faults(nameOf(payload), example.payload) }).toEqual({
          name,
          faults: [],
        });
    }
  });

  test("has the limits of this node, and the version that it runs", async () => {
    const schemas = JSON.stringify(judge.document.components.schemas);
    expect(schemas).toContain(`"maxItems":${EVENTS_MAX}`);
    expect(schemas).toContain(`"maxItems":${PATTERNS_MAX}`);
    using socket = await TestSocket.open(`${node.wsUrl}/ws/publish`);
    const hello: unknown = await socket.next();
    expect(judge.document.components.messages.hello!.examples[0]!.payload).toEqual(hello);
    const { version } = JSON.parse(await node.getText("/health")) as { version: string };
    expect(judge.document.info.version).toBe(version);
  });

  test("has the close codes of docs/protocol.md", () => {
    const page = readFileSync(join(import.meta.dir, "../../docs/protocol.md"), "utf8");
    const table = page.slice(page.indexOf("## Close codes"));
    const codes = [...table.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
    expect(codes.length).toBeGreaterThan(5);
    for (const channel of Object.values(judge.document.channels)) {
      if (!channel.address.startsWith("/ws/")) continue;
      expect(channel["x-close-codes"]!.map(({ code }) => code)).toEqual(codes);
    }
  });
});

describe("what the document says of a frame, the node holds to:", () => {
  const topic = "orders";
  const many = (length: number): object[] => Array.from({ length }, (_, i) => ({ id: `${i}` }));
  const PUBLISHES = [
    { type: "publish", events: [] },
    { type: "publish", id: 7, events: [{ topic, event_id: "1" }] },
    { type: "publish", id: "seven", events: [{ id: "1" }], results: true },
    { events: [{ id: "1" }], id: 8 },
    { type: "publish", events: many(EVENTS_MAX) },
    { type: "publish", events: many(EVENTS_MAX + 1) },
    { type: "publish", events: {} },
    { type: "publish" },
    { type: "publish", id: 1.5, events: [] },
    { type: "publish", id: null, events: [] },
    { type: "publish", id: "x".repeat(255), events: [] },
    { type: "publish", id: "x".repeat(256), events: [] },
    { type: "publish", events: [], results: 1 },
    { type: "publish", events: [], result: true },
    { type: "publishes", events: [] },
    { type: "publish", events: [{}] },
    { event_id: "1" },
    { id: "1", topic: "a b" },
    {},
    [],
    [{ event_id: "1" }],
    [{ event_id: "1" }, {}],
    1,
    null,
    "publish",
  ];

  test.each(PUBLISHES.map((frame) => [frame]))("/ws/publish: %j", async (frame) => {
    const others = ["AuthFrame", "CloudEvent"];
    const models = judge.models("publish", "received").filter((model) => !others.includes(model));
    const isDocumented = models.some((model) => judge.faults(model, frame).length === 0);
    using socket = await openPublishChannel(node.wsUrl);
    socket.send(JSON.stringify(frame));
    expect((await socket.next()).type).toBe(isDocumented ? "ack" : "error");
  });

  const CLOUD_EVENT = { specversion: "1.0", id: "1", source: "/checkout", type: "orders.paid" };
  const CLOUD_EVENTS = [
    CLOUD_EVENT,
    { ...CLOUD_EVENT, data: { amount: 49.9 }, subject: "order-1001", traceparent: "00-0af7" },
    { ...CLOUD_EVENT, data_base64: "AAEC", sampled: true, attempt: 3 },
    { ...CLOUD_EVENT, specversion: "2.0" },
    { ...CLOUD_EVENT, id: 7 },
    { ...CLOUD_EVENT, id: "" },
    { ...CLOUD_EVENT, source: undefined },
    { ...CLOUD_EVENT, type: undefined },
    { ...CLOUD_EVENT, extension: { nested: true } },
    { ...CLOUD_EVENT, attempt: 2 ** 31 },
    { event_id: "1" },
    [CLOUD_EVENT],
  ];

  test.each(CLOUD_EVENTS.map((frame) => [frame]))("/ws/publish under cloudevents.json: %j", async (frame) => {
    const isDocumented = judge.faults("CloudEvent", JSON.parse(JSON.stringify(frame))).length === 0;
    using socket = await openPublishChannel(node.wsUrl, { protocols: ["cloudevents.json"] });
    expect(judge.document.channels.publish!["x-subprotocols"]).toContain(socket.protocol);
    socket.send(JSON.stringify(frame));
    expect((await socket.next()).type).toBe(isDocumented ? "ack" : "error");
  });

  const SUBSCRIPTIONS = [
    { type: "subscribe" },
    { type: "subscribe", topics: [] },
    { type: "subscribe", topics: ["*"] },
    { type: "subscribe", topics: ["orders", "payments.*", "ünï/./-_:*"] },
    { type: "subscribe", topics: ["a*b"] },
    { type: "subscribe", topics: ["**"] },
    { type: "subscribe", topics: ["a b"] },
    { type: "subscribe", topics: [""] },
    { type: "subscribe", topics: [7] },
    { type: "subscribe", topics: "orders" },
    { type: "subscribe", topics: ["x".repeat(255)] },
    { type: "subscribe", topics: Array.from({ length: PATTERNS_MAX }, (_, i) => `t${i}`) },
    { type: "subscribe", topics: Array.from({ length: PATTERNS_MAX + 1 }, (_, i) => `t${i}`) },
    { type: "subscribe", interval: 0 },
    { type: "subscribe", interval: 17.5 },
    { type: "subscribe", interval: -1 },
    { type: "subscribe", interval: "100" },
    { type: "subscribe", epoch: "another", revision: 1 },
    { type: "subscribe", epoch: 1 },
    { type: "subscribe", revision: 1.5 },
    { type: "subscribe", topic: "orders" },
    { type: "ping" },
    { type: "pong" },
    {},
    [],
    null,
  ];

  test.each(SUBSCRIPTIONS.map((frame) => [frame]))("/ws/stats: %j", async (frame) => {
    const isDocumented = judge
      .models("stats", "received")
      .some((model) => judge.faults(model, frame).length === 0);
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats`);
    await socket.until(({ type }) => type === "snapshot");
    socket.send(JSON.stringify(frame));
    const { type } = await socket.next();
    expect({ type, isError: type === "error" }).toEqual({ type, isError: !isDocumented });
  });

  test("a channel takes every parameter with its default and its examples, and no other", async () => {
    for (const [name, { address, bindings }] of Object.entries(judge.document.channels)) {
      if (bindings === undefined) continue;
      const open = async (query: string): Promise<string> => {
        using socket = await TestSocket.open(`${node.wsUrl}${address}?${query}`);
        // A feed that has nothing to tell answers all the same.
        if (name !== "publish") socket.send({ type: "ping" });
        return (await socket.next()).type;
      };
      for (const [parameter, schema] of Object.entries(bindings.ws.query.properties))
        for (const value of [schema.default, ...(schema.examples ?? [])])
          if (value !== undefined)
            expect(await open(`${parameter}=${encodeURIComponent(String(value))}`)).not.toBe("error");
      expect(await open("unknown=1")).toBe("error");
    }
  });
});
