/** CloudEvents over the wire: every mode, told by its headers, and what each is refused for. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { BATCH, inHeaders, REQUIRED, STRUCTURED, sendCloudEvents } from "../support/cloud-events.ts";
import type { Problem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { TestSocket } from "../support/socket.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

const send = (type: string | null, body: unknown, headers: Record<string, string> = {}, on = node) =>
  sendCloudEvents(on, { type, body, headers });

async function problemOf(response: Promise<Response>): Promise<Problem> {
  const { status, ...rest } = (await (await response).json()) as Problem;
  expect((await response).status).toBe(status);
  return { status, ...rest };
}

/** One event as a CloudEvent, as text: `JSON.parse` would change its numbers. */
async function cloudEventOf(type: string, id: string, source: string): Promise<string> {
  const path = [type, id].map(encodeURIComponent).join("/");
  const url = `${node.url}/events/${path}?scope=${encodeURIComponent(source)}`;
  const response = await fetch(url, { headers: { accept: STRUCTURED } });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, STRUCTURED]);
  return response.text();
}

describe("structured mode", () => {
  test.each([
    STRUCTURED,
    "Application/CloudEvents+JSON",
    `${STRUCTURED}; charset=UTF-8`,
    `${STRUCTURED};x=y`,
  ])("is told by %s", async (type) => {
    const id = `structured ${type}`;
    const response = await send(type, { ...REQUIRED, id, data: { n: 1 } });
    expect(await response.json()).toMatchObject({ status: "processed", topic: "t", event_id: id });
    expect(JSON.parse(await cloudEventOf("t", id, "/s"))).toEqual({ ...REQUIRED, id, data: { n: 1 } });
  });

  test("gives back what came, with the types of extensions and numbers of any size", async () => {
    const attributes = '"subject":"größer","n":-2147483648,"ok":false,"datacontenttype":"application/json"';
    const text = `{"specversion":"1.0","id":"exact","source":"/s?a=b","type":"t","time":"2026-01-31T12:00:00.10+01:00",${attributes},"data":{"n":[12345678901234567890,1e400,null]}}`;
    expect((await send(STRUCTURED, text)).status).toBe(200);
    expect(await cloudEventOf("t", "exact", "/s?a=b")).toBe(text);
    expect(await node.getText("/events/t/exact?scope=/s?a=b")).toMatch(
      new RegExp(
        `^\\{"seq":\\d+,"topic":"t","event_id":"exact","timestamp":"2026-01-31T12:00:00.10\\+01:00","source":"/s\\?a=b","payload":\\{"n":\\[12345678901234567890,1e400,null\\]\\},"attributes":\\{${attributes}\\},"received_at":"[^"]+"\\}$`,
      ),
    );
  });

  test("does not look at headers that say the same", async () => {
    const response = await send(
      STRUCTURED,
      { ...REQUIRED, id: "with headers" },
      inHeaders({ id: "another" }),
    );
    expect(await response.json()).toMatchObject({ event_id: "with headers" });
  });

  test("is refused by name, and nothing of it is stored", async () => {
    const { received } = await node.stats();
    const wrong = { ...REQUIRED, specversion: "0.3", id: 7 };
    expect(await problemOf(send(STRUCTURED, wrong))).toMatchObject({
      status: 422,
      code: "invalid_event",
      errors: [{ pointer: "/specversion" }, { pointer: "/id", detail: "must be a string" }],
    });
    expect(await problemOf(send(BATCH, [REQUIRED, { ...REQUIRED, type: 1 }]))).toMatchObject({
      status: 422,
      errors: [{ pointer: "/1/type", detail: "must be a string" }],
    });
    expect((await node.stats()).received).toBe(received);
  });
});

