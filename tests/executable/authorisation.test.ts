/** Every route × every kind of caller: who is let in, and what those see who are let in to some topics. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Scope } from "../../src/access/principal.ts";
import { PERMISSIONS, permissionOf } from "../../src/server/permissions.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { routesOfApp } from "../support/routes.ts";
import { TestSocket } from "../support/socket.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
let owner: string;
beforeAll(async () => {
  owner = webToken({ scope: "publish subscribe admin" });
  node = await NodeProcess.start(WEB_TOKEN_NODE);
  for (const topic of ["mine", "theirs"]) {
    const sent = await send("POST", "/publish", owner, [
      { topic, event_id: "1", payload: 1 },
      { topic, event_id: "1", payload: 2 },
    ]);
    expect(sent.status).toBe(200);
  }
});
afterAll(() => node[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function send(method: string, path: string, token?: string, body?: unknown): Promise<Answer> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await fetch(node.url + path, init);
  // A stream has no end: that it was let in stands in its head.
  const isStream = response.headers.get("content-type") === "text/event-stream";
  if (isStream) await response.body?.cancel();
  if (isStream) return { status: response.status, text: "", headers: response.headers };
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** How each route that asks for a scope is asked about a topic; one that names none says what it shows. */
interface Example {
  readonly path: (topic: string) => string;
  readonly body?: (topic: string) => unknown;
  /** Whether the topic that is asked for stands in the request, so that another one is refused. */
  readonly namesTopic: boolean;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  "POST /publish": {
    path: () => "/publish",
    body: (topic) => [{ topic, event_id: "another" }],
    namesTopic: true,
  },
  "GET /stats": { path: (topic) => `/stats?topic=${topic}`, namesTopic: true },
  "GET /stats/stream": { path: (topic) => `/stats/stream?topics=${topic}`, namesTopic: true },
  "GET /events/stream": { path: (topic) => `/events/stream?topics=${topic}`, namesTopic: true },
  "GET /topics": { path: () => "/topics", namesTopic: false },
  "GET /events": { path: (topic) => `/events?topic=${topic}`, namesTopic: true },
  "GET /events/:topic/:event_id": { path: (topic) => `/events/${topic}/1`, namesTopic: true },
  "GET /conflicts": { path: (topic) => `/conflicts?topic=${topic}`, namesTopic: true },
  "GET /metrics": { path: () => "/metrics", namesTopic: false },
  "GET /ws/stats": { path: (topic) => `/ws/stats?topics=${topic}`, namesTopic: true },
  "GET /ws/events": { path: (topic) => `/ws/events?topics=${topic}&after=0`, namesTopic: true },
  "GET /ws/publish": { path: () => "/ws/publish", namesTopic: false },
};

/** Each route that asks for a scope, with the first of which one is enough. */
const SCOPED = Object.entries(PERMISSIONS).flatMap(([route, [scope]]): [string, Scope][] =>
  scope === undefined ? [] : [[route, scope]],
);

test("every route of the app has a permission, and every permission a route and an example", () => {
  const routes = routesOfApp().map(({ method, path }) => `${method === "WS" ? "GET" : method} ${path}`);
  expect(routes.length).toBeGreaterThan(12);
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    expect({ route, permission: permissionOf(method, path) }).not.toEqual({ route, permission: undefined });
  }
  for (const route of Object.keys(PERMISSIONS)) expect(routes).toContain(route);
  expect(Object.keys(EXAMPLES).sort()).toEqual(SCOPED.map(([route]) => route).sort());
  expect(permissionOf("GET", "/not/there")).toBeUndefined();
  expect(permissionOf("POST", "/stats")).toBeUndefined();
  expect(permissionOf("GET", "/constructor")).toBeUndefined();
});

/** Callers that are turned away from every route that asks for a scope. */
const STRANGERS: [who: string, status: number, token: (scope: Scope) => string | undefined][] = [
  ["no token", 401, () => undefined],
  ["a wrong token", 401, () => "onefold_wrong"],
  [
    "a token signed with another key",
    401,
    () => webToken({ secret: "another secret, of 32 bytes and more too" }),
  ],
  ["an expired token", 401, () => webToken({ seconds: -60 })],
  [
    "a token of another scope",
    403,
    (scope) => webToken({ scope: scope === "publish" ? "subscribe" : "publish" }),
  ],
  ["a token without a scope", 403, () => webToken({ scope: "" })],
  ["a token without topics", 403, () => webToken({ topics: [] })],
];

