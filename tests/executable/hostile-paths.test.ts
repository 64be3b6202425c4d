/** Targets that are meant to reach what they do not name: each has one meaning, and none of them leads to a file. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
  await node.publish({ topic: "a/b", event_id: "..", payload: "found" });
});
afterAll(() => node[Symbol.asyncDispose]());

/** Sends a target as it stands: any client would tidy it up. */
async function get(target: string): Promise<Response> {
  using socket = await RawSocket.connect(node.port);
  socket.write(Buffer.from(`GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`, "latin1"));
  return await socket.readResponse();
}

describe("what is resolved as in a browser is the route that it resolves to", () => {
  test.each([
    "/../stats",
    "/./stats",
    "/a/../stats",
    "/docs/../stats",
    "/%2e%2e/stats",
    "/a/%2E%2e/stats",
    "/events/t/../../stats",
    "/stats/",
    "/stats\\",
    "http://localhost/stats",
    "http://another.example/stats",
    "/stats?topic=a%2Fb",
  ])("GET %s is /stats", async (target) => {
    const response = await get(target);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ topics: { "a/b": { received: 1 } } });
  });
});

describe("what is no route is not found", () => {
  test.each([
    "//stats",
    "///stats",
    "/stats//",
    "/stats%00",
    "/stats%2f",
    "/stats%20",
    "/%73tats",
    "/STATS",
    "/stats;x=1",
    "/stats#fragment",
    "/stats.json",
    "/\\stats",
    "/stats\u0080",
    "/a%2f..%2fstats",
    "/events/../stats/x",
    "/events/%2e%2e/%2e%2e",
    "/docs/../../../../etc/passwd",
    "/docs/%2e%2e%2f%2e%2e%2fetc/passwd",
    "/docs/..%5c..%5cetc%5cpasswd",
    "/docs/%00",
    "/etc/passwd",
    "/$bunfs/root/onefold",
    "/.env",
    "/onefold.db",
    "/__proto__",
    "/constructor",
    "/events/__proto__/constructor",
    "/events/toString/valueOf",
    `/${"a".repeat(15_000)}`,
    `/${"../".repeat(4_000)}etc/passwd`,
    `/${"%2e%2e%2f".repeat(1_000)}`,
  ])("GET %s", async (target) => {
    const problem = await expectProblem(await get(target), { status: 404, code: "not_found" });
    expect(JSON.stringify(problem).length).toBeLessThan(400);
  });
});

test("steps of a key are decoded once", async () => {
  expect((await get("/events/a%2Fb/%2E%2E%3F")).status).toBe(404);
  expect((await get("/events/a%252Fb/x")).status).toBe(404);
  expect((await node.page("?topic=a%2Fb")).events).toMatchObject([{ event_id: "..", payload: "found" }]);
});

test("two dots that stand for an id are the id, however they are spelt", async () => {
  for (const dots of ["..", "%2e%2e"])
    expect(await (await get(`/events/a%2Fb/${dots}`)).json()).toMatchObject({
      event_id: "..",
      payload: "found",
    });
});

describe("what no target may look like ends the connection", () => {
  test.each([
    ["an asterisk", "GET * HTTP/1.1", 400],
    ["an asterisk with OPTIONS", "OPTIONS * HTTP/1.1", 400],
    ["no slash", "GET stats HTTP/1.1", 400],
    ["a space", "GET /stats? x HTTP/1.1", 505],
    ["a tab", "GET /stats\tx HTTP/1.1", 505],
    ["a control character", "GET /stats\u0001 HTTP/1.1", 505],
    ["a path of 100 kB", `GET /${"a".repeat(100_000)} HTTP/1.1`, 431],
    ["a query of 100 kB", `GET /stats?topic=${"a".repeat(100_000)} HTTP/1.1`, 431],
    ["HTTP/2", "GET /stats HTTP/2.0", 505],
  ])("%s", async (_, line, status) => {
    using socket = await RawSocket.connect(node.port);
    socket.write(`${line}\r\nhost: localhost\r\n\r\n`);
    await socket.ended;
    expect(socket.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(socket.received.match(/\r\n\r\n/g)).toHaveLength(1);
    expect(socket.received).toEndWith("\r\n\r\n");
  });

  test.each(["get", "P\u0000ST", "FOO", ""])("the method %j", async (method) => {
    using socket = await RawSocket.connect(node.port);
    socket.write(`${method} /stats HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await socket.ended;
    expect(socket.received).toMatch(/^(?:|HTTP\/1\.1 (?:400|505) [^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)$/);
  });
});

test("an absolute target is not fetched: the node is no proxy", async () => {
  await using other = await NodeProcess.start();
  const response = await get(`${other.url}/stats`);
  expect(await response.json()).toMatchObject({ topics: { "a/b": { received: 1 } } });
  using socket = await RawSocket.connect(node.port);
  socket.write(`CONNECT 127.0.0.1:${other.port} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  expect((await socket.readResponse()).status).toBeWithin(400, 500);
});
