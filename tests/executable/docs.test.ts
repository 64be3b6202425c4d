/** GET /docs and GET /docs/json: the document says all that the node does, and nothing else; the page needs no internet. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { EVENT_STREAM_TYPE } from "../../src/server/event-stream.ts";
import { METRICS_TYPE } from "../../src/server/models/metrics.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { OpenApiJudge, refsIn, resolveRef } from "../support/open-api.ts";
import { routesOfApp } from "../support/routes.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const EVENTS_MAX = 50;
const BODY_BYTES_MAX = 4_096;

let node: NodeProcess;
let judge: OpenApiJudge;
beforeAll(async () => {
  const flags = ["--max-events", String(EVENTS_MAX), "--max-body-bytes", String(BODY_BYTES_MAX)];
  node = await NodeProcess.start({ flags });
  await node.publish([
    { topic: "orders", event_id: "order-1001-paid", source: "checkout", payload: { order: 1001 } },
    { topic: "orders", event_id: "order-1001-paid", source: "checkout", payload: { order: 1002 } },
    { topic: "refunds", event_id: "1" },
  ]);
  judge = new OpenApiJudge(await node.getText("/docs/json"));
});
afterAll(() => node[Symbol.asyncDispose]());

/** What whoever names no other is answered with. */
function usualTypeOf(path: string): string {
  if (path === "/metrics") return METRICS_TYPE;
  return path.endsWith("/stream") ? EVENT_STREAM_TYPE : "application/json";
}

describe("the document", () => {
  test("is OpenAPI 3", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(judge.document)));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(judge.document.openapi).toStartWith("3.");
  });

  test("describes every HTTP route and nothing else, and leads to the channels", () => {
    const routes = routesOfApp()
      .map(({ method, path }) => ({ method: method.toLowerCase(), path }))
      .filter(({ path }) => path !== "/docs" && !path.startsWith("/docs/"));
    const sockets = routes.filter(({ method }) => method === "ws");
    const described = judge.operations.map(({ method, path }) => `${method} ${path}`);
    const expected = routes
      .filter((route) => !sockets.includes(route))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect(described.sort()).toEqual(expected.sort());
    for (const path of ["/docs/channels", "/docs/asyncapi.json"])
      expect(judge.document.info.description).toContain(`(${path})`);
  });

  test("says of every route what it does, what it takes and what it answers", () => {
    const tags = judge.document.tags.map(({ name }) => name);
    const ids = judge.operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of judge.operations) {
      const { summary, description, parameters = [], responses } = operation;
      expect(summary).not.toBeEmpty();
      expect(description).not.toBeEmpty();
      expect(operation.tags).toHaveLength(1);
      expect(tags).toContain(operation.tags![0]!);
      for (const parameter of parameters) expect(parameter.description).not.toBeEmpty();
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `{${name}}`);
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(responses).toHaveProperty("200");
      for (const [status, answer] of Object.entries(responses)) {
        expect(answer.description).not.toBeEmpty();
        const types = Object.keys(answer.content ?? {});
        const isProblem = status !== "200" && !path.startsWith("/health");
        if (isProblem) expect(types).toEqual(["application/problem+json"]);
        else expect(types[0]).toBe(usualTypeOf(path));
        for (const type of types) expect(Object.keys(answer.content![type]!.examples ?? {})).not.toBeEmpty();
      }
    }
  });
});

