/** /stats and /ws/stats: snapshot plus deltas equals the counters, exactly, for every subscriber. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectWellFormedProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { type Frame, TestSocket } from "../support/socket.ts";
import { StatsFollower } from "../support/stats-follower.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

let ids = 0;
const publish = (...topics: string[]): Promise<unknown> =>
  node.publish(topics.map((topic) => ({ topic, event_id: String(++ids) })));

describe("GET /stats", () => {
  test("has every field, all counters of all topics, and a new epoch with every run", async () => {
    await using fresh = await NodeProcess.start();
    await fresh.publish([
      { topic: "a", event_id: "1" },
      { topic: "a", event_id: "1", payload: 2 },
      { topic: "b", event_id: "1" },
    ]);
    const counted = { received: 2, unique_processed: 1, duplicate_dropped: 1, conflicts: 1 };
    const topic = { first_at: expect.any(String), last_at: expect.any(String), rate: expect.any(Number) };
    const stats: unknown = await fresh.stats();
    expect(stats).toEqual({
      received: 3,
      unique_processed: 2,
      duplicate_dropped: 1,
      conflicts: 1,
      rejected: 0,
      topics: {
        a: { ...counted, ...topic },
        b: { received: 1, unique_processed: 1, duplicate_dropped: 0, conflicts: 0, ...topic },
      },
      topic_count: 2,
      uptime_seconds: expect.any(Number),
      started_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
      epoch: expect.any(String),
      revision: 1,
    });
    expect((await node.stats()).epoch).not.toBe((await fresh.stats()).epoch);
  });

  test("of one topic has its counters only, and zeros for a topic that is not there", async () => {
    await publish("single", "single", "other");
    expect(await node.stats("?topic=single")).toMatchObject({ received: 2, topic_count: 1 });
    expect(Object.keys((await node.stats("?topic=single")).topics)).toEqual(["single"]);
    expect(await node.stats("?topic=nowhere")).toMatchObject({ ...NO_COUNTERS, topics: {}, topic_count: 0 });
  });

  test.each(["?topic=", "?topic=a*", "?topics=a", "?topic=a&topic=b"])("%s is 422", async (query) => {
    const response = await fetch(`${node.url}/stats${query}`);
    expect(response.status).toBe(422);
    expectWellFormedProblem(await response.text());
  });
});

describe("a subscriber", () => {
  test("begins with a snapshot of everything and is told increments, as in the contract", async () => {
    await publish("frames");
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=frames`);
    const snapshot: unknown = await socket.next();
    const { epoch, revision } = await node.stats();
    const one = { received: 1, unique_processed: 1, duplicate_dropped: 0, conflicts: 0 };
    expect(snapshot).toEqual({ type: "snapshot", epoch, revision, ...one, topics: { frames: one } });
    await publish("frames");
    const delta: unknown = await socket.next();
    expect(delta).toEqual({
      type: "delta",
      epoch,
      from: revision,
      revision: revision + 1,
      ...one,
      topics: { frames: one },
    });
  });

  test.each([
    ["", ["p.a", "p.b", "q"]],
    ["?topics=*", ["p.a", "p.b", "q"]],
    ["?topics=p.*", ["p.a", "p.b"]],
    ["?topics=p.a,q", ["p.a", "q"]],
    ["?topics=p*,q*,p.a", ["p.a", "p.b", "q"]],
    ["?topics=nothing", []],
  ])("of %p is told of what its patterns cover, and of nothing else", async (query, covered) => {
    await using fresh = await NodeProcess.start();
    await fresh.publish({ topic: "q", event_id: "before" });
    using follower = await StatsFollower.open(fresh.wsUrl, query);
    await fresh.publish(["p.a", "p.b", "q"].map((topic) => ({ topic, event_id: "1" })));
    const { epoch, revision, topics } = await fresh.stats();
    if (covered.length > 0) await follower.reach({ epoch, revision });
    expect([...follower.topics.keys()].sort()).toEqual([...covered].sort());
    for (const topic of covered) expect(follower.topics.get(topic)!.received).toBe(topics[topic]!.received);
  });
});

describe("a subscriber's frame", () => {
  test("ping is answered with pong, whatever it is subscribed to", async () => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=nothing`);
    await socket.next();
    socket.send({ type: "ping" });
    expect(await socket.nextText()).toBe('{"type":"pong"}');
  });

  test("subscribe replaces what it was subscribed to, and is answered by a snapshot", async () => {
    await publish("replaced.a", "replaced.b");
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=replaced.a&interval=20`);
    await socket.next();
    socket.send({ type: "subscribe", topics: ["replaced.b"], interval: 20 });
    const snapshot = await socket.next();
    expect(snapshot).toMatchObject({
      type: "snapshot",
      received: 1,
      topics: { "replaced.b": { received: 1 } },
    });
    await publish("replaced.a");
    await publish("replaced.b");
    const delta = await socket.next();
    expect(delta).toMatchObject({ type: "delta", received: 1, topics: { "replaced.b": { received: 1 } } });
    expect(Object.keys(delta.topics)).toEqual(["replaced.b"]);
    socket.send({ type: "subscribe" });
    expect(await socket.next()).toMatchObject({
      type: "snapshot",
      topics: { "replaced.a": { received: 2 } },
    });
  });

  test("that is nonsense is refused, and the subscription stays", async () => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=kept&interval=20`);
    await socket.next();
    socket.send({ type: "subscribe", topics: ["a,b"] });
    expect(await socket.next()).toMatchObject({ type: "error", code: "invalid_frame" });
    socket.send({ type: "subscribe", topic: ["a"] });
    expect(await socket.next()).toMatchObject({
      type: "error",
      errors: [{ pointer: "/topic", detail: expect.stringContaining("`topics`") }],
    });
    await publish("kept");
    expect(await socket.next()).toMatchObject({ type: "delta", topics: { kept: { received: 1 } } });
  });
});

describe("a subscription", () => {
  test.each([
    "?topics=a*b",
    "?topics=a,,b",
    "?topics=a b",
    "?topics=%ff",
    "?interval=soon",
    "?interval=-1",
    "?revision=x",
    "?topic=a",
  ])("with the bad query %p is told why and closed with 4400", async (query) => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats${query}`);
    const text = await socket.nextText();
    expect(JSON.parse(text)).toMatchObject({ type: "error", status: 422, code: "invalid_parameter" });
    expectWellFormedProblem(text);
    expect((await socket.closed).code).toBe(4400);
  });
});

test("snapshot plus deltas equals /stats exactly, for every interval, while many publish", async () => {
  using early = await StatsFollower.open(node.wsUrl, "?interval=20");
  const followers: StatsFollower[] = [early];
  const startedAt = performance.now();
  const publishing = Array.from({ length: 4 }, async (_, publisher) => {
    for (let i = 0; i < 100; i++) {
      const events = Array.from({ length: 20 }, (_, n) => ({
        topic: `sum.${(i * n) % 50}`,
        event_id: String((publisher + i + n) % 97),
        payload: (i * n) % 3,
      }));
      await node.publish(events);
      if (i % 25 === publisher)
        followers.push(await StatsFollower.open(node.wsUrl, `?interval=${[0, 50, 100, 333][publisher]}`));
    }
  });
  await Promise.all(publishing);
  const elapsedMs = performance.now() - startedAt;
  const stats = await node.stats();
  expect(stats.conflicts).toBeGreaterThan(0);
  for (const follower of followers) {
    await follower.reach(stats);
    follower.expectToEqual(stats);
    expect(follower.snapshots).toBe(1);
    expect(follower.deltas).toBeLessThanOrEqual(elapsedMs / 20 + 3);
    follower[Symbol.dispose]();
  }
});

test("deltas come at most once an interval, however much happens", async () => {
  using fast = await StatsFollower.open(node.wsUrl, "?topics=pace&interval=20");
  using slow = await StatsFollower.open(node.wsUrl, "?topics=pace&interval=201");
  const startedAt = performance.now();
  while (fast.deltas < 25) {
    await publish("pace");
    while (fast.socket.pending > 0) fast.take(await fast.socket.next());
  }
  const elapsedMs = performance.now() - startedAt;
  const stats = await node.stats();
  await slow.reach(stats);
  expect(slow.topics.get("pace")).toEqual({
    ...NO_COUNTERS,
    received: stats.topics.pace!.received,
    unique_processed: stats.topics.pace!.received,
  });
  // 201 ms are rounded up to 250.
  expect(slow.deltas).toBeLessThanOrEqual(Math.ceil(elapsedMs / 250) + 1);
  expect(slow.deltas).toBeLessThan(fast.deltas);
});

describe("a client that comes back", () => {
  /** The first frame for somebody who knows this position. */
  async function comeBack(epoch: string, revision: number, more = ""): Promise<Frame> {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?epoch=${epoch}&revision=${revision}${more}`);
    return await socket.next();
  }

  test("is told the sum since its revision in one delta, and goes on from there", async () => {
    const follower = await StatsFollower.open(node.wsUrl, "?topics=resume.*&interval=20");
    await publish("resume.a");
    await follower.reach(await node.stats());
    follower[Symbol.dispose]();
    for (let i = 0; i < 5; i++) await publish("resume.a", "resume.b", "elsewhere");
    const query = `?topics=resume.*&interval=20&epoch=${follower.epoch}&revision=${follower.revision}`;
    const resumed = new StatsFollower(await TestSocket.open(`${node.wsUrl}/ws/stats${query}`));
    Object.assign(resumed, { epoch: follower.epoch, revision: follower.revision });
    resumed.totals = follower.totals;
    resumed.topics = follower.topics;
    resumed.take(await resumed.socket.next());
    expect([resumed.snapshots, resumed.deltas]).toEqual([0, 1]);
    expect(resumed.totals.received).toBe(11);
    await publish("resume.b");
    const stats = await node.stats();
    await resumed.reach(stats);
    expect(resumed.topics.get("resume.b")!.received).toBe(stats.topics["resume.b"]!.received);
    resumed[Symbol.dispose]();
  });

  test("and has missed nothing is told so in an empty delta", async () => {
    const { epoch, revision } = await node.stats();
    const delta: unknown = await comeBack(epoch, revision);
    expect(delta).toEqual({ type: "delta", epoch, from: revision, revision, ...NO_COUNTERS, topics: {} });
    await publish("not-covered");
    const other: unknown = await comeBack(epoch, revision, "&topics=nothing");
    expect(other).toEqual({
      type: "delta",
      epoch,
      from: revision,
      revision: revision + 1,
      ...NO_COUNTERS,
      topics: {},
    });
  });

  test("with another epoch, an unknown revision or one from the future gets a snapshot", async () => {
    const { epoch, revision } = await node.stats();
    expect((await comeBack("another", revision)).type).toBe("snapshot");
    expect((await comeBack(epoch, revision + 1_000_000)).type).toBe("snapshot");
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?revision=${revision}`);
    expect((await socket.next()).type).toBe("snapshot");
  });

  test("may also resume within a connection", async () => {
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=within&interval=1000`);
    const { epoch, revision } = await socket.next();
    await publish("within");
    socket.send({ type: "subscribe", topics: ["within"], interval: 1000, epoch, revision });
    expect(await socket.next()).toMatchObject({
      type: "delta",
      from: revision,
      topics: { within: { received: 1 } },
    });
  });
});

test("a reader that stops reading and resumes still sums exactly, from fewer and larger deltas", async () => {
  await using busy = await NodeProcess.start();
  const topics = Array.from({ length: 2_000 }, (_, i) => `${"long".repeat(25)}.${i}`);
  const round = (n: number): Promise<unknown> =>
    busy.publish(topics.map((topic) => ({ topic, event_id: String(n) })));
  await round(0);
  using fast = await StatsFollower.open(busy.wsUrl, "?interval=20");
  using socket = await RawSocket.upgrade(busy.port, "/ws/stats?interval=20");
  const slow = new StatsFollower();
  const take = async (): Promise<void> =>
    slow.take(JSON.parse((await socket.nextFrame()).payload.toString()) as Frame);
  await take();
  socket.pause();
  for (let n = 1; n <= 80; n++) {
    await round(n);
    await fast.reach(await busy.stats());
  }
  socket.resume();
  await round(81);
  const stats = await busy.stats();
  await fast.reach(stats);
  while (slow.revision < stats.revision) await take();
  fast.expectToEqual(stats);
  slow.expectToEqual(stats);
  expect(slow.snapshots).toBe(1);
  expect(slow.deltas).toBeLessThan(fast.deltas);
  await round(82);
  while (slow.revision < stats.revision + 1) await take();
  slow.expectToEqual(await busy.stats());
});
