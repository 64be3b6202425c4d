/** Who may come, and how often: each limit reached and crossed, over HTTP and on sockets. */

import { expect } from "bun:test";
import { expectProblem } from "../../support/contract.ts";
import { until } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { type Frame, openPublishChannel, TestSocket } from "../../support/socket.ts";

const TOO_MANY = { status: 429, code: "too_many_connections" };
const TOO_FAST = { status: 429, code: "rate_limited" };

/** A node behind a proxy of this machine, so that a test can come from many addresses. */
function behindProxy(flag: string, value: number): Promise<NodeProcess> {
  return NodeProcess.start({ flags: [flag, String(value), "--trusted-proxies", "127.0.0.0/8"] });
}

const cameFrom = (address: string) => ({ "x-forwarded-for": address });

function statsOf(node: NodeProcess, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${node.url}/stats`, { headers });
}

async function openStats(node: NodeProcess): Promise<TestSocket> {
  const socket = await TestSocket.open(`${node.wsUrl}/ws/stats`);
  expect((await socket.next()).type).toBe("snapshot");
  return socket;
}

async function expectClosedAsTooMany(node: NodeProcess): Promise<void> {
  for (const path of ["/ws/stats", "/ws/publish"]) {
    using socket = await TestSocket.open(`${node.wsUrl}${path}`);
    expect(await socket.next()).toMatchObject({ type: "error", ...TOO_MANY });
    expect((await socket.closed).code).toBe(4429);
  }
}

async function maxConnections(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--max-connections", "2"] });
  using first = await openStats(node);
  using _second = await openStats(node);
  await expectClosedAsTooMany(node);
  const problem = await expectProblem(await statsOf(node), TOO_MANY);
  expect(problem.detail).toContain("2 connections");
  expect((await fetch(`${node.url}/health`)).status).toBe(200);
  first.close();
  await first.closed;
  await until(async () => (await statsOf(node)).status === 200);
}

async function maxConnectionsPerAddress(): Promise<void> {
  await using node = await behindProxy("--max-connections-per-address", 2);
  await expectRequestsCounted(node);
  using first = await openStats(node);
  using _second = await openStats(node);
  await expectClosedAsTooMany(node);
  const problem = await expectProblem(await statsOf(node), TOO_MANY);
  expect(problem.detail).toContain("2 connections of one address");
  expect((await statsOf(node, cameFrom("198.51.100.7"))).status).toBe(200);
  first.close();
  await first.closed;
  await until(async () => (await statsOf(node)).status === 200);
}

/** Requests in flight count like sockets, though at first nobody asks where they come from. */
async function expectRequestsCounted(node: NodeProcess): Promise<void> {
  const uploads = await Promise.all([1, 2].map(() => RawSocket.connect(node.port)));
  for (const upload of uploads)
    upload.write("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n");
  await until(async () => (await statsOf(node)).status === 429);
  expect((await statsOf(node, cameFrom("198.51.100.7"))).status).toBe(200);
  for (const upload of uploads) upload[Symbol.dispose]();
  await until(async () => (await statsOf(node)).status === 200);
}

async function maxAnswerBytes(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--max-answer-bytes", "65536"] });
  // In UTF-8 three times as much as in UTF-16, and so more than the operating system keeps of one connection.
  const payload = "語".repeat(1024 * 1024);
  const events = Array.from({ length: 4 }, (_, i) => ({ topic: "large", event_id: String(i), payload }));
  expect((await node.post(events)).status).toBe(200);
  expect((await node.post({ topic: "small", event_id: "1" })).status).toBe(200);
  const page = (topic: string): Promise<Response> => fetch(`${node.url}/events?topic=${topic}`);
  const whole = (await (await page("large")).json()) as { events: { payload: string }[] };
  expect(whole.events.map((event) => event.payload === payload)).toEqual([true, true, true, true]);

  const reader = await RawSocket.connect(node.port);
  reader.pause();
  reader.write("GET /events?topic=large HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await until(async () => {
    const answer = await page("large");
    await answer.body?.cancel();
    return answer.status === 503;
  });
  const refused = await page("large");
  expect(refused.headers.get("retry-after")).toBe("1");
  await expectProblem(refused, { status: 503, code: "overloaded" });
  expect((await page("small")).status).toBe(200);
  expect((await node.post({ event_id: "1" })).status).toBe(200);
  reader[Symbol.dispose]();
  await until(async () => (await page("large")).status === 200);
}

async function maxControlFrames(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--max-control-frames", "1"] });
  using subscriber = await openStats(node);
  for (let i = 0; i < 3; i++) subscriber.send({ type: "ping" });
  const answers = await subscriber.until(({ type }) => type === "error");
  expect(answers.slice(0, -1).map(({ type }) => type)).toEqual(["pong", "pong"]);
  expect(answers.at(-1)).toMatchObject({ ...TOO_FAST, retry_after: expect.any(Number) });
  for (let i = 0; i < 20; i++) subscriber.send({ type: "subscribe" });
  const last = await subscriber.closed;
  expect(last.code).toBe(4429);

  using channel = await openPublishChannel(node.wsUrl);
  for (let i = 0; i < 3; i++) channel.send(new Uint8Array([i]));
  channel.send({ event_id: "not a control frame" });
  const frames = [await channel.next(), await channel.next(), await channel.next(), await channel.next()];
  expect(frames.map(({ frame, type, code }) => `${frame} ${type} ${code}`)).toEqual([
    "1 error unsupported_media_type",
    "2 error unsupported_media_type",
    "3 error rate_limited",
    "4 ack undefined",
  ]);
}

async function rateRequestsPerToken(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--rate-requests-per-token", "5"] });
  await expectRequestsLimited(node, {});
  await expectFramesLimited(node);
}

async function rateRequestsPerAddress(): Promise<void> {
  await using node = await behindProxy("--rate-requests-per-address", 5);
  await expectRequestsLimited(node, cameFrom("198.51.100.7"));
  // What stands further left anybody can write: it makes nobody another.
  await expectRequestsLimited(node, cameFrom("203.0.113.1, 198.51.100.8"));
  await expectFramesLimited(node);
}

/** Of many requests at once a second's worth is served, and what comes back while they take. */
async function expectRequestsLimited(node: NodeProcess, headers: Record<string, string>): Promise<void> {
  const from = performance.now();
  const answers = await Promise.all(Array.from({ length: 60 }, () => statsOf(node, headers)));
  const seconds = (performance.now() - from) / 1_000;
  const served = answers.filter(({ status }) => status === 200);
  expect(served.length).toBeGreaterThanOrEqual(5);
  expect(served.length).toBeLessThanOrEqual(5 + Math.ceil(seconds * 5));
  for (const answer of answers) {
    expect(answer.headers.get("ratelimit-policy")).toMatch(/^"requests-per-(?:token|address)";q=5;w=1$/);
    expect(answer.headers.get("ratelimit")).toMatch(/^"requests-per-(?:token|address)";r=[0-5];t=[01]$/);
    if (answer.status !== 200) expect((await expectProblem(answer, TOO_FAST)).retry_after).toBe(1);
  }
  await until(async () => (await statsOf(node, headers)).status === 200);
}

/** Events received, asked for until the answer is not that it was asked too often. */
async function patientStats(node: NodeProcess): Promise<number> {
  let received = 0;
  await until(async () => {
    const response = await statsOf(node);
    if (response.status === 200) received = ((await response.json()) as { received: number }).received;
    return response.status === 200;
  });
  return received;
}

async function expectFramesLimited(node: NodeProcess): Promise<void> {
  // An upgrade is a request as well; one that comes too early is opened, told so, and closed.
  let channel = await TestSocket.open(`${node.wsUrl}/ws/publish`);
  while ((await channel.next()).type !== "hello") {
    expect((await channel.closed).code).toBe(4429);
    channel = await TestSocket.open(`${node.wsUrl}/ws/publish`);
  }
  const before = await patientStats(node);
  const count = 60;
  for (let i = 0; i < count; i++)
    channel.send({ type: "publish", id: `f${i}`, events: [{ event_id: `f${i}` }] });
  const answers: Frame[] = [];
  while (answers.length < count) answers.push(await channel.next());
  expect(answers.map(({ frame, id }) => [frame, id])).toEqual(answers.map((_, i) => [i + 1, `f${i}`]));
  const refused = answers.filter(({ type }) => type === "error");
  expect(refused.length).toBeGreaterThan(0);
  for (const problem of refused) expect(problem).toMatchObject({ ...TOO_FAST, retry_after: 1 });
  const received = (await patientStats(node)) - before;
  expect(received).toBe(count - refused.length);
  channel.close();
}

async function rateEventsPerToken(): Promise<void> {
  await using node = await NodeProcess.start({ flags: ["--rate-events-per-token", "100"] });
  await expectDebtAfter(node, {});
  // The same credentials on another connection, and in frames.
  using channel = await openPublishChannel(node.wsUrl);
  channel.send({ event_id: "too early" });
  expect(await channel.next()).toMatchObject({ type: "error", frame: 1, ...TOO_FAST });
}

async function rateEventsPerAddress(): Promise<void> {
  await using node = await behindProxy("--rate-events-per-address", 100);
  await expectDebtAfter(node, cameFrom("198.51.100.7"));
  const another = await node.post({ event_id: "another" }, { headers: cameFrom("198.51.100.8") });
  expect(another.status).toBe(200);
  using channel = await openPublishChannel(node.wsUrl);
  channel.send(Array.from({ length: 4_000 }, (_, i) => ({ event_id: `in a frame ${i}` })));
  expect(await channel.next()).toMatchObject({ type: "ack", count: 4_000 });
  channel.send({ event_id: "too early" });
  const refused = await channel.next();
  expect(refused).toMatchObject({ type: "error", frame: 2, id: 2, ...TOO_FAST });
  expect(refused.retry_after).toBeWithin(20, 41);
}

/** A publish that goes beyond the rate is taken, duplicates count, and what is owed is waited for. */
async function expectDebtAfter(node: NodeProcess, headers: Record<string, string>): Promise<void> {
  const events = Array.from({ length: 2_000 }, (_, i) => ({ event_id: String(i) }));
  expect((await node.post(events.slice(0, 50), { headers })).status).toBe(200);
  const taken = await node.post([...events, ...events], { headers });
  expect(taken.status).toBe(200);
  expect(taken.headers.get("ratelimit")).toMatch(/^"events-per-(?:token|address)";r=0;t=\d+$/);
  const refused = await node.post({ event_id: "too early" }, { headers });
  const seconds = Number(refused.headers.get("retry-after"));
  const problem = await expectProblem(refused, TOO_FAST);
  // 4,050 events at 100 a second, less a second's worth that was there: some 40 s, less what this took.
  expect(seconds).toBeWithin(20, 41);
  expect(problem.retry_after).toBe(seconds);
  expect((await statsOf(node, headers)).status).toBe(200);
  expect(await node.find("default", "too early")).toBeUndefined();
}

export const TRAFFIC_CROSSINGS = {
  maxConnections,
  maxConnectionsPerAddress,
  maxAnswerBytes,
  maxControlFrames,
  rateRequestsPerToken,
  rateEventsPerToken,
  rateRequestsPerAddress,
  rateEventsPerAddress,
};
