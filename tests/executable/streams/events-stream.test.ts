/** GET /events/stream: every stored event once and in order, whatever becomes of the connection and the node. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { EventSource } from "eventsource";
import { type EventPage, expectProblem, type StoredEvent } from "../../support/contract.ts";
import { CuttingProxy } from "../../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { TestSocket } from "../../support/socket.ts";
import { StreamReader, type StreamReaderOptions } from "../../support/stream-reader.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { WEB_TOKEN_NODE, webToken } from "../../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

interface EventsFrame {
  readonly type: "events";
  readonly events: readonly StoredEvent[];
}

interface GapFrame {
  readonly type: "gap";
  readonly from: number;
  readonly to: number;
}

interface ErrorFrame {
  readonly type: "error";
  readonly code: string;
  readonly status: number;
}

type FeedFrame = EventsFrame | GapFrame | ErrorFrame;

function open(node: NodeProcess, query = "", options: StreamReaderOptions = {}) {
  return StreamReader.open<FeedFrame>(`${node.url}/events/stream${query}`, options);
}

/** The next so many events. */
async function take(stream: StreamReader<FeedFrame>, count: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  while (events.length < count) {
    const { frame } = await stream.next();
    if (frame.type !== "events") throw new Error(JSON.stringify(frame));
    events.push(...frame.events);
  }
  return events;
}

function numbered(from: number, count: number, topic = "default") {
  return Array.from({ length: count }, (_, i) => ({ topic, event_id: String(from + i), payload: from + i }));
}

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
  await node.publish(numbered(1, 40));
});
afterAll(() => node[Symbol.asyncDispose]());

test("tells what is stored from where it was asked to, as GET /events does, and then what comes", async () => {
  await using stream = await open(node, "?after=35");
  const stored = await take(stream, 5);
  expect(stored).toEqual([...(await node.page("?after=35")).events].slice(0, 5));
  await node.publish({ topic: "live", event_id: "1" });
  const [live] = await take(stream, 1);
  expect(live).toMatchObject({ topic: "live", event_id: "1" });
});

test("goes on from the next of a page, and a page from the position of a frame", async () => {
  const { next } = await node.page("?limit=7");
  await using stream = await open(node, `?after=${next}`);
  expect((await take(stream, 1))[0]!.seq).toBe(8);
  await using behind = await open(node, `?last_event_id=${next}&after=30`);
  const first = await behind.next();
  const seqs = (first.frame as EventsFrame).events.map(({ seq }) => seq);
  expect(seqs[0]).toBe(8);
  const page = await node.page(`?after=${first.id}&limit=1`);
  expect(page.events.map(({ seq }) => seq)).toEqual(seqs.at(-1)! < 40 ? [seqs.at(-1)! + 1] : []);
});

test("a position is good on a socket as well, where one of another database is final", async () => {
  const { next } = await node.page("?limit=7");
  using socket = await TestSocket.open(`${node.wsUrl}/ws/events?after=${next}`);
  const text = await socket.nextText();
  expect((JSON.parse(text) as EventsFrame).events[0]!.seq).toBe(8);
  await using other = await NodeProcess.start();
  using refused = await TestSocket.open(`${other.wsUrl}/ws/events?after=${next}`);
  expect(await refused.nextText()).toContain("after is a cursor of another database.");
  expect((await refused.closed).code).toBe(4400);
});

test("one who asked for the latest and was told nothing has a position all the same", async () => {
  let lastId: string;
  {
    await using stream = await open(node, "?topics=later");
    await stream.until(() => stream.lastId !== "");
    ({ lastId } = stream);
  }
  await node.publish({ topic: "later", event_id: "meanwhile" });
  await using stream = await open(node, "?topics=later", { headers: { "last-event-id": lastId } });
  expect(await take(stream, 1)).toMatchObject([{ event_id: "meanwhile" }]);
});

test("a payload is told exactly, on one line, whatever is in it", async () => {
  const payload =
    '{"text":"a\\nb\\r\\u2028\\u0000 data: x\\n\\nid: y","number":12345678901234567890.5,"list":[1, 2]}';
  await using stream = await open(node, "?topics=exact");
  await stream.until(() => stream.lastId !== "");
  await node.post(`{"topic":"exact",\n"event_id":"1",\r\n"payload":\n${payload}\n}`);
  const [event] = await take(stream, 1);
  expect(event!.payload).toEqual(JSON.parse(payload));
  const stored = await node.getText("/events/exact/1");
  const text = await (await fetch(`${node.url}/events?topic=exact`)).text();
  expect(text).toContain(stored);
  expect(stored).toContain("12345678901234567890.5");
});

test("what retention has removed before a reader came is told as a gap", async () => {
  await using own = await NodeProcess.start({ flags: ["--retain-events", "10"] });
  for (let i = 0; i < 10; i++) await own.publish(numbered(1 + 10 * i, 10));
  await until(async () => (await own.page("?after=0")).gap?.to === 90);
  await using stream = await open(own, "?after=5");
  expect((await stream.next()).frame).toEqual({ type: "gap", from: 6, to: 90 });
  expect((await take(stream, 10)).map(({ seq }) => seq)).toEqual(
    numbered(91, 10).map(({ payload }) => payload),
  );
});