describe("in the document", () => {
  test("no reference leads nowhere, and every model is led to", () => {
    const refs = new Set(refsIn(judge.document));
    expect(refs.size).toBeGreaterThan(10);
    for (const ref of refs)
      expect({ ref, target: typeof resolveRef(judge.document, ref) }).toEqual({ ref, target: "object" });
    const models = Object.keys(judge.document.components.schemas).map(
      (name) => `#/components/schemas/${name}`,
    );
    expect([...refs].sort()).toEqual(models.sort());
    expect(resolveRef(judge.document, "#/components/schemas/Nothing")).toBeUndefined();
  });

  test("no example is refused by its own schema", () => {
    let examples = 0;
    const check = (place: readonly string[], value: unknown): void => {
      examples++;
      expect({ place, faults: judge.faults([...place, "schema"], value) }).toEqual({ place, faults: [] });
    };
    for (const { method, path, operation } of judge.operations) {
      const { requestBody, responses, parameters = [] } = operation;
      const at = ["paths", path, method];
      const bodies = [
        [["requestBody"], requestBody?.content ?? {}] as const,
        ...Object.entries(responses).map(
          ([status, { content = {} }]) => [["responses", status], content] as const,
        ),
      ];
      for (const [place, content] of bodies)
        for (const [type, { examples: named = {} }] of Object.entries(content))
          for (const { value } of Object.values(named)) check([...at, ...place, "content", type], value);
      for (const [i, { schema }] of parameters.entries())
        for (const value of [...(schema.examples ?? []), ...("default" in schema ? [schema.default] : [])])
          check([...at, "parameters", String(i)], value);
    }
    expect(examples).toBeGreaterThan(40);
  });

  test("the limits are those of this node, and the version is the one it runs", async () => {
    const schema = JSON.stringify(judge.document.paths["/publish"]!.post!.requestBody);
    expect(schema).toContain(`"maxItems":${EVENTS_MAX}`);
    const { version } = JSON.parse(await node.getText("/health")) as { version: string };
    expect(judge.document.info.version).toBe(version);
  });
});

const accepting = (accept: string): RequestInit => ({ headers: { accept } });

/** Requests to every route: successes first, then problems. */
const REQUESTS: [method: string, template: string, path: string, status: number, init?: RequestInit][] = [
  ["get", "/stats", "/stats", 200],
  ["get", "/stats", "/stats?topic=orders", 200],
  ["get", "/stats", "/stats?topic=unknown", 200],
  ["get", "/stats", "/stats?topic=a%20b", 422],
  ["get", "/stats/stream", "/stats/stream?interval=x", 422],
  ["get", "/topics", "/topics", 200],
  ["get", "/topics", "/topics?limit=1", 200],
  ["get", "/topics", "/topics?limit=0", 422],
  ["get", "/events", "/events", 200],
  ["get", "/events", "/events?topic=orders&limit=1", 200],
  ["get", "/events", "/events?topic=unknown", 200],
  ["get", "/events", "/events", 200, accepting("application/cloudevents-batch+json")],
  ["get", "/events", "/events", 200, accepting("application/x-ndjson")],
  ["get", "/events", "/events?order=up&limit=-1", 422],
  ["get", "/events/stream", "/events/stream?after=99", 422],
  ["get", "/events/{topic}/{event_id}", "/events/orders/order-1001-paid", 200],
  [
    ...(["get", "/events/{topic}/{event_id}", "/events/orders/order-1001-paid", 200] as const),
    accepting("application/cloudevents+json"),
  ],
  ["get", "/events/{topic}/{event_id}", "/events/orders/nothing", 404],
  ["get", "/events/{topic}/{event_id}", "/events/orders/order-1001-paid?scop=x", 422],
  ["get", "/conflicts", "/conflicts", 200],
  ["get", "/conflicts", "/conflicts?topic=orders&limit=1", 200],
  ["get", "/conflicts", "/conflicts?limit=many", 422],
  ["get", "/health", "/health", 200],
  ["get", "/health/live", "/health/live", 200],
  ["get", "/health/ready", "/health/ready", 200],
  ["get", "/metrics", "/metrics", 200],
  ["get", "/metrics", "/metrics?topic=orders", 422],
  ["post", "/publish", "/publish", 200, { body: '{"event_id":"single"}' }],
  ["post", "/publish", "/publish", 200, { body: '{"event_id":"single"}' }],
  ["post", "/publish", "/publish?results=true", 200, { body: '{"event_id":"single"}' }],
  ["post", "/publish", "/publish", 200, { body: "[]" }],
  ["post", "/publish", "/publish?results=true", 200, { body: '[{"id":"a"},{"id":"a","payload":1}]' }],
  ["post", "/publish", "/publish", 200, { body: '{"events":[{"id":"b"}]}' }],
  ["post", "/publish", "/publish", 400, { body: "{" }],
  ["post", "/publish", "/publish", 413, { body: `{"id":"${"x".repeat(BODY_BYTES_MAX)}"}` }],
  ["post", "/publish", "/publish", 415, { body: "x", headers: { "content-type": "text/plain" } }],
  ["post", "/publish", "/publish", 422, { body: "[{},{}]" }],
  ["post", "/publish", "/publish?result=true", 422, { body: "[]" }],
];