describe.each(SCOPED)("%s", (route, scope) => {
  const [method = ""] = route.split(" ");
  const { path, body, namesTopic } = EXAMPLES[route]!;
  const isSocket = route.includes("/ws/");

  /** The status of an answer, or the code that a socket is closed with; 101 where it stays open. */
  const outcome = async (topic: string, token: string | undefined): Promise<number> => {
    if (!isSocket) return (await send(method, path(topic), token, body?.(topic))).status;
    const query = token === undefined ? "" : `${path(topic).includes("?") ? "&" : "?"}access_token=${token}`;
    using socket = await TestSocket.open(node.wsUrl + path(topic) + query);
    const { type } = await socket.next();
    return type === "error" ? (await socket.closed).code : 101;
  };
  const refused = (status: number): number => (isSocket ? 4_000 + status : status);

  test.each(STRANGERS)("%s: %i", async (_who, status, token) => {
    expect(await outcome("mine", token(scope))).toBe(refused(status));
  });

  test("a token of the scope for the topic is let in", async () => {
    expect(await outcome("mine", webToken({ scope, topics: ["mi*"] }))).toBe(isSocket ? 101 : 200);
  });

  if (namesTopic)
    test("a token of the scope for another topic is refused", async () => {
      expect(await outcome("theirs", webToken({ scope, topics: ["mine"] }))).toBe(refused(403));
    });
  else
    test("a token of the scope for another topic is not shown this one", async () => {
      const token = webToken({ scope, topics: ["mine"] });
      if (!isSocket) {
        const { text } = await send(method, path("mine"), token);
        expect(text).toContain("mine");
        expect(text).not.toContain("theirs");
        return;
      }
      using socket = await TestSocket.open(`${node.wsUrl}${path("mine")}?access_token=${token}`);
      await socket.next();
      socket.send({ type: "publish", events: [{ topic: "theirs", event_id: "2" }] });
      expect(await socket.next()).toMatchObject({
        type: "error",
        frame: 1,
        status: 403,
        code: "forbidden_topic",
      });
      socket.send({ type: "publish", events: [{ topic: "mine", event_id: "1" }] });
      expect(await socket.next()).toMatchObject({ type: "ack", frame: 2, duplicate_dropped: 1 });
    });
});

test("whoever may administer sees the metrics of the node as a whole, and no events", async () => {
  const [admin, reader] = ["admin", "subscribe"].map((scope) => webToken({ scope, topics: ["mine"] }));
  const shown = await send("GET", "/metrics", admin);
  expect(shown.status).toBe(200);
  expect(shown.text).toContain("onefold_ready 1");
  expect(shown.text).not.toContain("theirs");
  expect((await send("GET", "/metrics", reader)).text).not.toContain("onefold_ready");
  for (const path of ["/stats", "/events", "/topics", "/conflicts"])
    expect({ path, status: (await send("GET", path, admin)).status }).toEqual({ path, status: 403 });
});