test.each([
  "application/cloudevents+xml",
  "application/cloudevents",
  "application/cloudevents-batch+avro",
  "application/cloudevents+protobuf; charset=utf-8",
  "application/cloudevents+json; charset=iso-8859-1",
  'application/cloudevents-batch+json; charset="latin1"',
  "text/xml",
])("%s is 415, with headers of binary mode only where that is what it is", async (type) => {
  expect(await problemOf(send(type, "<x/>"))).toMatchObject({ status: 415, code: "unsupported_media_type" });
  const binary = await send(
    type,
    "<x/>",
    inHeaders({ ...REQUIRED, id: `415 ${type}`.replaceAll('"', "%22") }),
  );
  expect(binary.status).toBe(type.startsWith("application/") ? 415 : 200);
});

describe("a batch", () => {
  test("of none is taken, and counts nothing", async () => {
    expect(await (await send(BATCH, "[]")).json()).toEqual({
      ...{ status: "accepted", count: 0 },
      ...{ received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 },
    });
  });

  test("counts by type, source and id", async () => {
    const first = { ...REQUIRED, type: "dedup", data: 1 };
    const others = [{ source: "/s2" }, { type: "dedup2" }, { id: "b" }].map((more) => ({
      ...first,
      ...more,
    }));
    const body = [first, ...others, { ...first, data: 1.0 }, { ...others[0], data: 2 }];
    const response = await send(`${BATCH}; charset=utf-8`, gzipSync(JSON.stringify(body)), {
      "content-encoding": "gzip",
    });
    expect(await response.json()).toMatchObject({
      received: 6,
      unique_processed: 4,
      duplicate_dropped: 2,
      conflicts: 1,
    });
    const native = await node.publish({ topic: "dedup", event_id: "a", payload: 1 });
    expect(native).toMatchObject({ status: "processed" });
    const { conflicts } = JSON.parse(await node.getText("/conflicts?topic=dedup")) as {
      conflicts: unknown[];
    };
    expect(conflicts).toMatchObject([{ event_id: "a", scope: "/s2", source: "/s2", payload: 2 }]);
    const page = await node.page("?topic=dedup&source=/s2");
    expect(page.events).toMatchObject([{ event_id: "a", source: "/s2", payload: 1 }]);
  });

  test("answers with a result per event where they are asked for", async () => {
    const body = JSON.stringify([{ ...REQUIRED, type: "results" }]);
    const answer = await fetch(`${node.url}/publish?results=true`, {
      ...{ method: "POST", body },
      headers: { "content-type": BATCH },
    });
    expect(await answer.json()).toMatchObject({
      results: [{ event_id: "a", topic: "results", status: "processed" }],
    });
  });
});