describe("real answers are as documented:", () => {
  test.each(REQUESTS)("%s %s: %s is %i", async (method, template, path, status, init = {}) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${node.url}${path}`, { method, headers, ...init });
    expect(response.status).toBe(status);
    expect(await judge.faultsOfResponse(method, template, response)).toEqual([]);
  });

  test("no route was left out, and a wrong answer would be seen", async () => {
    const asked = new Set(REQUESTS.map(([method, template]) => `${method} ${template}`));
    expect([...asked].sort()).toEqual(judge.operations.map(({ method, path }) => `${method} ${path}`).sort());
    const answers = [
      Response.json({}, { status: 200 }),
      Response.json({ ...(await node.stats()), more: 1 }),
      Response.json({ ...(await node.stats()), received: "1" }),
      Response.json(await node.stats(), { status: 201 }),
      Response.json(await node.stats(), { headers: { "content-type": "text/json" } }),
    ];
    for (const answer of answers)
      expect(await judge.faultsOfResponse("get", "/stats", answer)).not.toBeEmpty();
  });
});

describe("what the document says of a request, the node holds to:", () => {
  /** By the schema of the body alone; it knows no more of a time than that it is a text. */
  const BODIES = [
    { event_id: "1" },
    { id: "1" },
    { event_id: "1", id: "1" },
    {},
    [],
    [{ event_id: "1" }, {}],
    { events: [] },
    { events: [{ id: "1" }] },
    { events: {} },
    { events: [], more: 1 },
    { event_id: "" },
    { event_id: 7 },
    { event_id: null },
    { event_id: "x".repeat(255) },
    { event_id: "𝄞".repeat(255) },
    { event_id: "𝄞".repeat(256) },
    { event_id: "a\u0000" },
    { event_id: "a\u0085" },
    { event_id: "a b,*" },
    { event_id: "1", topic: "ünï/./-_:" },
    { event_id: "1", topic: "a b" },
    { event_id: "1", topic: "a\u00a0b" },
    { event_id: "1", topic: "a,b" },
    { event_id: "1", topic: "a.*" },
    { event_id: "1", topic: "" },
    { event_id: "1", topic: null },
    { event_id: "1", source: null },
    { event_id: "1", source: "" },
    { event_id: "1", source: "x".repeat(256) },
    { event_id: "1", timestamp: null },
    { event_id: "1", timestamp: 5 },
    { event_id: "1", payload: [null, { a: 1.5 }] },
    { event_id: "1", data: 1 },
    Array.from({ length: EVENTS_MAX }, (_, i) => ({ id: `${i}` })),
    Array.from({ length: EVENTS_MAX + 1 }, (_, i) => ({ id: `${i}` })),
    1,
    null,
    "event",
  ];

  test.each(BODIES.map((body) => [body]))("the body %j", async (body) => {
    const place = ["paths", "/publish", "post", "requestBody", "content", "application/json", "schema"];
    const isDocumented = judge.faults(place, body).length === 0;
    const { status } = await node.post(JSON.stringify(body));
    expect({ isDocumented, status }).toEqual({ isDocumented, status: isDocumented ? 200 : status });
    expect(status < 300).toBe(isDocumented);
  });

  test("every parameter, its default, its example and its limits; and no other parameter", async () => {
    for (const { method, path, operation } of judge.operations) {
      const { parameters = [] } = operation;
      const address = path.replace("{topic}", "orders").replace("{event_id}", "order-1001-paid");
      const statusOf = async (query: string): Promise<number> => {
        const init = method === "post" ? { body: "[]", headers: { "content-type": "application/json" } } : {};
        return (await fetch(`${node.url}${address}?${query}`, { method, ...init })).status;
      };
      for (const { name, schema, in: place } of parameters) {
        if (place !== "query") continue;
        const values = [schema.default, schema.maximum, ...(schema.examples ?? [])].filter(
          (value) => value !== undefined,
        );
        expect({ path, name, values: values.length }).not.toEqual({ path, name, values: 0 });
        for (const value of values) {
          const status = await statusOf(`${name}=${encodeURIComponent(String(value))}`);
          // A scope that no event has is no fault of the parameter.
          expect({ path, name, value, status }).toEqual({
            path,
            name,
            value,
            status: name === "scope" ? 404 : 200,
          });
        }
        if (schema.maximum !== undefined) expect(await statusOf(`${name}=${schema.maximum + 1}`)).toBe(422);
      }
      if (!path.startsWith("/health"))
        expect({ path, status: await statusOf("unknown=1") }).toEqual({ path, status: 422 });
    }
  });
});

describe("the page", () => {
  const FILES: [path: string, type: string, bytesMin: number][] = [
    ["/docs", "text/html; charset=utf-8", 300],
    ["/docs/", "text/html; charset=utf-8", 300],
    ["/docs/page-start.js", "text/javascript; charset=utf-8", 100],
    ["/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", 1_000_000],
    ["/docs/swagger-ui.css", "text/css; charset=utf-8", 100_000],
    ["/docs/favicon.png", "image/png", 300],
    ["/docs/channels", "text/html; charset=utf-8", 10_000],
    ["/docs/channels.css", "text/css; charset=utf-8", 1_000],
    ["/docs/asyncapi.json", "application/json", 10_000],
    ["/docs/json", "application/json", 10_000],
  ];

  test.each(FILES)(
    "%s is served as %s and asked for again only when it has changed",
    async (path, type, bytesMin) => {
      const response = await fetch(node.url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(type);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(response.headers.get("content-security-policy")).toStartWith("default-src 'self';");
      expect((await response.bytes()).length).toBeGreaterThan(bytesMin);
      const tag = response.headers.get("etag")!;
      const again = await fetch(node.url + path, { headers: { "if-none-match": tag } });
      expect({ status: again.status, bytes: (await again.bytes()).length }).toEqual({
        status: 304,
        bytes: 0,
      });
      const other = await fetch(node.url + path, { headers: { "if-none-match": '"other"' } });
      expect(other.status).toBe(200);
      expect((await fetch(node.url + path, { method: "HEAD" })).status).toBe(200);
    },
  );

  test.each(["/docs", "/docs/channels"])(
    "%s names nothing but files of this node, and has no inline script",
    async (page) => {
      const html = await node.getText(page);
      const addresses = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, address]) => address);
      const served = FILES.map(([path]) => path);
      expect(addresses.length).toBeGreaterThan(3);
      for (const address of addresses) expect(served).toContain(address!);
      expect(html).not.toMatch(/https?:|<script(?![^>]*\bsrc=)|<style|\son\w+=/);
      expect(await node.getText("/docs/page-start.js")).not.toMatch(/https?:/);
    },
  );

  test("is the only one: the plugin's own, which loads from elsewhere, is nowhere", async () => {
    for (const path of [
      "/swagger",
      "/swagger/json",
      "/openapi.json",
      "/docs/openapi.json",
      "/docs/index.html",
    ])
      expect({ path, status: (await fetch(node.url + path)).status }).toEqual({ path, status: 404 });
    expect(
      routesOfApp()
        .filter(({ path }) => /swagger|openapi|scalar/.test(path))
        .map(({ path }) => path),
    ).toEqual(["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]);
  });

  test.each(["/docs", "/docs/json", "/docs/swagger-ui.css"])("POST %s is 405", async (path) => {
    const response = await fetch(node.url + path, { method: "POST" });
    expect({ status: response.status, allow: response.headers.get("allow") }).toEqual({
      status: 405,
      allow: "GET, HEAD",
    });
  });
});
