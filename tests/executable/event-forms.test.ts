/** Reading events in the form that is accepted: JSON, lines, CloudEvents, whichever form they came in. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { BATCH, REQUIRED, STRUCTURED, sendCloudEvents } from "../support/cloud-events.ts";
import type { StoredEvent } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { OpenApiJudge } from "../support/open-api.ts";
import { documentOfApp } from "../support/routes.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
  await publishOut();
});
afterAll(() => node[Symbol.asyncDispose]());

const read = (path: string, accept: string) => fetch(`${node.url}${path}`, { headers: { accept } });

/** Of the events of a page whose body has nothing else. */
function idsOf(type: string, text: string): unknown[] {
  const events = type === BATCH ? text : `[${text.trimEnd().replaceAll("\n", ",")}]`;
  return (JSON.parse(events) as { id?: string; event_id?: string }[]).map(
    ({ id, event_id }) => id ?? event_id,
  );
}

/** What the tests of reading read. */
async function publishOut(): Promise<void> {
  await node.publish([
    { topic: "out", event_id: "1", source: "a b", timestamp: "2026-01-31", payload: { n: 1 } },
    { topic: "out", event_id: "2", payload: null },
    { topic: "größe", event_id: "3" },
  ]);
  const body = [{ ...REQUIRED, type: "out", id: "4", data_base64: "AAEC", ext: 1 }];
  await sendCloudEvents(node, { type: BATCH, body });
}

describe("a page", () => {
  test("as CloudEvents is what the document says, also where a source is made of a long name", async () => {
    const [topic, source] = ["ü".repeat(255), "größe ".repeat(42)];
    await using own = await NodeProcess.start();
    await own.publish([
      { topic, event_id: "1" },
      { topic: "out", event_id: "2", source },
    ]);
    const response = await fetch(`${own.url}/events`, { headers: { accept: BATCH } });
    const { status, headers } = response;
    const text = await response.text();
    const documents = new OpenApiJudge(await documentOfApp("/docs/json"));
    expect(documents.faultsOfAnswer("get", "/events", { status, headers, text })).toEqual([]);
    expect(JSON.parse(text)).toMatchObject([
      { source: `/topics/${encodeURIComponent(topic)}` },
      { source: encodeURI(source) },
    ]);
  });

  test("as CloudEvents gives every event, whichever form it came in", async () => {
    const response = await read("/events?topic=out", BATCH);
    expect(response.headers.get("content-type")).toBe(BATCH);
    expect(response.headers.get("link")).toBeNull();
    const { events } = await node.page("?topic=out");
    const json = { datacontenttype: "application/json" };
    expect(await response.json()).toEqual([
      {
        ...REQUIRED,
        ...json,
        id: "1",
        source: "a%20b",
        type: "out",
        time: "2026-01-31T00:00:00Z",
        data: { n: 1 },
      },
      {
        ...REQUIRED,
        ...json,
        id: "2",
        source: "/topics/out",
        type: "out",
        time: events[1]!.received_at,
        data: null,
      },
      { ...REQUIRED, id: "4", type: "out", data_base64: "AAEC", ext: 1 },
    ]);
    const [one] = (await (await read("/events?topic=gr%C3%B6%C3%9Fe", BATCH)).json()) as [{ source: string }];
    expect(one.source).toBe("/topics/gr%C3%B6%C3%9Fe");
  });

  test("as lines gives the events that JSON gives, one a line", async () => {
    const response = await read("/events?topic=out", "application/x-ndjson");
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const text = await response.text();
    expect(text).toEndWith("}\n");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as StoredEvent);
    expect(lines).toEqual((await node.page("?topic=out")).events as StoredEvent[]);
    expect(await (await read("/events?topic=nothing", "application/x-ndjson")).text()).toBe("");
    expect(await (await read("/events?topic=nothing", BATCH)).text()).toBe("[]");
  });

  test.each([
    ["*/*", "application/json"],
    ["application/*", "application/json"],
    ["text/html", "application/json"],
    [`${BATCH};q=0.5, application/x-ndjson;q=0.9, application/json;q=0.1`, "application/x-ndjson"],
    [`${BATCH};q=0, */*;q=0.1`, "application/json"],
    ["Application/CloudEvents-Batch+JSON", BATCH],
    [`text/html, ${BATCH}, */*;q=0.8`, BATCH],
  ])("with `Accept: %s` is answered with %s", async (accept, type) => {
    const response = await read("/events?limit=1", accept);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, type]);
    expect(response.headers.get("vary")).toBe("accept, origin");
  });
});

