/** A request with an Idempotency-Key is done once, whatever happens between its first answer and the next. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem } from "../../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { NodeProcess, runToExit } from "../../support/node-process.ts";
import { parsePrometheus, sampleOf } from "../../support/prometheus.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { WEB_TOKEN_NODE, webToken } from "../../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

interface Given {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly text: string;
}

type Options = { readonly query?: string; readonly headers?: Record<string, string> };

async function send(node: NodeProcess, key: string, body: unknown, options: Options = {}): Promise<Given> {
  const headers = { "idempotency-key": key, ...options.headers };
  const response = await node.post(body, { ...options, headers });
  const isReplayed = response.headers.get("idempotency-replayed") === "true";
  return { status: response.status, isReplayed, text: await response.text() };
}

const again = (given: Given): Given => ({ ...given, isReplayed: true });

const BODIES: readonly (readonly [what: string, body: unknown, query: string])[] = [
  ["one event", { topic: "größe", event_id: 'a "quoted" \\ id 🎉', payload: 1 }, ""],
  ["one event with its result", { event_id: "b" }, "?results=true"],
  ["several, with conflicts", [{ event_id: "c" }, { event_id: "c", payload: 2 }], "?results=true"],
  ["an envelope", { events: [{ event_id: "d" }, { event_id: "e" }] }, ""],
  ["none", [], ""],
];

describe("a request that is sent again gets its first answer, byte for byte, and is not counted", () => {
  test.each<["at once" | "after a restart" | "after kill -9"]>([
    ["at once"],
    ["after a restart"],
    ["after kill -9"],
  ])("%s", async (when) => {
    using folder = new TempFolder();
    const sendAll = (node: NodeProcess): Promise<Given[]> =>
      Promise.all(BODIES.map(([what, body, query]) => send(node, `"${what}"`, body, { query })));
    let first: Given[];
    {
      await using node = await NodeProcess.start({ data: folder.path });
      first = await sendAll(node);
      expect(first.map(({ status, isReplayed }) => [status, isReplayed])).toEqual(
        BODIES.map(() => [200, false]),
      );
      if (when === "at once") expect(await sendAll(node)).toEqual(first.map(again));
      await (when === "after kill -9" ? node.kill9() : node.stop());
    }
    await using node = await NodeProcess.start({ data: folder.path });
    expect(await sendAll(node)).toEqual(first.map(again));
    const { received } = await node.stats();
    expect(received).toBe(6);
  });
});

test("the key may be quoted or not, the body compressed or not, and neither makes another request", async () => {
  await using node = await NodeProcess.start();
  const body = JSON.stringify({ event_id: "a" });
  const first = await send(node, "order-1", body);
  expect(await send(node, '"order-1"', body)).toEqual(again(first));
  const compressed = Bun.gzipSync(Buffer.from(body));
  const zipped = await send(node, "order-1", compressed, { headers: { "content-encoding": "gzip" } });
  expect(zipped).toEqual(again(first));
});

const CLOUD_EVENT = { specversion: "1.0", type: "orders", source: "/shop", id: "a" };

test.each<[string, string | undefined, Record<string, string>, Record<string, string>]>([
  [
    "structured",
    JSON.stringify(CLOUD_EVENT),
    { "content-type": "application/cloudevents+json" },
    { "content-type": "application/cloudevents+json; charset=utf-8" },
  ],
  [
    "a batch",
    JSON.stringify([CLOUD_EVENT]),
    { "content-type": "application/cloudevents-batch+json" },
    { "content-type": "application/cloudevents-batch+json" },
  ],
  [
    "binary",
    '{"total":42}',
    {
      "content-type": "application/json",
      ...{ "ce-specversion": "1.0", "ce-type": "orders", "ce-source": "/shop", "ce-id": "a" },
    },
    {
      "content-type": "application/json",
      ...{ "ce-id": "a", "ce-source": "/shop", "ce-type": "orders", "ce-specversion": "1.0" },
    },
  ],
])("a CloudEvent has keys as well: %s", async (_, body, headers, same) => {
  await using node = await NodeProcess.start();
  const first = await send(node, "k", body, { headers });
  expect(first).toMatchObject({ status: 200, isReplayed: false });
  expect(await send(node, "k", body, { headers: same })).toEqual(again(first));
  expect((await node.stats()).received).toBe(1);
  const other = body!.replace("/shop", "/other").replace("42", "43");
  expect(await send(node, "k", other, { headers })).toMatchObject({ status: 422 });
});

test("attributes in headers are a part of the request", async () => {
  await using node = await NodeProcess.start();
  const headers = { "ce-specversion": "1.0", "ce-type": "orders", "ce-source": "/shop", "ce-id": "a" };
  await send(node, "k", "{}", { headers });
  const other = await send(node, "k", "{}", { headers: { ...headers, "ce-id": "b" } });
  expect(other).toMatchObject({ status: 422, isReplayed: false });
  expect((await node.stats()).received).toBe(1);
});

test("lines are committed in pieces: with a key they are refused before any of them is read", async () => {
  await using node = await NodeProcess.start();
  const headers = { "content-type": "application/x-ndjson", "idempotency-key": "k" };
  const response = await node.post('{"event_id":"a"}\n', { headers });
  const problem = await expectProblem(response, { status: 422, code: "idempotency_key_unsupported" });
  expect(problem.detail).toContain("without a key");
  expect((await node.stats()).received).toBe(0);
});

test("another body, other results, or a body that is no JSON under the same key is refused, and nothing stored", async () => {
  await using node = await NodeProcess.start();
  await send(node, "k", { event_id: "a" });
  for (const [body, query] of [
    [{ event_id: "b" }, ""],
    [{ event_id: "a" }, "?results=true"],
    ['{ "event_id": "a" }', ""],
    ["not JSON", ""],
  ] as const) {
    const response = await node.post(body, { query, headers: { "idempotency-key": "k" } });
    await expectProblem(response, { status: 422, code: "idempotency_key_reused" });
  }
  expect(await node.stats()).toMatchObject({ received: 1, rejected: 4 });
});

test("what was refused is judged again, and its key may be used for another body", async () => {
  await using node = await NodeProcess.start();
  const bad = await send(node, "k", { event_id: "" });
  expect(bad).toMatchObject({ status: 422, isReplayed: false });
  expect(await send(node, "k", { event_id: "" })).toEqual(bad);
  expect(await send(node, "k", { event_id: "a" })).toMatchObject({ status: 200, isReplayed: false });
});

test("a key that cannot be used is refused, and so is one that is sent twice", async () => {
  await using node = await NodeProcess.start();
  for (const key of ["two words", '"', `"${"x".repeat(256)}"`]) {
    const response = await node.post({ event_id: "a" }, { headers: { "idempotency-key": key } });
    await expectProblem(response, { status: 400, code: "invalid_idempotency_key" });
  }
  for (const lines of ["idempotency-key: a\r\nidempotency-key: a", "idempotency-key:"]) {
    using socket = await RawSocket.connect(node.port);
    socket.write(`POST /publish HTTP/1.1\r\nhost: localhost\r\n${lines}\r\ncontent-length: 2\r\n\r\n[]`);
    const response = await socket.readResponse();
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ code: "invalid_idempotency_key" }),
    ]);
  }
  expect((await node.stats()).received).toBe(0);
});

const HEAD = "POST /publish HTTP/1.1\r\nhost: localhost\r\nidempotency-key: k\r\n";
const EVENT = '{"event_id":"a"}';

describe("while a request with the key is being answered", () => {
  test("another one is told so, whatever it holds; then it gets the first one's answer", async () => {
    await using node = await NodeProcess.start();
    using slow = await RawSocket.connect(node.port);
    slow.write(`${HEAD}content-length: ${EVENT.length}\r\n\r\n${EVENT.slice(0, 5)}`);
    await until(async () => (await inFlight(node)) === 1);
    for (const body of [EVENT, "[]"]) {
      const refused = await node.post(body, { headers: { "idempotency-key": "k" } });
      expect(refused.headers.get("retry-after")).toBe("1");
      await expectProblem(refused, { status: 409, code: "idempotency_key_in_use" });
    }
    expect(await send(node, "other", { event_id: "b" })).toMatchObject({ status: 200 });
    slow.write(EVENT.slice(5));
    const first = await slow.readResponse();
    const text = await first.text();
    expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([200, null]);
    expect(await send(node, "k", EVENT)).toEqual({ status: 200, isReplayed: true, text });
    expect(await inFlight(node)).toBe(0);
  });

  test("and its connection is lost before all of it is there, the key is free again", async () => {
    await using node = await NodeProcess.start();
    {
      using lost = await RawSocket.connect(node.port);
      lost.write(`${HEAD}content-length: 100\r\n\r\n${EVENT}`);
      await until(async () => (await inFlight(node)) === 1);
    }
    await until(async () => (await inFlight(node)) === 0);
    expect(await send(node, "k", EVENT)).toMatchObject({ status: 200, isReplayed: false });
  });

  test("only one of many at once is done, and all others get its answer in the end", async () => {
    await using node = await NodeProcess.start();
    const answers = await Promise.all(
      Array.from({ length: 40 }, async () => {
        for (;;) {
          const given = await send(node, "k", [{ event_id: "a" }, { event_id: "b" }]);
          if (given.status !== 409) return given;
        }
      }),
    );
    expect(answers.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await node.stats()).received).toBe(2);
  });
});

async function figure(node: NodeProcess, name: string): Promise<number | undefined> {
  return sampleOf(parsePrometheus(await node.getText("/metrics")), `onefold_idempotency_${name}`);
}

const inFlight = (node: NodeProcess) => figure(node, "in_flight");

test("a key is one of the token that sent it: others neither see nor hinder it", async () => {
  using folder = new TempFolder();
  const token = async (name: string): Promise<Record<string, string>> => {
    const flags = ["--scope", "publish", "--name", name];
    const { stdout } = await runToExit(["token", "create", "--data", folder.path, ...flags]);
    return { authorization: `Bearer ${stdout.trim()}` };
  };
  const [alice, bob] = [await token("alice"), await token("bob")];
  await using node = await NodeProcess.start({ data: folder.path });
  const first = await send(node, "k", { event_id: "a" }, { headers: alice });
  const other = await send(node, "k", { event_id: "b" }, { headers: bob });
  expect([first, other]).toMatchObject([
    { status: 200, isReplayed: false },
    { status: 200, isReplayed: false },
  ]);
  expect(await send(node, "k", { event_id: "a" }, { headers: alice })).toEqual(again(first));
  expect(await send(node, "k", { event_id: "b" }, { headers: bob })).toEqual(again(other));
  expect(await send(node, "k", { event_id: "a" })).toMatchObject({ status: 401 });
});

test("subjects of Web Tokens that begin alike are not one sender", async () => {
  const subjects = ["a", "b"].map((end) => "x".repeat(100) + end);
  await using node = await NodeProcess.start(WEB_TOKEN_NODE);
  const bearers = subjects.map((subject) => ({ authorization: `Bearer ${webToken({ subject })}` }));
  for (const headers of bearers)
    expect(await send(node, "k", { event_id: "a" }, { headers })).toMatchObject({
      status: 200,
      isReplayed: false,
    });
});

test("answers are kept for their time and then forgotten: the request is a new one, its events duplicates", async () => {
  await using node = await NodeProcess.start({ flags: ["--idempotency-window", "1s"] });
  const first = await send(node, "k", { event_id: "a" });
  expect(await send(node, "k", { event_id: "a" })).toEqual(again(first));
  await until(async () => (await figure(node, "answers")) === 0);
  const forgotten = await send(node, "k", { event_id: "a" });
  expect(forgotten.isReplayed).toBe(false);
  expect(JSON.parse(forgotten.text)).toMatchObject({ status: "duplicate", seq: 1 });
});

test("metrics say how many answers are kept and were given again; also of those that an earlier process kept", async () => {
  using folder = new TempFolder();
  {
    await using node = await NodeProcess.start({ data: folder.path });
    for (const key of ["a", "b", "a", "a"]) await send(node, key, { event_id: key });
    const names = ["answers", "answers_bytes", "replayed_total", "in_flight"];
    const figures = await Promise.all(names.map((name) => figure(node, name)));
    expect(figures).toEqual([2, expect.any(Number), 2, 0]);
    expect(figures[1]).toBeGreaterThan(2 * 160);
    await node.kill9();
  }
  await using node = await NodeProcess.start({ data: folder.path });
  expect([await figure(node, "answers"), await figure(node, "replayed_total")]).toEqual([2, 0]);
});

test("a page of another origin may send a key, and see that an answer was given before", async () => {
  const origin = "https://shop.example";
  await using node = await NodeProcess.start({ flags: ["--allow-origins", origin] });
  const preflight = await fetch(`${node.url}/publish`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  expect(preflight.headers.get("access-control-allow-headers")).toContain("idempotency-key");
  const answer = await node.post([], { headers: { origin, "idempotency-key": "k" } });
  expect(answer.headers.get("access-control-expose-headers")).toContain("idempotency-replayed");
});

test("an answer that is given again costs one event of the rate, however many it is about", async () => {
  await using node = await NodeProcess.start({ flags: ["--rate-events-per-address", "100"] });
  const events = Array.from({ length: 50 }, (_, i) => ({ event_id: `${i}` }));
  await send(node, "k", events);
  for (let i = 0; i < 10; i++) expect((await send(node, "k", events)).status).toBe(200);
});
