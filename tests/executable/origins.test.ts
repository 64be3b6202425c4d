/** Web pages: those of other origins are kept out unless they were named, and then get what browsers ask for. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { TestSocket } from "../support/socket.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const NAMED = "https://app.example";

let closed: NodeProcess;
let named: NodeProcess;
beforeAll(async () => {
  [closed, named] = await Promise.all([
    NodeProcess.start(),
    NodeProcess.start({ flags: ["--allow-origins", `${NAMED},http://localhost:3000,null`] }),
  ]);
});
afterAll(async () => {
  await closed[Symbol.asyncDispose]();
  await named[Symbol.asyncDispose]();
});

const ask = (node: NodeProcess, path: string, headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(node.url + path, { ...init, headers });

/** The type of the first frame, or the code that the socket is closed with. */
async function firstOf(node: NodeProcess, path: string, headers: Record<string, string>) {
  using socket = await TestSocket.open(node.wsUrl + path, { headers });
  const { type } = await socket.next();
  return type === "error" ? (await socket.closed).code : type;
}

describe("a page of another origin", () => {
  const ORIGINS = [
    "https://evil.example",
    "null",
    "http://127.0.0.1:1",
    "http://127.0.0.1.evil.example",
    "https://app.example.evil.example",
    "HTTPS://APP.EXAMPLE",
    "file://",
    "nonsense",
    "",
  ];

  test.each(ORIGINS)("`%s` can neither publish nor read, and gets no CORS header", async (origin) => {
    const publish = { method: "POST", body: '{"event_id":"from-a-page"}' };
    for (const [path, init] of [
      ["/publish", publish],
      ["/stats", {}],
      ["/events", {}],
      ["/topics", {}],
      ["/metrics", {}],
    ] as const) {
      const response = await ask(closed, path, { origin }, init);
      const { code } = (await response.json()) as { code: string };
      expect({ path, status: response.status, code }).toEqual({
        path,
        status: 403,
        code: "forbidden_origin",
      });
      expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    for (const path of ["/ws/publish", "/ws/stats"])
      expect(await firstOf(closed, path, { origin })).toBe(4403);
    expect(await closed.find("default", "from-a-page")).toBeUndefined();
  });

  test("of the node's own origin, or none at all, is let in", async () => {
    for (const headers of [{ origin: closed.url }, {}] as Record<string, string>[]) {
      expect((await ask(closed, "/stats", headers)).status).toBe(200);
      expect(await firstOf(closed, "/ws/stats", headers)).toBe("snapshot");
      expect(await firstOf(closed, "/ws/publish", headers)).toBe("hello");
    }
  });
});

describe("a page of an origin that was named", () => {
  test.each([NAMED, "http://localhost:3000", "null"])("`%s` is let in", async (origin) => {
    const response = await ask(named, "/stats", { origin });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("vary")?.toLowerCase()).toContain("origin");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(await firstOf(named, "/ws/stats", { origin })).toBe("snapshot");
    // What goes wrong can be read by the page, too.
    const wrong = await ask(named, "/stats?topic=a%20b", { origin });
    expect(wrong.status).toBe(422);
    expect(wrong.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test("lets in no other", async () => {
    for (const origin of [
      "https://evil.example",
      "http://app.example",
      "https://app.example:444",
      "http://localhost:3001",
    ]) {
      const response = await ask(named, "/stats", { origin });
      expect({ origin, status: response.status }).toEqual({ origin, status: 403 });
      expect(response.headers.get("access-control-allow-origin")).not.toBe(origin);
      expect(response.headers.get("access-control-allow-origin")).not.toBe("*");
    }
  });

  test("may ask first, without credentials, and is told what it may send", async () => {
    const preflight = {
      origin: NAMED,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    const allowed = await ask(named, "/publish", preflight, { method: "OPTIONS" });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(NAMED);
    expect(allowed.headers.get("access-control-allow-methods")).toContain("POST");
    const allowedHeaders = allowed.headers.get("access-control-allow-headers")?.toLowerCase();
    for (const name of ["authorization", "ce-id", "ce-source"]) expect(allowedHeaders).toContain(name);
    const other = await ask(
      named,
      "/publish",
      { ...preflight, origin: "https://evil.example" },
      { method: "OPTIONS" },
    );
    expect(other.headers.get("access-control-allow-origin")).not.toBe("https://evil.example");
    expect(other.headers.get("access-control-allow-origin")).not.toBe("*");
    const none = await ask(closed, "/publish", preflight, { method: "OPTIONS" });
    expect(none.status).toBe(405);
  });
});

describe("a name that was pointed at this machine", () => {
  test("is refused where only some of it is allowed without credentials, too", async () => {
    await using node = await NodeProcess.start({ flags: ["--allow-anonymous", "subscribe"] });
    const host = "evil.example:8080";
    expect((await ask(node, "/events", { host, origin: `http://${host}` })).status).toBe(403);
    expect((await ask(node, "/events", {})).status).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:8080",
    "rebind.network",
    "127.0.0.1.evil.example",
    "127.0.0.1x.net",
  ])("%s is refused while everybody on this machine may do everything", async (host) => {
    const response = await ask(closed, "/stats", { host });
    expect(response.status).toBe(403);
    // The page is of the same origin as the node then, as far as a browser knows.
    expect((await ask(closed, "/stats", { host, origin: `http://${host}` })).status).toBe(403);
  });

  test.each(["localhost", "127.0.0.1", "[::1]:8080", "hub", "onefold.localhost"])(
    "%s is not",
    async (host) => {
      expect((await ask(closed, "/stats", { host })).status).toBe(200);
    },
  );

  test("is let in where its origin was named, or where credentials are asked for anyhow", async () => {
    expect((await ask(named, "/stats", { host: "app.example" })).status).toBe(200);
    await using node = await NodeProcess.start(WEB_TOKEN_NODE);
    const headers = { host: "onefold.example", authorization: `Bearer ${webToken()}` };
    expect((await ask(node, "/stats", headers)).status).toBe(200);
  });
});

test.each([
  "https://app.example/",
  "https://app.example/path",
  "app.example",
  "*",
  "https://*.example",
  "https://a.example b",
])("`%s` is no origin that can be named", async (origin) => {
  const { exitCode, stderr } = await runToExit(["serve", "--port", "0", "--allow-origins", origin]);
  expect(exitCode).toBe(2);
  expect(stderr).toStartWith("onefold: Expected --allow-origins to be a list with commas between, got ");
});
