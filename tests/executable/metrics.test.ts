/** GET /metrics of the executable: counters equal what was sent, refusals what was answered, gauges what is open. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { type EventPage, expectWellFormedProblem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { type Family, parsePrometheus, sampleOf } from "../support/prometheus.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

async function scrape(node: NodeProcess, token?: string): Promise<Map<string, Family>> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${node.url}/metrics`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parsePrometheus(await response.text());
}

/** The codes that were answered, with how often. */
function refusalsIn(families: ReadonlyMap<string, Family>): Record<string, number> {
  const samples = families.get("onefold_refused_total")!.samples.filter(({ value }) => value > 0);
  return Object.fromEntries(samples.map(({ labels, value }) => [labels.code, value]));
}

const COUNTERS = ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const;

test("counters equal what was sent, in all and by topic, and go on after a restart", async () => {
  using folder = new TempFolder();
  const sent = {
    orders: { received: 4, unique_processed: 2, duplicate_dropped: 2, conflicts: 1 },
    'quo"ted\\': { received: 1, unique_processed: 1, duplicate_dropped: 0, conflicts: 0 },
  };
  const expectSent = async (node: NodeProcess): Promise<void> => {
    const families = await scrape(node);
    for (const counter of COUNTERS) {
      for (const [topic, counters] of Object.entries(sent))
        expect(sampleOf(families, `onefold_topic_events_${counter}_total`, { topic })).toBe(
          counters[counter],
        );
      const total = Object.values(sent).reduce((sum, counters) => sum + counters[counter], 0);
      expect(sampleOf(families, `onefold_events_${counter}_total`)).toBe(total);
    }
    expect(sampleOf(families, "onefold_topics")).toBe(2);
    expect(sampleOf(families, "onefold_ready")).toBe(1);
    expect(sampleOf(families, "onefold_waiting_publishes")).toBe(0);
    const { version } = JSON.parse(await node.getText("/health")) as { version: string };
    expect(sampleOf(families, "onefold_build_info", { version })).toBe(1);
  };
  {
    await using node = await NodeProcess.start({ data: folder.path, flags: ["--max-topics", "123"] });
    await node.publish([
      { topic: "orders", event_id: "1", payload: 1 },
      { topic: "orders", event_id: "2" },
      { topic: "orders", event_id: "1", payload: 1 },
      { topic: 'quo"ted\\', event_id: "1" },
    ]);
    using channel = await openPublishChannel(node.wsUrl);
    channel.send({ topic: "orders", event_id: "1", payload: 2 });
    expect((await channel.next()).type).toBe("ack");
    await expectSent(node);
    const families = await scrape(node);
    expect(sampleOf(families, "onefold_revision")).toBe((await node.stats()).revision);
    expect(sampleOf(families, "onefold_limit", { name: "max_topics" })).toBe(123);
    expect(await node.stop()).toBe(0);
  }
  await using again = await NodeProcess.start({ data: folder.path });
  await expectSent(again);
});

test("every problem is counted once by its code, over HTTP, on both channels and at their opening", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-body-bytes", "2048", "--max-inflight", "1"] });
  const answered: Record<string, number> = {};
  const note = (text: string): void => {
    const { code } = expectWellFormedProblem(text);
    answered[code] = (answered[code] ?? 0) + 1;
  };
  const get = async (path: string, init?: RequestInit) =>
    note(await (await fetch(node.url + path, init)).text());
  await get("/nothing");
  await get("/events/a/b");
  await get("/publish", { method: "DELETE" });
  await get("/events?limit=0");
  await get("/metrics?topic=orders");
  for (const body of ["{", "[{}]", `"${"x".repeat(3_000)}"`]) note(await (await node.post(body)).text());
  note(await (await node.post("x", { headers: { "content-type": "text/plain" } })).text());
  const overHttp = (await node.stats()).rejected;
  expect(overHttp).toBe(4);

  using channel = await openPublishChannel(node.wsUrl);
  // The first frame waits for its commit, so the next ones may not.
  for (const frame of ["{}", { event_id: "1" }, "not JSON", new Uint8Array([1])]) channel.send(frame);
  for (let i = 0; i < 4; i++) {
    const text = await channel.nextText();
    if (text.startsWith('{"type":"error"')) note(text);
  }
  using subscriber = await TestSocket.open(`${node.wsUrl}/ws/stats`);
  expect((await subscriber.next()).type).toBe("snapshot");
  for (const frame of ["{}", '{"type":"subscribe","interval":"x"}', "not JSON"]) {
    subscriber.send(frame);
    note(await subscriber.nextText());
  }
  using refused = await TestSocket.open(`${node.wsUrl}/ws/stats?interval=x`);
  note(await refused.nextText());
  expect((await refused.closed).code).toBe(4400);

  const families = await scrape(node);
  expect(refusalsIn(families)).toEqual(answered);
  expect(Object.keys(answered).length).toBeGreaterThan(8);
  const { rejected } = await node.stats();
  expect(sampleOf(families, "onefold_publish_rejected_total")).toBe(rejected);
  expect(rejected).toBeGreaterThan(overHttp);
});