describe("binary mode", () => {
  test("takes attributes from headers and data from the body, as what its type says", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const cases: [string, string | null, string | Uint8Array, string][] = [
      ["json", "application/json", '{"n":12345678901234567890}', '"data":{"n":12345678901234567890}'],
      ["suffix", "Application/Vnd.x+JSON;charset=UTF-8", "[1]", '"data":[1]'],
      ["text", "text/xml", "<é/>\n", '"data":"<é/>\\n"'],
      [
        "bytes",
        "application/octet-stream",
        bytes,
        `"data_base64":"${Buffer.from(bytes).toString("base64")}"`,
      ],
      ["latin1", "text/plain; charset=latin1", Uint8Array.of(0xe9), '"data_base64":"6Q=="'],
      ["untyped", null, "AB", '"data_base64":"QUI="'],
    ];
    for (const [id, type, body, data] of cases) {
      const attributes = { ...REQUIRED, id, type: "binary", subject: "Euro%20%E2%82%AC", ext: '"a b"' };
      const response = await send(type, body, inHeaders(attributes));
      expect([id, await response.json()]).toMatchObject([id, { status: "processed", event_id: id }]);
      const named = type === null ? "" : `,"datacontenttype":${JSON.stringify(type)}`;
      const text = await cloudEventOf("binary", id, "/s");
      expect(text).toEndWith(`${named},${data}}`);
      expect(JSON.parse(text)).toMatchObject({ subject: "Euro €", ext: "a b" });
    }
  });

  test("without a body has no data", async () => {
    const response = await send("application/json", "", inHeaders({ ...REQUIRED, id: "no data" }));
    expect(response.status).toBe(200);
    expect(JSON.parse(await cloudEventOf("t", "no data", "/s"))).not.toHaveProperty("data");
  });

  test.each(["specversion", "id", "source", "type"] as const)(
    "without ce-%s names what is missing",
    async (name) => {
      const { [name]: _, ...rest } = REQUIRED;
      expect(await problemOf(send("application/json", "1", inHeaders(rest)))).toMatchObject({
        status: 422,
        errors: [{ pointer: `/${name}`, detail: "is required" }],
      });
    },
  );

  test("refuses what may not stand in headers", async () => {
    for (const [headers, pointer] of [
      [{ "ce-datacontenttype": "text/plain" }, "/datacontenttype"],
      [{ "ce-ext": "%C0%A0" }, "/ext"],
      [{ "ce-my-ext": "x" }, "/my-ext"],
      [{ "ce-time": "yesterday" }, "/time"],
    ] as const) {
      const sent = send("application/json", "1", { ...inHeaders(REQUIRED), ...headers });
      expect(await problemOf(sent)).toMatchObject({ status: 422, errors: [{ pointer }] });
    }
    const text = send("text/plain", Uint8Array.of(0xe9), inHeaders(REQUIRED));
    expect(await problemOf(text)).toMatchObject({ status: 400, code: "malformed_utf8" });
  });

  test("refuses an attribute that was sent twice, and bytes that are no ASCII", async () => {
    for (const [lines, detail] of [
      [["ce-id: a", "CE-ID: b"], "once"],
      [["ce-id: a", 'ce-id: "b"'], "once"],
      [["ce-id: é"], "printable ASCII"],
    ] as const) {
      using socket = await RawSocket.connect(node.port);
      const head = [
        "POST /publish HTTP/1.1",
        "host: localhost",
        "ce-specversion: 1.0",
        "ce-source: /s",
        "ce-type: t",
      ];
      socket.write([...head, ...lines, "content-length: 0", "connection: close", "", ""].join("\r\n"));
      const answer = await socket.readResponse();
      const { errors } = (await answer.json()) as Problem;
      expect(answer.status).toBe(422);
      expect(errors).toEqual([{ pointer: "/id", detail: expect.stringContaining(detail) }]);
    }
  });
});

describe("the subprotocol cloudevents.json", () => {
  const open = (protocols: string[], path = "/ws/publish") =>
    TestSocket.open(`${node.wsUrl}${path}`, { protocols });

  test("takes a CloudEvent a frame, and answers each by its ordinal", async () => {
    using socket = await open(["bearer.x", "cloudevents.json", "onefold.v1"]);
    expect(socket.protocol).toBe("cloudevents.json");
    expect(await socket.next()).toMatchObject({ type: "hello", version: 1 });
    const event = { ...REQUIRED, id: "framed", type: "auth", data: { id: 1 } };
    const frames = [event, event, { ...event, id: 7 }, [event], "{", { type: "publish", id: 9, events: [] }];
    for (const frame of frames) socket.send(frame);
    const counted = { count: 1, received: 1, conflicts: 0 };
    expect(await socket.next()).toMatchObject({
      type: "ack",
      frame: 1,
      id: 1,
      unique_processed: 1,
      ...counted,
    });
    expect(await socket.next()).toMatchObject({
      type: "ack",
      frame: 2,
      id: 2,
      duplicate_dropped: 1,
      ...counted,
    });
    const wrong = { type: "error", status: 422, code: "invalid_event" };
    expect(await socket.next()).toMatchObject({ ...wrong, frame: 3, id: 3, errors: [{ pointer: "/id" }] });
    expect(await socket.next()).toMatchObject({ ...wrong, frame: 4, id: 4 });
    expect(await socket.next()).toMatchObject({ type: "error", frame: 5, code: "malformed_json" });
    expect(await socket.next()).toMatchObject({ ...wrong, frame: 6, id: 6, error_count: 4 });
    expect(JSON.parse(await cloudEventOf("auth", "framed", "/s"))).toEqual(event);
  });

  test("is selected where it is the first that is known, and on this channel only", async () => {
    for (const [protocols, path, selected] of [
      [["onefold.v1", "cloudevents.json"], "/ws/publish", "onefold.v1"],
      [["cloudevents.avro", "cloudevents.json"], "/ws/publish", "cloudevents.json"],
      [["cloudevents.json", "onefold.v1"], "/ws/stats", "onefold.v1"],
    ] as const) {
      using socket = await open([...protocols], path);
      expect(socket.protocol).toBe(selected);
    }
  });

  test("answers a frame that is not taken by its ordinal, too", async () => {
    await using limited = await NodeProcess.start({ flags: ["--max-inflight", "1"] });
    using socket = await TestSocket.open(`${limited.wsUrl}/ws/publish`, { protocols: ["cloudevents.json"] });
    await socket.next();
    for (let i = 0; i < 10; i++) socket.send({ ...REQUIRED, id: `flood ${i}` });
    const answers = [];
    while (answers.length < 10) answers.push(await socket.next());
    expect(answers.map(({ id }) => id)).toEqual(answers.map(({ frame }) => frame));
    expect(answers.some(({ code }) => code === "too_many_in_flight")).toBe(true);
  });
});

