/** What is refused over HTTP: whole, with a problem document that names the place, stored and counted nowhere. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expectProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const BODY_BYTES_MAX = 64 * 1_024;

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start({
    flags: ["--max-body-bytes", String(BODY_BYTES_MAX), "--max-event-bytes", "4096", "--max-events", "1000"],
  });
});
afterAll(() => node[Symbol.asyncDispose]());

/** Refuses are counted as rejected and leave no other trace; checked after each test of this file. */
async function expectRefusal(
  send: () => Promise<Response>,
  expected: { status: number; code: string },
): Promise<Awaited<ReturnType<typeof expectProblem>>> {
  const before = await node.stats();
  const problem = await expectProblem(await send(), expected);
  const after = await node.stats();
  expect(after.rejected).toBe(before.rejected + 1);
  expect(after).toMatchObject({ ...NO_COUNTERS, topics: {}, topic_count: 0, revision: before.revision });
  return problem;
}

const LONG = "x".repeat(256);
const ID = { event_id: "1" };

const INVALID = [
  [{}, "/event_id", /required/],
  [{ event_id: "" }, "/event_id", /empty/],
  [{ id: "" }, "/id", /empty/],
  [{ event_id: null }, "/event_id", /string/],
  [{ event_id: 7 }, "/event_id", /string/],
  [{ event_id: ["1"] }, "/event_id", /string/],
  [{ event_id: LONG }, "/event_id", /255/],
  [{ event_id: "𝄞".repeat(256) }, "/event_id", /255/],
  [{ event_id: "a\u0000b" }, "/event_id", /control/],
  [{ event_id: "a\nb" }, "/event_id", /control/],
  [{ event_id: "a\u0085b" }, "/event_id", /control/],
  [{ event_id: "1", id: "1" }, "/id", /not both/],
  [{ ...ID, topic: "" }, "/topic", /empty/],
  [{ ...ID, topic: LONG }, "/topic", /255/],
  [{ ...ID, topic: 5 }, "/topic", /string/],
  [{ ...ID, topic: null }, "/topic", /string/],
  [{ ...ID, topic: "a b" }, "/topic", /white space/],
  [{ ...ID, topic: "a\u00a0b" }, "/topic", /white space/],
  [{ ...ID, topic: "a\u0007b" }, "/topic", /control/],
  [{ ...ID, topic: "orders.*" }, "/topic", /\*/],
  [{ ...ID, topic: "a,b" }, "/topic", /,/],
  [{ ...ID, source: 1 }, "/source", /string/],
  [{ ...ID, source: LONG }, "/source", /255/],
  [{ ...ID, timestamp: "31-12-2024" }, "/timestamp", /ISO 8601/],
  [{ ...ID, timestamp: "2026-02-29" }, "/timestamp", /ISO 8601/],
  [{ ...ID, timestamp: "2026-01-01T25:00:00Z" }, "/timestamp", /ISO 8601/],
  [{ ...ID, timestamp: "yesterday" }, "/timestamp", /ISO 8601/],
  [{ ...ID, timestamp: 1_767_225_600 }, "/timestamp", /string/],
  [{ ...ID, timestamp: "" }, "/timestamp", /ISO 8601/],
  [{ ...ID, eventId: "2" }, "/eventId", /`event_id`/],
  [{ ...ID, topics: "a" }, "/topics", /`topic`/],
  [{ ...ID, time_stamp: "2026-01-01" }, "/time_stamp", /`timestamp`/],
  [{ ...ID, data: {} }, "/data", /there are `topic`/],
  [{ ...ID, "a/b~c": 1 }, "/a~1b~0c", /there are `topic`/],
  ["1", "", /object/],
  [null, "", /object/],
  [[1], "", /object/],
] as const;

describe("an invalid event is named by its place", () => {
  test.each(INVALID)("%j", async (event, at, detail) => {
    const problem = await expectRefusal(
      () => node.post([{ event_id: "fine" }, event, { event_id: "fine too" }]),
      { status: 422, code: "invalid_event" },
    );
    expect(problem.errors).toEqual([{ pointer: `/1${at}`, detail: expect.stringMatching(detail) }]);
    expect(problem.error_count).toBe(1);
  });
});