async function createToken(data: string, name: string, ...flags: readonly string[]): Promise<string> {
  const { stdout } = await runToExit(["token", "create", "--data", data, "--name", name, ...flags]);
  return stdout.trim();
}

test("whoever has a token for some topics sees their counters and nothing else, neither metrics nor events", async () => {
  using folder = new TempFolder();
  const all = await createToken(folder.path, "all", "--scope", "publish,subscribe,admin");
  const some = await createToken(folder.path, "some", "--scope", "subscribe", "--topics", "orders*");
  await using node = await NodeProcess.start({ data: folder.path });
  const events = ["orders", "secret", "orders.eu", "secret"].map((topic, i) => ({ topic, event_id: `${i}` }));
  expect((await node.post(events, { headers: { authorization: `Bearer ${all}` } })).status).toBe(200);
  const families = await scrape(node, some);
  expect(sampleOf(families, "onefold_events_received_total")).toBe(2);
  expect(sampleOf(families, "onefold_topics")).toBe(2);
  expect([...families.keys()].filter((name) => !/^onefold_(?:topic|events_)/.test(name))).toEqual([]);
  const whole = await scrape(node, all);
  expect(sampleOf(whole, "onefold_events_received_total")).toBe(4);
  expect(sampleOf(whole, "onefold_ready")).toBe(1);
  const page = await fetch(`${node.url}/events`, { headers: { authorization: `Bearer ${some}` } });
  expect(((await page.json()) as EventPage).events.map(({ seq }) => seq)).toEqual([1, 3]);
});

test("a socket whose token was taken back is counted once as unauthorized", async () => {
  using folder = new TempFolder();
  const kept = await createToken(folder.path, "kept", "--scope", "admin");
  const gone = await createToken(folder.path, "gone", "--scope", "subscribe");
  await using node = await NodeProcess.start({ data: folder.path });
  using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${gone}`);
  expect((await socket.next()).type).toBe("snapshot");
  expect(refusalsIn(await scrape(node, kept))).toEqual({});
  expect((await runToExit(["token", "revoke", "gone", "--data", folder.path])).exitCode).toBe(0);
  expect((await socket.closed).code).toBe(4401);
  expect(refusalsIn(await scrape(node, kept))).toEqual({ unauthorized: 1 });
});

test("open sockets are counted by route, and subscribers", async () => {
  await using node = await NodeProcess.start();
  const sockets = async (): Promise<number[]> => {
    const families = await scrape(node);
    const open = ["/ws/publish", "/ws/stats"].map((route) =>
      sampleOf(families, "onefold_open_sockets", { route }),
    );
    return [...open, sampleOf(families, "onefold_subscribers")];
  };
  expect(await sockets()).toEqual([0, 0, 0]);
  {
    using _one = await openPublishChannel(node.wsUrl);
    using _two = await openPublishChannel(node.wsUrl);
    using three = await TestSocket.open(`${node.wsUrl}/ws/stats`);
    await three.next();
    expect(await sockets()).toEqual([2, 1, 1]);
    three.close();
    await three.closed;
    await until(async () => (await sockets())[1] === 0);
    expect(await sockets()).toEqual([2, 0, 0]);
  }
});

test("figures of the process are those of the system", async () => {
  await using node = await NodeProcess.start();
  const families = await scrape(node);
  const megabytes = sampleOf(families, "process_resident_memory_bytes") / 1_048_576;
  expect(megabytes).toBeWithin(node.memoryMb("VmRSS") / 2, node.memoryMb("VmHWM") + 1);
  expect(sampleOf(families, "process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(sampleOf(families, "process_open_fds")).toBeWithin(5, 200);
  const startedAt = Date.parse((await node.stats()).started_at) / 1_000;
  expect(sampleOf(families, "process_start_time_seconds")).toBeCloseTo(startedAt, 2);
});
