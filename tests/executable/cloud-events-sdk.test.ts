/** The official CloudEvents SDK as the client: what it sends in any mode is what it reads back. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CloudEvent, type CloudEventV1, HTTP, type Message } from "cloudevents";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

/** What the SDK can hold, each under an id of its own. */
function eventsOf(mode: string): CloudEvent<unknown>[] {
  const event = (id: string, more: Partial<CloudEventV1<unknown>>) =>
    new CloudEvent<unknown>({
      type: `sdk.${mode}`,
      source: "https://shop.example/orders?a=b#c",
      id,
      ...more,
    });
  return [
    event("object", { data: { total: 42, lines: [{ sku: "a", n: 1.5 }], note: "größer 🎉" } }),
    event("attributes", {
      ...{
        subject: "order-1001",
        dataschema: "https://shop.example/schema",
        time: "2026-01-31T12:00:00.123Z",
      },
      ...{ datacontenttype: "application/json", data: [1, 2] },
    }),
    event("extensions", {
      ext1: "value",
      partitionkey: "7",
      traceparent: "00-4bf92f3577b34da6-00",
      data: {},
    }),
    event("text", { datacontenttype: "text/plain", data: "plain text" }),
    event("bytes", { datacontenttype: "application/octet-stream", data: Uint8Array.of(0, 1, 254, 255) }),
  ];
}

/** Extensions that have a type: in headers they are texts. */
function typedEvent(mode: string): CloudEvent<unknown> {
  return new CloudEvent<unknown>({
    ...{ type: `sdk.${mode}`, source: "/s", id: "typed", data: 1, yes: true, n: -2147483648 },
  });
}

async function post({ headers, body }: Message): Promise<void> {
  const response = await fetch(`${node.url}/publish`, {
    method: "POST",
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    body: body as string | Uint8Array<ArrayBuffer>,
  });
  expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
}

/** As JSON: the SDK keeps bytes in an array of the kind that it likes at the moment. */
const plain = (event: unknown): unknown => JSON.parse(JSON.stringify(event));

async function oneBack({ type, id, source }: CloudEvent<unknown>): Promise<CloudEvent<unknown>> {
  const path = `/events/${encodeURIComponent(type)}/${id}?scope=${encodeURIComponent(source)}`;
  const response = await fetch(node.url + path, { headers: { accept: "application/cloudevents+json" } });
  const headers = Object.fromEntries(response.headers);
  return HTTP.toEvent<unknown>({ headers, body: await response.text() }) as CloudEvent<unknown>;
}

async function batchBack(type: string): Promise<CloudEvent<unknown>[]> {
  const accept = "application/cloudevents-batch+json";
  const response = await fetch(`${node.url}/events?topic=${type}`, { headers: { accept } });
  const headers = Object.fromEntries(response.headers);
  return HTTP.toEvent<unknown>({ headers, body: await response.text() }) as CloudEvent<unknown>[];
}

async function expectBack(events: readonly CloudEvent<unknown>[]): Promise<void> {
  expect(plain(await batchBack(events[0]!.type))).toEqual(plain(events));
  for (const event of events) expect(plain(await oneBack(event))).toEqual(plain(event));
}

/** The SDK names this type where an event names none, as the specification has it for data that is JSON. */
function withContentType(event: CloudEvent<unknown>): CloudEvent<unknown> {
  return event.datacontenttype === undefined
    ? event.cloneWith({ datacontenttype: "application/json; charset=utf-8" })
    : event;
}

describe("what the SDK sends is what it reads back", () => {
  test("in structured mode", async () => {
    const events = [...eventsOf("structured"), typedEvent("structured")];
    for (const event of events) await post(HTTP.structured(event));
    await expectBack(events);
  });

  test("in binary mode", async () => {
    const events = eventsOf("binary");
    for (const event of events) await post(HTTP.binary(event));
    await expectBack(events.map(withContentType));
  });

  test("as a batch", async () => {
    const events = [...eventsOf("batch"), typedEvent("batch")];
    const headers = { "content-type": "application/cloudevents-batch+json" };
    await post({ headers, body: JSON.stringify(events) });
    await expectBack(events);
  });

  test("over /ws/publish", async () => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/publish`, { protocols: ["cloudevents.json"] });
    await socket.next();
    const events = [...eventsOf("socket"), typedEvent("socket")];
    for (const event of events) socket.send(HTTP.structured(event).body);
    for (const [i] of events.entries())
      expect(await socket.next()).toMatchObject({ type: "ack", frame: i + 1 });
    await expectBack(events);
  });
});

test("the same event in every mode is counted once, and from another source once more", async () => {
  const event = new CloudEvent({ type: "sdk.once", source: "/a", id: "1", data: { n: 1 } });
  const headers = { "content-type": "application/cloudevents-batch+json" };
  for (const sent of [event, event.cloneWith({ source: "/b" })]) {
    await post(HTTP.structured(sent));
    await post(HTTP.binary(sent));
    await post({ headers, body: JSON.stringify([sent]) });
  }
  const { topics } = await node.stats("?topic=sdk.once");
  expect(topics["sdk.once"]).toMatchObject({ received: 6, unique_processed: 2, conflicts: 0 });
});

test("the SDK takes what was published otherwise", async () => {
  await node.publish({ topic: "sdk.native", event_id: "n", source: "check out", payload: { n: 1 } });
  const [event] = await batchBack("sdk.native");
  expect(event!.validate()).toBe(true);
  expect(plain(event)).toMatchObject({ id: "n", source: "check%20out", type: "sdk.native", data: { n: 1 } });
});