describe("what holds for any publish holds for CloudEvents:", () => {
  test("credentials, also as a parameter, and the topics that they cover", async () => {
    await using guarded = await NodeProcess.start(WEB_TOKEN_NODE);
    const deliver = (query: string, event: object) =>
      fetch(`${guarded.url}/publish${query}`, {
        ...{ method: "POST", body: JSON.stringify(event) },
        headers: { "content-type": STRUCTURED },
      });
    const token = webToken({ scope: "publish", topics: ["orders.*"] });
    const event = { ...REQUIRED, type: "orders.paid" };
    expect((await deliver("", event)).status).toBe(401);
    expect((await deliver("?access_token=wrong", event)).status).toBe(401);
    expect((await deliver(`?access_token=${token}`, event)).status).toBe(200);
    const other = await deliver(`?access_token=${token}`, { ...event, type: "payments" });
    expect(await other.json()).toMatchObject({ status: 403, code: "forbidden_topic" });
  });

  test("the size of a body and of an event, and the number of events", async () => {
    const flags = ["--max-body-bytes", "4096", "--max-event-bytes", "100", "--max-events", "3"];
    await using small = await NodeProcess.start({ flags });
    const on = (type: string, body: unknown, headers = {}) => problemOf(send(type, body, headers, small));
    const many = Array.from({ length: 4 }, (_, i) => ({ ...REQUIRED, id: `${i}` }));
    expect(await on(BATCH, many)).toMatchObject({ status: 413, code: "batch_too_large" });
    const large = { ...REQUIRED, data: "x".repeat(100) };
    expect(await on(STRUCTURED, large)).toMatchObject({ status: 413, code: "event_too_large" });
    const bytes = new Uint8Array(75);
    const headers = inHeaders(REQUIRED);
    expect(await on("image/png", bytes, headers)).toMatchObject({ status: 413, code: "event_too_large" });
    expect(await on("image/png", new Uint8Array(5_000), headers)).toMatchObject({ code: "body_too_large" });
  });

  test("rates: 429 says when to come back", async () => {
    await using limited = await NodeProcess.start({ flags: ["--rate-events-per-token", "2"] });
    const events = Array.from({ length: 6 }, (_, i) => ({
      ...REQUIRED,
      id: `${i}`,
      data: { id: [{ id: 1 }] },
    }));
    expect((await send(BATCH, events, {}, limited)).status).toBe(200);
    const refused = await send("text/plain", "x", inHeaders(REQUIRED), limited);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});
