/** What a test sees of a node is held against the documents; what is not in them is found, wherever it stands. */

import { afterAll, describe, expect, test } from "bun:test";
import { type Clients, TrafficObserver } from "../../support/traffic/observer.ts";

const COUNTERS = { received: 1, unique_processed: 1, duplicate_dropped: 0, conflicts: 0 };
const ACK = { type: "ack", frame: 1, id: 1, count: 1, ...COUNTERS };
const DELTA = { type: "delta", epoch: "e", from: 0, revision: 1, ...COUNTERS, topics: { orders: COUNTERS } };
const STATS = {
  ...COUNTERS,
  rejected: 0,
  topics: {},
  topic_count: 0,
  uptime_seconds: 1,
  started_at: "2026-01-31T12:00:00.000Z",
  epoch: "e",
  revision: 1,
};
const PROBLEM = {
  type: "urn:onefold:problem:overloaded",
  code: "overloaded",
  title: "The queue is full",
  status: 503,
  detail: "…",
};

/** Says whatever it was told to say. */
let answer: () => Response = () => new Response();
let frames: (string | Uint8Array)[] = [];
let closeCode = 1000;
const server = Bun.serve({
  port: 0,
  fetch: (request, self): Response | undefined => (self.upgrade(request) ? undefined : answer()),
  websocket: {
    open(socket) {
      for (const frame of frames) socket.send(frame);
      socket.close(closeCode);
    },
    message() {},
  },
});
afterAll(() => server.stop(true));

/** Clients of their own, so that the watch over all tests does not see what is meant to be wrong. */
const clients: Clients = { fetch: globalThis.fetch, WebSocket: globalThis.WebSocket };
const observer = new TrafficObserver((address) => {
  const { port, pathname, search } = new URL(address);
  return port === String(server.port) ? pathname + search : undefined;
});
observer.start(clients);

const url = (path: string): string => `http://localhost:${server.port}${path}`;

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": status < 400 ? "application/json" : "application/problem+json" },
  });

async function faultsOf(made: () => Response, path = "/stats", method = "GET"): Promise<string | undefined> {
  answer = made;
  await clients.fetch(url(path), { method });
  return observer.faults();
}

describe("an answer over HTTP", () => {
  test("that is as documented passes, whether or not it is read", async () => {
    expect(await faultsOf(() => json(STATS))).toBeUndefined();
    answer = () => json(STATS);
    const read = await clients.fetch(url("/stats?topic=orders"));
    expect(await read.json()).toEqual(STATS);
    expect(await observer.faults()).toBeUndefined();
  });

  const WRONG: [what: string, made: () => Response, path?: string, method?: string][] = [
    ["a member more", () => json({ ...STATS, more: 1 })],
    ["a member less", () => json({ ...STATS, conflicts: undefined })],
    ["a member more, deep inside", () => json({ ...STATS, topics: { orders: { ...COUNTERS, more: 1 } } })],
    ["another type of a member", () => json({ ...STATS, revision: "1" })],
    ["another time", () => json({ ...STATS, started_at: "yesterday" })],
    ["a status that is not documented", () => json(STATS, 201)],
    [
      "a media type that is not documented",
      () => new Response("{}", { headers: { "content-type": "text/json" } }),
    ],
    [
      "a code that is not documented here",
      () => json({ ...PROBLEM, status: 422, code: "invalid_event" }, 422),
    ],
    ["a problem to be tried again, without Retry-After", () => json(PROBLEM, 503), "/publish", "POST"],
    ["a path that there is not", () => json(STATS), "/stat"],
    ["no JSON at all", () => new Response("{", { headers: { "content-type": "application/json" } })],
    ["no problem for what there is not", () => new Response("Not Found", { status: 404 }), "/nothing"],
  ];
  test.each(
    WRONG.map(([what, made, path = "/stats", method = "GET"]) => [what, made, path, method] as const),
  )("with %s is found", async (_, made, path, method) => {
    expect(await faultsOf(made, path, method)).toStartWith("1 times a node said what its documents do not:");
    expect(await observer.faults()).toBeUndefined();
  });

  test("that is too long for a copy is seen where the test reads it", async () => {
    const topics = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`topic-${i}`, { ...COUNTERS }]),
    );
    for (const read of ["text", "json", "bytes", "arrayBuffer"] as const) {
      answer = () => json({ ...STATS, topics });
      const response = await clients.fetch(url("/stats"));
      expect(await observer.faults()).toBeUndefined();
      await response[read]();
      expect(await observer.faults()).toContain("must have required property 'first_at'");
    }
  });

  test("of events is passed on as it comes, and each frame in it is seen", async () => {
    const body = `retry: 1000\n\nid: a\ndata: ${JSON.stringify(DELTA)}\n\n:\n\ndata: ${JSON.stringify({ ...DELTA, more: 1 })}\n\n`;
    answer = () => new Response(body, { headers: { "content-type": "text/event-stream" } });
    const response = await clients.fetch(url("/ws/stats"));
    const parts: Uint8Array[] = [];
    for await (const part of response.body!) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe(body);
    expect(await observer.faults()).toStartWith("1 times a node said what its documents do not:");
  });
});

describe("a frame", () => {
  async function faultsOfFrames(path: string, sent: (string | Uint8Array)[], code = 1000) {
    frames = sent;
    closeCode = code;
    const socket = new clients.WebSocket(url(path).replace("http", "ws"));
    await new Promise((resolve) => socket.addEventListener("close", resolve));
    return observer.faults();
  }

  test("that is as documented passes", async () => {
    expect(await faultsOfFrames("/ws/publish", [JSON.stringify(ACK)])).toBeUndefined();
    expect(await faultsOfFrames("/ws/stats?topics=orders", [JSON.stringify(DELTA)], 4408)).toBeUndefined();
  });

  const WRONG: [what: string, path: string, frame: string | Uint8Array][] = [
    ["a member more", "/ws/publish", JSON.stringify({ ...ACK, more: 1 })],
    ["a member less", "/ws/publish", JSON.stringify({ ...ACK, id: undefined })],
    [
      "a member more of a topic",
      "/ws/stats",
      JSON.stringify({ ...DELTA, topics: { a: { ...COUNTERS, more: 1 } } }),
    ],
    ["a type of another channel", "/ws/stats", JSON.stringify(ACK)],
    ["a type that there is not", "/ws/stats", '{"type":"news"}'],
    ["no type", "/ws/publish", "[]"],
    ["no JSON", "/ws/publish", "ack"],
    ["bytes", "/ws/publish", new Uint8Array([123, 125])],
  ];
  test.each(WRONG)("with %s is found", async (_, path, frame) => {
    expect(await faultsOfFrames(path, [frame])).toStartWith("1 times a node said what its documents do not:");
  });

  test("on a channel that there is not is found", async () => {
    expect(await faultsOfFrames("/ws/nothing", [JSON.stringify(ACK)])).toContain("/ws/nothing is no channel");
  });

  test("that closes has a code that is documented", async () => {
    expect(await faultsOfFrames("/ws/stats", [], 4999)).toContain("/ws/stats was closed with 4999");
  });
});

test("what others say is not looked at", async () => {
  using other = Bun.serve({ port: 0, fetch: () => Response.json({ any: "thing" }) });
  await clients.fetch(other.url);
  expect(await observer.faults()).toBeUndefined();
});
