/** What a publish or a subscription may be: each limit reached, and crossed by one. */

import { expect } from "bun:test";
import { expectProblem } from "../../support/contract.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { openPublishChannel, TestSocket } from "../../support/socket.ts";

function started(flag: string, value: number): Promise<NodeProcess> {
  return NodeProcess.start({ flags: [flag, String(value)] });
}

/** An event whose body has so many bytes. */
function bodyOf(bytes: number): string {
  const frame = '{"event_id":"1","payload":""}';
  return `{"event_id":"1","payload":"${"x".repeat(bytes - frame.length)}"}`;
}

async function maxBodyBytes(): Promise<void> {
  await using node = await started("--max-body-bytes", 2_000);
  await node.publish(bodyOf(2_000));
  const problem = await expectProblem(await node.post(bodyOf(2_001)), {
    status: 413,
    code: "body_too_large",
  });
  expect(problem.detail).toContain("2000 bytes");
  using channel = await openPublishChannel(node.wsUrl);
  channel.send(bodyOf(2_001));
  expect((await channel.closed).code).toBe(1009);
}

async function maxEventBytes(): Promise<void> {
  await using node = await started("--max-event-bytes", 100);
  await node.publish({ event_id: "1", payload: "x".repeat(98) });
  const problem = await expectProblem(await node.post({ event_id: "2", payload: "x".repeat(99) }), {
    status: 413,
    code: "event_too_large",
  });
  expect(problem.detail).toContain("100 bytes");
}

async function maxEvents(): Promise<void> {
  await using node = await started("--max-events", 3);
  const events = (count: number) => Array.from({ length: count }, (_, i) => ({ event_id: String(i) }));
  await node.publish(events(3));
  const problem = await expectProblem(await node.post(events(4)), { status: 413, code: "batch_too_large" });
  expect(problem.detail).toContain("3 events");
}

async function maxTopics(): Promise<void> {
  await using node = await started("--max-topics", 2);
  await node.publish(["a", "b"].map((topic) => ({ topic, event_id: "1" })));
  const refused = await node.post({ topic: "c", event_id: "1" });
  const problem = await expectProblem(refused, { status: 422, code: "too_many_topics" });
  expect(problem.detail).toContain("2 topics");
}

async function maxDepth(): Promise<void> {
  // Below and above what is decoded without parsing.
  for (const levels of [3, 128, 1_000]) {
    await using node = await started("--max-depth", levels);
    const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const event = (id: string, depth: number, more = ""): string =>
      `{"event_id":"${id}","payload":${nested(depth)}${more}}`;
    await node.publish(event("fits", levels));
    expect(JSON.stringify((await node.find("default", "fits"))!.payload)).toBe(nested(levels));
    // The second is read by parsing, since it escapes what it need not; the third before it is parsed, since it is long.
    const long = `,"source":${JSON.stringify("x".repeat(255))}`;
    const padded = `[${event("pad", 1)}${`,${event("pad", 1, long)}`.repeat(200)},${event("deep", levels + 1)}]`;
    for (const text of [event("deep", levels + 1), event("d\\u0065ep", levels + 1), padded]) {
      const problem = await expectProblem(await node.post(text), { status: 422, code: "invalid_event" });
      expect(`${problem.detail} ${problem.errors?.[0]?.detail}`).toContain(`${levels} levels`);
    }
    expect(await node.find("default", "deep")).toBeUndefined();
  }
}

async function maxPatterns(): Promise<void> {
  await using node = await started("--max-patterns", 2);
  using fits = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=a,b`);
  expect((await fits.next()).type).toBe("snapshot");
  fits.send({ type: "subscribe", topics: ["a", "b", "c"] });
  const refused = await fits.next();
  expect(refused).toMatchObject({ type: "error", status: 422, code: "invalid_frame" });
  expect(refused.errors![0]!.detail).toContain("2 patterns");
  using beyond = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=a,b,c`);
  expect(await beyond.next()).toMatchObject({ type: "error", code: "invalid_parameter" });
  expect((await beyond.closed).code).toBe(4400);
}

async function maxInflight(): Promise<void> {
  await using node = await started("--max-inflight", 2);
  using channel = await openPublishChannel(node.wsUrl);
  // Fewer than would be a flood.
  const count = 30;
  for (let i = 0; i < count; i++) channel.send({ event_id: String(i) });
  const answers = await Promise.all(Array.from({ length: count }, () => channel.next()));
  const refused = answers.filter(({ type }) => type === "error");
  expect(refused.length).toBeWithin(1, count - 1);
  for (const problem of refused)
    expect(problem).toMatchObject({
      status: 429,
      code: "too_many_in_flight",
      detail: expect.stringMatching(/^2 /),
    });
  expect((await node.stats()).received).toBe(count - refused.length);
}

async function maxQueuePublishes(): Promise<void> {
  await using node = await started("--max-queue-publishes", 2);
  await expectSomeOverloaded(node, () => ({ event_id: crypto.randomUUID() }));
}

async function maxQueueBytes(): Promise<void> {
  await using node = await started("--max-queue-bytes", 1_024);
  await expectSomeOverloaded(node, () => ({ event_id: crypto.randomUUID(), payload: "x".repeat(500) }));
}

async function expectSomeOverloaded(node: NodeProcess, event: () => unknown): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 300 }, () => node.post(event())));
  const taken = answers.filter(({ status }) => status === 200).length;
  expect(taken).toBeWithin(1, answers.length);
  for (const answer of answers)
    if (answer.status !== 200) await expectProblem(answer, { status: 503, code: "overloaded" });
  expect((await node.stats()).received).toBe(taken);
}

async function maxIdempotencyBytes(): Promise<void> {
  await using node = await started("--max-idempotency-bytes", 4_096);
  const send = (key: string, body: unknown = { event_id: key }, query = "") =>
    node.post(body, { query, headers: { "idempotency-key": key } });
  // 160 bytes and an answer of some 220 each: the tenth is there, and of 20 the first is not.
  for (let i = 0; i < 10; i++) await send(`${i}`);
  expect((await send("0")).headers.get("idempotency-replayed")).toBe("true");
  for (let i = 10; i < 20; i++) await send(`${i}`);
  expect((await send("19")).headers.get("idempotency-replayed")).toBe("true");
  const forgotten = await send("0");
  expect(forgotten.headers.get("idempotency-replayed")).toBeNull();
  expect(await forgotten.json()).toMatchObject({ status: "duplicate" });
  const events = (count: number) => Array.from({ length: count }, (_, i) => ({ event_id: `e${i}` }));
  expect((await send("few", events(10), "?results=true")).status).toBe(200);
  const refused = await send("many", events(100), "?results=true");
  const problem = await expectProblem(refused, { status: 413, code: "batch_too_large" });
  expect(problem.detail).toContain("4096 bytes");
  expect(await node.find("default", "e99")).toBeUndefined();
}

export const SHAPE_CROSSINGS = {
  maxIdempotencyBytes,
  maxBodyBytes,
  maxEventBytes,
  maxEvents,
  maxTopics,
  maxDepth,
  maxPatterns,
  maxInflight,
  maxQueuePublishes,
  maxQueueBytes,
};
