/** GET /stats/stream: snapshot plus deltas equals the counters, over lost connections and restarts too. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { EventSource } from "eventsource";
import { CertificateAuthority, tlsFlags } from "../../support/certificates.ts";
import { expectProblem } from "../../support/contract.ts";
import { CuttingProxy } from "../../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { isMissing } from "../../support/prerequisites.ts";
import { parsePrometheus, sampleOf } from "../../support/prometheus.ts";
import type { Frame } from "../../support/socket.ts";
import { StatsFollower } from "../../support/stats-follower.ts";
import { StreamReader, type StreamReaderOptions } from "../../support/stream-reader.ts";
import { TempFolder } from "../../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

let published = 0;

/** Something new in this topic, and the same again. */
async function publish(topic = "default", to = node): Promise<void> {
  const event = { topic, event_id: String(published++) };
  await to.publish([event, event]);
}

/** A stream whose frames are added up. */
async function follow(query = "", options: StreamReaderOptions = {}, of = node) {
  const stream = await StreamReader.open<Frame>(`${of.url}/stats/stream${query}`, options);
  const sum = new StatsFollower();
  const reach = async ({ epoch, revision }: { epoch: string; revision: number }): Promise<void> => {
    while (sum.epoch !== epoch || sum.revision < revision) sum.take((await stream.next()).frame);
  };
  return { stream, sum, reach, [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose]() };
}

test("tells a snapshot and then what has changed, each with a position", async () => {
  await publish("before");
  await using followed = await follow("?interval=20");
  const { headers } = followed.stream.response;
  expect(headers.get("content-type")).toBe("text/event-stream");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-accel-buffering")).toBe("no");
  const first = await followed.stream.next();
  expect(followed.stream.retry).toBe(1_000);
  expect(first.frame.type).toBe("snapshot");
  expect(first.id).not.toBe("");
  followed.sum.take(first.frame);
  await publish("after");
  const stats = await node.stats();
  await followed.reach(stats);
  followed.sum.expectToEqual(stats);
  expect(followed.stream.lastId).not.toBe(first.id);
  expect(followed.sum.deltas).toBeGreaterThan(0);
});

test("tells only the topics that it is asked for", async () => {
  await publish("pay.a");
  await using followed = await follow("?topics=pay.*,ord&interval=20");
  const { frame } = await followed.stream.next();
  expect(Object.keys(frame.topics)).toEqual(["pay.a"]);
  await publish("other");
  await publish("ord");
  const delta = await followed.stream.next();
  expect(Object.keys(delta.frame.topics)).toEqual(["ord"]);
  expect(delta.frame.received).toBe(2);
});

describe("whoever comes back", () => {
  test.each(["header", "parameter"])("with a position in a %s is told the sum since then", async (where) => {
    await using first = await follow();
    const { id, frame } = await first.stream.next();
    await publish();
    await publish("more");
    const resumed = (position: string) =>
      where === "header"
        ? follow("", { headers: { "last-event-id": position } })
        : follow(`?last_event_id=${position}`);
    await using again = await resumed(id);
    const delta = await again.stream.next();
    expect(delta.frame).toMatchObject({ type: "delta", from: frame.revision, received: 4 });
    // Nothing has happened since: that is told, too.
    await using third = await resumed(again.stream.lastId);
    expect((await third.stream.next()).frame).toMatchObject({
      type: "delta",
      from: delta.frame.revision,
      received: 0,
    });
  });

  test("with a header and a parameter is taken at the header, which is the later one", async () => {
    await using first = await follow();
    const old = await first.stream.next();
    await publish();
    await using second = await follow(`?last_event_id=${old.id}`);
    const later = await second.stream.next();
    await using third = await follow(`?last_event_id=${old.id}`, { headers: { "last-event-id": later.id } });
    expect((await third.stream.next()).frame).toMatchObject({ from: later.frame.revision, received: 0 });
  });

  test("with the position of another epoch is told everything", async () => {
    await using other = await NodeProcess.start();
    await using elsewhere = await follow("", {}, other);
    const { id } = await elsewhere.stream.next();
    await using followed = await follow("", { headers: { "last-event-id": id } });
    expect((await followed.stream.next()).frame.type).toBe("snapshot");
  });
});

test.each([
  ["?last_event_id=abc", {}, /^last_event_id is no cursor/],
  ["?last_event_id=17", {}, /^last_event_id is no cursor/],
  ["", { "last-event-id": "abc" }, /^last-event-id is no cursor/],
  ["?interval=x", {}, /^interval must be/],
  ["?topics=a*b", {}, /^topics must be/],
  ["?epoch=1", {}, /^epoch is not a known parameter/],
  ["?topic=a", {}, /nearest is `topics`/],
])("refuses %s %p before a stream begins", async (query, headers, detail) => {
  const response = await fetch(`${node.url}/stats/stream${query}`, { headers });
  const problem = await expectProblem(response, { status: 422, code: "invalid_parameter" });
  expect(problem.detail).toMatch(detail);
});