describe("whoever may see some topics", () => {
  const limited = (topics: readonly string[]) => webToken({ scope: "subscribe", topics });

  test("gets totals of those alone", async () => {
    const { text } = await send("GET", "/stats", limited(["mine"]));
    const stats = JSON.parse(text) as { received: number; topics: object; topic_count: number };
    expect(stats.topic_count).toBe(1);
    expect(Object.keys(stats.topics)).toEqual(["mine"]);
    const all = JSON.parse((await send("GET", "/stats", owner)).text) as {
      received: number;
      topics: Record<string, { received: number }>;
    };
    expect(all.received).toBeGreaterThan(stats.received);
    expect(stats.received).toBe(all.topics.mine!.received);
  });

  test("gets pages of those alone, and may not look one up that is another's", async () => {
    const token = limited(["mine"]);
    for (const path of ["/events", "/events?order=desc", "/conflicts", "/topics"]) {
      const { status, text } = await send("GET", path, token);
      expect({
        path,
        status,
        hasMine: text.includes('"topic":"mine"'),
        hasTheirs: text.includes("theirs"),
      }).toEqual({
        path,
        status: 200,
        hasMine: true,
        hasTheirs: false,
      });
    }
    // Whether an event is there is not told either.
    for (const id of ["1", "nothing"])
      expect((await send("GET", `/events/theirs/${id}`, token)).status).toBe(403);
  });

  test("is told live of those alone, and cannot widen that", async () => {
    using socket = await TestSocket.open(
      `${node.wsUrl}/ws/stats?interval=20&access_token=${limited(["mine", "my.*"])}`,
    );
    const snapshot = await socket.next();
    expect(Object.keys(snapshot.topics)).toEqual(["mine"]);
    expect(snapshot.received).toBe(snapshot.topics.mine!.received);
    socket.send({ type: "subscribe", topics: ["theirs"] });
    expect(await socket.next()).toMatchObject({ type: "error", code: "forbidden_topic" });
    socket.send({ type: "subscribe", topics: ["m*"], interval: 20 });
    expect(Object.keys((await socket.next()).topics)).toEqual(["mine"]);
    await send("POST", "/publish", owner, [
      { topic: "theirs", event_id: "live" },
      { topic: "m", event_id: "live" },
      { topic: "my.own", event_id: "live" },
    ]);
    const delta = await socket.next();
    expect({ type: delta.type, received: delta.received, topics: Object.keys(delta.topics) }).toEqual({
      type: "delta",
      received: 1,
      topics: ["my.own"],
    });
  });
});

describe("credentials are taken", () => {
  const paths = ["/stats?access_token=TOKEN", "/stats"];

  test("from a header in any case, a parameter, or a subprotocol that is not echoed", async () => {
    const token = webToken();
    const [inUrl = "", plain = ""] = paths;
    expect((await send("GET", inUrl.replace("TOKEN", token))).status).toBe(200);
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      const response = await fetch(node.url + plain, { headers: { authorization: `${scheme} ${token}` } });
      expect(response.status).toBe(200);
    }
    for (const offered of [
      [`bearer.${token}`, "onefold.v1"],
      ["onefold.v1", `bearer.${token}`],
    ]) {
      using socket = await TestSocket.open(`${node.wsUrl}/ws/stats`, { protocols: offered });
      expect(await socket.next()).toMatchObject({ type: "snapshot" });
      expect(socket.protocol).toBe("onefold.v1");
    }
  });

  test.each([
    ["another scheme", { authorization: "Basic dXNlcjpwYXNz" }],
    ["an empty one", { authorization: "Bearer" }],
    ["a space", { authorization: "Bearer  " }],
  ])("%s is refused with a challenge and without a word of it", async (_what, headers) => {
    const response = await fetch(`${node.url}/stats`, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toStartWith("Bearer");
    expect(await response.text()).not.toContain("dXNlcjpwYXNz");
  });

  test("under a parameter that is written in another way, too", async () => {
    const token = webToken();
    for (const name of ["%61ccess_token", "access%5Ftoken", "access_toke%6e"]) {
      expect((await send("GET", `/stats?${name}=${token}`)).status).toBe(200);
      expect((await send("GET", `/stats?${name}=wrong`)).status).toBe(401);
      expect((await send("GET", `/stats?${name}=wrong`, token)).status).toBe(401);
    }
  });

  test("two different ones are refused, the same one twice is not", async () => {
    const [one, other] = [webToken({ subject: "one" }), webToken({ subject: "other" })];
    expect((await send("GET", `/stats?access_token=${one}`, other)).status).toBe(401);
    expect((await send("GET", `/stats?access_token=${one}&access_token=${other}`)).status).toBe(401);
    expect((await send("GET", `/stats?access_token=${one}`, one)).status).toBe(200);
  });

  test("nobody needs any for health and documentation, and those say nothing of topics", async () => {
    for (const path of [
      "/health",
      "/health/live",
      "/health/ready",
      "/docs",
      "/docs/json",
      "/docs/channels",
      "/docs/asyncapi.json",
    ]) {
      const { status, text } = await send("GET", path);
      expect({ path, status, tells: text.includes("theirs") }).toEqual({ path, status: 200, tells: false });
    }
  });
});