describe("a page that has events alone", () => {
  test("goes on by the link of the page before, which repeats no credentials", async () => {
    for (const type of [BATCH, "application/x-ndjson"]) {
      const ids: unknown[] = [];
      const first = `${node.url}/events?topic=out&limit=2&access_token=a%20secret`;
      for (let url: string | undefined = first; url !== undefined; ) {
        const page: Response = await fetch(url, { headers: { accept: type } });
        ids.push(...idsOf(type, await page.text()));
        const link: string | null = page.headers.get("link");
        expect(link ?? "").not.toMatch(/token|secret/);
        const next: string | undefined = /^<([^>]*)>; rel="next"$/.exec(link ?? "")?.[1];
        expect(next === undefined).toBe(link === null);
        url = next === undefined ? undefined : new URL(next, url).href;
      }
      expect(ids).toEqual(["1", "2", "4"]);
    }
    expect((await read("/events?topic=out&limit=1", "*/*")).headers.get("link")).toBeNull();
  });

  test("goes on with the same topic, though there is a question mark in its name", async () => {
    await using other = await NodeProcess.start();
    const events = ["1", "2"].map((event_id) => ({ topic: "who?now", event_id }));
    await other.publish([...events, { topic: "who", event_id: "of another topic" }]);
    const first = `${other.url}/events?topic=who?now&limit=1`;
    const page = await fetch(first, { headers: { accept: BATCH } });
    expect(idsOf(BATCH, await page.text())).toEqual(["1"]);
    const link = /^<([^>]*)>/.exec(page.headers.get("link") ?? "")![1]!;
    const next = await fetch(new URL(link, first), { headers: { accept: BATCH } });
    expect(idsOf(BATCH, await next.text())).toEqual(["2"]);
  });

  test("tells what retention has removed in a header", async () => {
    await using small = await NodeProcess.start({ flags: ["--retain-events", "2"] });
    await small.publish(Array.from({ length: 20 }, (_, i) => ({ event_id: `${i}` })));
    const page = async () => {
      const { gap } = JSON.parse(await small.getText("/events?after=0")) as {
        gap?: { from: number; to: number };
      };
      return gap;
    };
    let gap = await page();
    while (gap?.to !== 18) gap = await page();
    const response = await fetch(`${small.url}/events?after=0`, { headers: { accept: BATCH } });
    expect(response.headers.get("onefold-gap")).toBe("from=1, to=18");
    expect(await response.json()).toHaveLength(2);
  });
});

describe("one event", () => {
  test("takes its source as the scope of its id", async () => {
    expect((await fetch(`${node.url}/events/out/4`)).status).toBe(404);
    expect((await fetch(`${node.url}/events/out/4?scope=/s`)).status).toBe(200);
    const native = await read("/events/out/2", `${STRUCTURED}, application/json;q=0.5`);
    expect(await native.json()).toMatchObject({ ...REQUIRED, id: "2", source: "/topics/out", type: "out" });
    const other = await read("/events/out/2", "application/x-ndjson");
    expect(other.headers.get("content-type")).toBe("application/json");
  });

  test("that came otherwise shows no attributes", async () => {
    expect(Object.keys((await node.page("?topic=out&limit=1")).events[0]!)).toEqual([
      ...["seq", "topic", "event_id", "timestamp", "source", "payload", "received_at"],
    ]);
  });
});