interface Held {
  readonly streams: number;
  readonly subscribers: number;
  readonly connections: number;
}

async function held(of = node): Promise<Held> {
  const families = parsePrometheus(await of.getText("/metrics"));
  return {
    streams: sampleOf(families, "onefold_open_streams", { route: "/stats/stream" }),
    subscribers: sampleOf(families, "onefold_subscribers"),
    // Without the request that asks.
    connections: sampleOf(families, "onefold_connections") - 1,
  };
}

const NOTHING: Held = { streams: 0, subscribers: 0, connections: 0 };

test("a client that goes leaves nothing behind, and one that asks for the head alone never had anything", async () => {
  await using own = await NodeProcess.start();
  {
    await using _one = await follow("", {}, own);
    await using _two = await follow("", {}, own);
    expect(await held(own)).toEqual({ streams: 2, subscribers: 2, connections: 2 });
  }
  await until(async () => Bun.deepEquals(await held(own), NOTHING));
  const head = await fetch(`${own.url}/stats/stream`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
    200,
    "text/event-stream",
    "",
  ]);
  expect(await held(own)).toEqual(NOTHING);
  expect((await fetch(`${own.url}/stats/stream?no=such`, { method: "HEAD" })).status).toBe(422);
});

test("is kept open through silence by a comment every 15 s", async () => {
  await using own = await NodeProcess.start({ flags: ["--idle-timeout", "1"] });
  await using followed = await follow("", {}, own);
  const { frame } = await followed.stream.next();
  await followed.stream.until(() => followed.stream.comments === 1);
  await publish("late", own);
  expect((await followed.stream.next()).frame).toMatchObject({ type: "delta", from: frame.revision });
  expect(followed.stream.comments).toBe(1);
});

test("ends when the node stops, which does not wait for it", async () => {
  await using own = await NodeProcess.start();
  await using followed = await follow("", {}, own);
  await followed.stream.next();
  expect(await own.stop()).toBe(0);
  expect(await followed.stream.rest()).toEqual([]);
});

test("has a place among the connections", async () => {
  await using own = await NodeProcess.start({ flags: ["--max-connections", "2"] });
  await using first = await follow("", {}, own);
  await using _second = await follow("", {}, own);
  await expectProblem(await fetch(`${own.url}/stats/stream`), { status: 429, code: "too_many_connections" });
  await expectProblem(await fetch(`${own.url}/stats`), { status: 429, code: "too_many_connections" });
  await first[Symbol.asyncDispose]();
  await until(async () => (await fetch(`${own.url}/stats`)).status === 200);
});

test.skipIf(isMissing("openssl"))("goes over TLS", async () => {
  using ca = new CertificateAuthority();
  const client = { tls: { ca: ca.pem } };
  await using own = await NodeProcess.start({ flags: tlsFlags(ca.issue()), client });
  await using followed = await follow("?interval=20", { client }, own);
  followed.sum.take((await followed.stream.next()).frame);
  await publish("tls", own);
  await followed.reach(await own.stats());
  followed.sum.expectToEqual(await own.stats());
});

test("goes over a unix socket", async () => {
  using folder = new TempFolder();
  const client = { unix: folder.file("onefold.sock") };
  await using own = await NodeProcess.start({
    flags: ["--host", "none", "--unix-socket", client.unix],
    client,
  });
  await using followed = await follow("?interval=20", { client }, own);
  followed.sum.take((await followed.stream.next()).frame);
  await publish("unix", own);
  await followed.reach(await own.stats());
  followed.sum.expectToEqual(await own.stats());
});

test("an EventSource that loses its connection and its node has exact counters in the end", async () => {
  using folder = new TempFolder();
  let own = await NodeProcess.start({ data: folder.path });
  await using proxy = await CuttingProxy.to(own.port);
  const sum = new StatsFollower();
  const faults: unknown[] = [];
  const source = new EventSource(`${proxy.url}/stats/stream?interval=20`);
  source.onmessage = ({ data }) => {
    try {
      sum.take(JSON.parse(data) as Frame);
    } catch (error) {
      faults.push(error);
    }
  };
  const reach = async (): Promise<void> => {
    const stats = await own.stats();
    await until(async () => {
      await own.getText("/health/live");
      return sum.epoch === stats.epoch && sum.revision >= stats.revision;
    });
    sum.expectToEqual(stats);
  };
  try {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) await publish(`t${i % 3}`, own);
      await reach();
      proxy.cut();
      for (let i = 0; i < 50; i++) await publish(`t${i % 5}`, own);
      await reach();
      // One snapshot for each start: what a lost connection missed came as a delta.
      expect({ round, snapshots: sum.snapshots, faults }).toEqual({
        round,
        snapshots: round + 1,
        faults: [],
      });
      if (round === 1) await own.kill9();
      else await own.stop();
      await own[Symbol.asyncDispose]();
      own = await NodeProcess.start({ data: folder.path });
      proxy.retarget(own.port);
    }
    await reach();
    expect(faults).toEqual([]);
  } finally {
    source.close();
    await own[Symbol.asyncDispose]();
  }
});