describe("a position is refused", () => {
  const refused = async (query: string, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(`${node.url}${query}`, { headers });
    return (await expectProblem(response, { status: 422, code: "invalid_parameter" })).detail;
  };

  test("that is of another database, cut, or none, on pages and streams alike", async () => {
    await using other = await NodeProcess.start();
    await other.publish(numbered(1, 2));
    const { next } = await other.page("?limit=1");
    for (const path of ["/events", "/events/stream"]) {
      expect(await refused(`${path}?after=${next}`)).toBe("after is a cursor of another database.");
      expect(await refused(`${path}?after=${next!.slice(0, -1)}`)).toStartWith("after is no cursor");
      expect(await refused(`${path}?after=x`)).toStartWith("after must be a `seq`");
    }
    expect(await refused("/events/stream", { "last-event-id": next! })).toStartWith(
      "last-event-id is a cursor",
    );
    expect(await refused("/events/stream?no=such")).toStartWith("no is not a known parameter");
  });

  test("that lies beyond the end; but a number is none for a page, which is empty", async () => {
    using folder = new TempFolder();
    const [data, copy] = [folder.file("data"), folder.file("copy")];
    {
      await using own = await NodeProcess.start({ data });
      await own.publish(numbered(1, 2));
      await own.stop();
    }
    cpSync(data, copy, { recursive: true });
    await using ahead = await NodeProcess.start({ data: copy });
    await ahead.publish(numbered(3, 5));
    const { next } = await ahead.page("?limit=5");
    await using behind = await NodeProcess.start({ data });
    for (const path of ["/events?after=", "/events/stream?after=", "/events/stream?last_event_id="]) {
      const response = await fetch(`${behind.url}${path}${next}`);
      const { detail } = await expectProblem(response, { status: 422, code: "invalid_parameter" });
      expect(detail).toEndWith(" is a cursor beyond the newest event.");
    }
    expect((await fetch(`${behind.url}/events/stream?after=3`)).status).toBe(422);
    const page = (await (await fetch(`${behind.url}/events?after=3`)).json()) as EventPage;
    expect(page).toMatchObject({ count: 0, next: null });
    // The end itself is not beyond it.
    await using stream = await open(behind, "?after=2");
    await behind.publish(numbered(100, 1));
    expect((await take(stream, 1))[0]!.seq).toBe(3);
  });
});

test("a stream whose token expires is told so, and its client is not let in again", async () => {
  await using closed = await NodeProcess.start(WEB_TOKEN_NODE);
  const headers = { authorization: `Bearer ${webToken({ scope: "subscribe", seconds: 2 })}` };
  await using stream = await open(closed, "?after=latest", { headers });
  const frames = await stream.rest();
  expect(frames.map(({ frame }) => frame)).toMatchObject([
    { type: "error", code: "unauthorized", status: 401 },
  ]);
  await expectProblem(await fetch(`${closed.url}/events/stream`, { headers }), {
    status: 401,
    code: "unauthorized",
  });
});

test("a page of an origin that was named may read it", async () => {
  const origin = "https://app.example";
  await using own = await NodeProcess.start({ flags: ["--allow-origins", origin] });
  await using stream = await open(own, "", { headers: { origin } });
  expect(stream.response.headers.get("access-control-allow-origin")).toBe(origin);
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
  await own.publish(numbered(1, 1));
  expect(await take(stream, 1)).toHaveLength(1);
  const preflight = await fetch(`${own.url}/events/stream`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "GET",
      "access-control-request-headers": "last-event-id",
    },
  });
  expect(preflight.headers.get("access-control-allow-headers")).toContain("last-event-id");
});

test("an EventSource misses no event and sees none twice, over lost connections, restarts and a kill", async () => {
  using folder = new TempFolder();
  let own = await NodeProcess.start({ data: folder.path });
  await using proxy = await CuttingProxy.to(own.port);
  const seen: number[] = [];
  const source = new EventSource(`${proxy.url}/events/stream?after=0`);
  source.onmessage = ({ data }) => {
    const frame = JSON.parse(data) as FeedFrame;
    if (frame.type === "events") seen.push(...frame.events.map(({ payload }) => payload as number));
  };
  let published = 0;
  const publish = async (batches: number): Promise<void> => {
    for (let i = 0; i < batches; i++) {
      await own.publish(numbered(published, 20));
      published += 20;
    }
  };
  const reach = (): Promise<void> =>
    until(async () => {
      await own.getText("/health/live");
      return seen.length >= published;
    });
  try {
    for (let round = 0; round < 4; round++) {
      await publish(10);
      if (round % 2 === 0) await reach();
      proxy.cut();
      await publish(10);
      if (round === 1) await own.kill9();
      else await own.stop();
      await own[Symbol.asyncDispose]();
      own = await NodeProcess.start({ data: folder.path });
      proxy.retarget(own.port);
    }
    await reach();
    expect(seen).toEqual(numbered(0, published).map(({ payload }) => payload));
    expect(source.readyState).not.toBe(EventSource.CLOSED);
    // It came back at least after each time that all had been read and the connection was cut.
    expect(proxy.requests.length).toBeGreaterThanOrEqual(3);
  } finally {
    source.close();
    await own[Symbol.asyncDispose]();
  }
});