describe("named by its place is", () => {
  test.each(["topic", "event_id", "source"])("a lone surrogate in %s", async (field) => {
    const body = `{"event_id":"1","topic":"t","${field}":"a\\ud800b"}`;
    const problem = await expectRefusal(() => node.post(body), { status: 422, code: "invalid_event" });
    expect(problem.errors).toEqual([{ pointer: `/${field}`, detail: expect.stringMatching(/surrogate/) }]);
  });

  test("an unknown member named like a prototype's", async () => {
    for (const field of ["__proto__", "constructor", "toString"]) {
      const problem = await expectRefusal(() => node.post(`{"event_id":"1","${field}":{"event_id":"2"}}`), {
        status: 422,
        code: "invalid_event",
      });
      expect(problem.errors![0]!.pointer).toBe(`/${field}`);
    }
  });

  test("the first 20 of many, with their number", async () => {
    const events = Array.from({ length: 500 }, () => ({}));
    const problem = await expectRefusal(() => node.post(events), { status: 422, code: "invalid_event" });
    expect(problem.errors!.map(({ pointer }) => pointer)).toEqual(
      Array.from({ length: 20 }, (_, i) => `/${i}/event_id`),
    );
    expect(problem.error_count).toBe(500);
  });

  test("in `events`, and an envelope's own unknown field", async () => {
    const inside = await expectRefusal(() => node.post({ events: [{ event_id: 1 }] }), {
      status: 422,
      code: "invalid_event",
    });
    expect(inside.errors![0]!.pointer).toBe("/events/0/event_id");
    const beside = await expectRefusal(() => node.post({ events: [ID], result: true }), {
      status: 422,
      code: "invalid_event",
    });
    expect(beside.errors![0]!.pointer).toBe("/result");
  });

  test("`events` that is no array", async () => {
    const problem = await expectRefusal(() => node.post({ events: { event_id: "1" } }), {
      status: 422,
      code: "invalid_event",
    });
    expect(problem.errors).toEqual([{ pointer: "/events", detail: expect.stringMatching(/array/) }]);
  });

  test("a payload of 129 levels; 128 are fine", async () => {
    const nested = (levels: number): string =>
      `{"event_id":"d","payload":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const problem = await expectRefusal(() => node.post(nested(129)), { status: 422, code: "invalid_event" });
    expect(problem.errors).toEqual([{ pointer: "/payload", detail: expect.stringMatching(/128/) }]);
    await using other = await NodeProcess.start();
    expect((await other.post(nested(128))).status).toBe(200);
  });
});

describe("a body that is not JSON is 400", () => {
  test.each([
    "",
    " ",
    "{",
    '{"event_id":"1"',
    "event_id=1",
    "[1,]",
    "NaN",
    '{"event_id":"1"}{}',
    "\u{feff}\u{feff}{}",
    "'1'",
  ])("%j", async (body) => {
    await expectRefusal(() => node.post(body), { status: 400, code: "malformed_json" });
  });

  test("a body that is JSON and no event is 422", async () => {
    for (const body of ["1", '"event"', "null", "true"])
      await expectRefusal(() => node.post(body), { status: 422, code: "invalid_event" });
  });
});

describe("ill-formed UTF-8 is 400, and never replaced", () => {
  test.each([
    ["a stray continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a byte that never occurs", [0xff]],
  ])("%s", async (_, bytes) => {
    const body = Buffer.concat([Buffer.from('{"event_id":"a'), Buffer.from(bytes), Buffer.from('"}')]);
    await expectRefusal(() => node.post(new Uint8Array(body)), { status: 400, code: "malformed_utf8" });
  });
});

describe("what is too large is 413", () => {
  const tooLong = JSON.stringify({ event_id: "1", payload: "x".repeat(BODY_BYTES_MAX) });

  test("a body over the limit that announces its length", async () => {
    await expectRefusal(() => node.post(tooLong), { status: 413, code: "body_too_large" });
  });

  test("a body over the limit that does not", async () => {
    const chunked = async (): Promise<Response> => {
      using socket = await RawSocket.connect(node.port);
      socket.write("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
      socket.write(
        `transfer-encoding: chunked\r\n\r\n${tooLong.length.toString(16)}\r\n${tooLong}\r\n0\r\n\r\n`,
      );
      return await socket.readResponse();
    };
    await expectRefusal(chunked, { status: 413, code: "body_too_large" });
  });

  test.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ] as const)("a body in %s that is over the limit once decompressed", async (encoding, compress) => {
    const body = new Uint8Array(compress(tooLong));
    expect(body.length).toBeLessThan(1_024);
    await expectRefusal(() => node.post(body, { headers: { "content-encoding": encoding } }), {
      status: 413,
      code: "body_too_large",
    });
  });

  test("an event over the limit, by its place", async () => {
    const events = [{ event_id: "1" }, { event_id: "2", payload: "x".repeat(4_096) }];
    const problem = await expectRefusal(() => node.post(events), { status: 413, code: "event_too_large" });
    expect(problem.errors![0]!.pointer).toBe("/1/payload");
  });

  test("a batch over the limit, as an array and as `events`", async () => {
    const events = Array.from({ length: 1_001 }, (_, i) => ({ event_id: String(i) }));
    for (const body of [events, { events }])
      await expectRefusal(() => node.post(body), { status: 413, code: "batch_too_large" });
  });

  test("10,001 events by default", async () => {
    await using other = await NodeProcess.start();
    const events = Array.from({ length: 10_001 }, (_, i) => ({ event_id: String(i) }));
    await expectProblem(await other.post(events), { status: 413, code: "batch_too_large" });
    expect(await other.stats()).toMatchObject({ ...NO_COUNTERS, rejected: 1 });
  });
});

describe("what is not understood is 415", () => {
  test.each([
    { "content-type": "text/plain" },
    { "content-type": "application/xml; charset=utf-8" },
    { "content-type": "application/jsonp" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "application/json; charset=iso-8859-1" },
    { "content-type": "application/json; charset=utf-16" },
    { "content-encoding": "br" },
    { "content-encoding": "deflate" },
    { "content-encoding": "gzip, gzip" },
    { "content-encoding": "constructor" },
    { "content-encoding": "__proto__" },
  ] as Record<string, string>[])("%j", async (headers) => {
    await expectRefusal(() => node.post({ event_id: "1" }, { headers }), {
      status: 415,
      code: "unsupported_media_type",
    });
  });

  test("a body that is not in the encoding it names is 400", async () => {
    for (const encoding of ["gzip", "zstd"]) {
      const send = (): Promise<Response> =>
        node.post({ event_id: "1" }, { headers: { "content-encoding": encoding } });
      expect((await expectRefusal(send, { status: 400, code: "malformed_json" })).detail).toContain(encoding);
    }
  });
});

describe("parameters", () => {
  test.each([
    ["?result=true", "result", /`results`/],
    ["?results=yes", "results", /true/],
    ["?results=true&results=true", "results", /once/],
  ])("%s is 422 and names the parameter", async (query, name, detail) => {
    const problem = await expectRefusal(() => node.post({ event_id: "1" }, { query }), {
      status: 422,
      code: "invalid_parameter",
    });
    expect(problem.errors).toEqual([{ pointer: name, detail: expect.stringMatching(detail) }]);
  });

  test("with a slash at the end of the path, what is refused is counted as well", async () => {
    const send = (): Promise<Response> => fetch(`${node.url}/publish/`, { method: "POST", body: "{" });
    await expectRefusal(send, { status: 400, code: "malformed_json" });
  });

  test("a token in the query is understood, and never repeated", async () => {
    const query = "?access_token=s3cr3t&nonsense=t0p";
    const response = await node.post({ event_id: "1" }, { query });
    const problem = await expectProblem(response, { status: 422, code: "invalid_parameter" });
    expect(JSON.stringify(problem)).not.toMatch(/s3cr3t|t0p/);
    expect(node.output).not.toMatch(/s3cr3t|t0p/);
  });
});

describe("paths and methods", () => {
  test.each([
    "/nothing",
    "/publish/more",
    "/events/only-a-topic",
    "/events/no-id/",
    "/events//no-topic",
    "/",
    "/..%2f",
    "/%ff",
    "/publish%00",
    "/stats//",
    "/Stats",
  ])("GET %s is 404", async (path) => {
    const problem = await expectProblem(await fetch(`${node.url}${path}?key=v4lue`), {
      status: 404,
      code: "not_found",
    });
    expect(JSON.stringify(problem)).not.toContain("v4lue");
  });

  test.each([
    ["GET", "/publish", "POST"],
    ["GET", "/publish/", "POST"],
    ["PUT", "/publish", "POST"],
    ["DELETE", "/publish", "POST"],
    ["POST", "/stats", "GET"],
    ["POST", "/events", "GET"],
    ["PATCH", "/events/t/1", "GET"],
    ["POST", "/health", "GET"],
    ["POST", "/ws/stats", "GET"],
    ["POST", "/stats", "HEAD"],
    ["DELETE", "/events/t/1", "HEAD"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allowed) => {
    const response = await fetch(`${node.url}${path}`, { method });
    expect(response.headers.get("allow")?.split(", ")).toContain(allowed);
    expect(response.headers.get("allow")?.split(", ")).not.toContain(method);
    await expectProblem(response, { status: 405, code: "method_not_allowed" });
  });

  test.each(["/ws/publish", "/ws/stats", "/ws/events"])(
    "GET %s without an upgrade is a problem, not a fault",
    async (path) => {
      const response = await fetch(`${node.url}${path}`);
      expect(response.status).toBeWithin(400, 500);
      const problem = await expectProblem(response, { status: response.status, code: expect.any(String) });
      expect(problem.detail).toContain("WebSocket");
    },
  );

  test("a path is found under a host with a short name, too", async () => {
    const response = await fetch(`${node.url}/ws/stats`, { headers: { host: "hub" } });
    await expectProblem(response, { status: 405, code: "method_not_allowed" });
  });
});

test("everything that was refused was refused in silence: nothing in the log", () => {
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});

test.each(["a b", "[::", "a b/?"])(
  "a Host header `%s` makes no error of ours, nor shows any code",
  async (host) => {
    for (const [line, status] of [
      ["GET /nothing", 404],
      ["POST /publish", 400],
      ["DELETE /publish", 405],
    ] as const) {
      using socket = await RawSocket.connect(node.port);
      socket.write(`${line} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1\r\n\r\nx`);
      const response = await socket.readResponse();
      expect([response.status, response.headers.get("content-type")]).toEqual([
        status,
        "application/problem+json",
      ]);
    }
  },
);
