/** /ws/publish: one answer a frame, in their order, with the frame's own id; a bad frame costs nobody else anything. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectWellFormedProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { maskedFrame, OPCODE, RawSocket } from "../support/raw-socket.ts";
import { type Frame, openPublishChannel, TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

let ids = 0;
const newEvent = (): { topic: string; event_id: string } => ({ topic: "channel", event_id: `e${++ids}` });

/** Sends one frame on a channel of its own. */
async function answerTo(frame: unknown): Promise<Frame> {
  using channel = await openPublishChannel(node.wsUrl);
  channel.send(frame);
  const answer = await channel.next();
  expect(answer.frame).toBe(1);
  return answer;
}

test("a channel with a parameter that there is not is told so and closed with 4400", async () => {
  using socket = await TestSocket.open(`${node.wsUrl}/ws/publish?results=true`);
  expect(await socket.next()).toMatchObject({ type: "error", code: "invalid_parameter" });
  expect((await socket.closed).code).toBe(4400);
});

describe("a channel", () => {
  test("greets with its limits", async () => {
    using channel = await TestSocket.open(`${node.wsUrl}/ws/publish`);
    expect(JSON.parse(await channel.nextText())).toEqual({
      type: "hello",
      version: 1,
      max_events: 10_000,
      max_bytes: 16_777_216,
      max_inflight: 1_024,
    });
  });

  test("acknowledges a frame once it is stored", async () => {
    using channel = await openPublishChannel(node.wsUrl);
    const event = newEvent();
    channel.send({ type: "publish", id: 7, events: [event, event] });
    const ack: unknown = await channel.next();
    expect(ack).toEqual({
      type: "ack",
      frame: 1,
      id: 7,
      count: 2,
      received: 2,
      unique_processed: 1,
      duplicate_dropped: 1,
      conflicts: 0,
    });
    expect(await node.find("channel", event.event_id)).toBeDefined();
  });

  test.each([
    ["7", "7"],
    ["-7", "-7"],
    ["0", "0"],
    ["12345678901234567890", "12345678901234567890"],
    ["-9007199254740993", "-9007199254740993"],
    ['"seven"', '"seven"'],
    ['""', '""'],
    ['"\\u00e9 \\"quoted\\""', '"é \\"quoted\\""'],
    [`"${"x".repeat(255)}"`, `"${"x".repeat(255)}"`],
  ])("echoes the id %s", async (id, echo) => {
    using channel = await openPublishChannel(node.wsUrl);
    channel.send(`{"type":"publish","id":${id},"events":[]}`);
    expect(await channel.nextText()).toContain(`"frame":1,"id":${echo},"count":0`);
    channel.send(`{"type":"publish","id":${id},"events":[{}]}`);
    expect(await channel.nextText()).toContain(`"frame":2,"id":${echo},"code":"invalid_event"`);
  });

  test("answers with the frame's ordinal where it has no id, as a bare event or array has none", async () => {
    using channel = await openPublishChannel(node.wsUrl);
    const frames = [
      { type: "publish", events: [newEvent()] },
      newEvent(),
      [newEvent(), newEvent()],
      { events: [] },
      [],
    ];
    for (const frame of frames) channel.send(frame);
    for (let ordinal = 1; ordinal <= frames.length; ordinal++)
      expect(await channel.next()).toMatchObject({ type: "ack", frame: ordinal, id: ordinal });
  });
});

describe("a frame", () => {
  test("takes the `id` of a bare event for the event's", async () => {
    expect(await answerTo({ topic: "channel", id: "an event's" })).toMatchObject({
      type: "ack",
      id: 1,
      count: 1,
    });
    expect(await node.find("channel", "an event's")).toBeDefined();
  });

  test("adds results where the frame asks for them", async () => {
    const { topic, event_id } = newEvent();
    const answer = await answerTo({
      type: "publish",
      results: true,
      events: [
        { topic, event_id, payload: 1 },
        { topic, event_id },
      ],
    });
    const { seq, first_received_at } = answer.results[0]!;
    expect(answer.results).toEqual([
      { event_id, topic, status: "processed", seq, first_received_at },
      { event_id, topic, status: "conflict", seq, first_received_at },
    ]);
    expect(await answerTo({ type: "publish", results: false, events: [] })).not.toHaveProperty("results");
  });
});

test("frames of one socket, and the events within them, are answered in order and get ascending seq", async () => {
  using channel = await openPublishChannel(node.wsUrl);
  const frames = 300;
  for (let i = 1; i <= frames; i++) {
    // Every fifth frame is refused, in one of three ways that are decided at different places.
    const bad = ["not json", { type: "nonsense", id: i }, new Uint8Array([1])][(i / 5) % 3];
    channel.send(
      i % 5 === 0 ? bad : { type: "publish", id: i, results: true, events: [newEvent(), newEvent()] },
    );
  }
  let lastSeq = 0;
  for (let i = 1; i <= frames; i++) {
    const answer = await channel.next();
    expect(answer).toMatchObject({ type: i % 5 === 0 ? "error" : "ack", frame: i });
    if (answer.type !== "ack") continue;
    expect(answer.id).toBe(i);
    for (const { seq } of answer.results) {
      expect(seq).toBeGreaterThan(lastSeq);
      lastSeq = seq;
    }
  }
});

describe("a bad frame is answered, counted as rejected, and the channel goes on:", () => {
  test.each([
    ["not JSON", "{", 400, "malformed_json", null],
    ["an empty frame", "", 400, "malformed_json", null],
    ["a binary frame", new Uint8Array([0x7b, 0x7d]), 415, "unsupported_media_type", null],
    ["a number", "007", 400, "malformed_json", null],
    ["no object", "7", 422, "invalid_frame", null],
    ["an unknown type", { type: "subscribe", id: 9 }, 422, "invalid_frame", "/type"],
    ["a type that is no text", { type: 1, id: 9 }, 422, "invalid_frame", "/type"],
    ["no events", { type: "publish", id: 9 }, 422, "invalid_frame", "/events"],
    ["events that are no array", { type: "publish", id: 9, events: {} }, 422, "invalid_frame", "/events"],
    ["an unknown field", { type: "publish", id: 9, event: [] }, 422, "invalid_frame", "/event"],
    [
      "results that are no boolean",
      { type: "publish", id: 9, events: [], results: 1 },
      422,
      "invalid_frame",
      "/results",
    ],
    ["an id that is no integer", { type: "publish", id: 1.5, events: [] }, 422, "invalid_frame", "/id"],
    ["an id that is an object", { type: "publish", id: {}, events: [] }, 422, "invalid_frame", "/id"],
    [
      "an id of 256 characters",
      { type: "publish", id: "x".repeat(256), events: [] },
      422,
      "invalid_frame",
      "/id",
    ],
    [
      "an invalid event",
      { type: "publish", id: 9, events: [{ id: "1" }, {}] },
      422,
      "invalid_event",
      "/events/1/event_id",
    ],
    [
      "an invalid event in an array",
      [{ id: "1" }, { id: "2", topic: " " }],
      422,
      "invalid_event",
      "/1/topic",
    ],
    ["a bare invalid event", { eventid: "1" }, 422, "invalid_event", "/eventid"],
  ] as const)("%s", async (_, bad, status, code, pointer) => {
    using channel = await openPublishChannel(node.wsUrl);
    const before = await node.stats();
    channel.send(bad);
    const error = await channel.next();
    expectWellFormedProblem(JSON.stringify(error));
    expect(error).toMatchObject({ type: "error", frame: 1, status, code });
    if (pointer !== null) expect(error.errors!.map((place) => place.pointer)).toContain(pointer);
    if (status !== 422) expect(error).not.toHaveProperty("id");
    else if (typeof bad === "object" && "id" in bad && bad.id === 9) expect(error.id).toBe(9);
    else expect(error.id).toBe(1);
    channel.send({ type: "publish", id: "after", events: [] });
    expect(await channel.next()).toMatchObject({ type: "ack", frame: 2, id: "after" });
    const after = await node.stats();
    expect([after.rejected, after.received, after.revision]).toEqual([
      before.rejected + 1,
      before.received,
      before.revision,
    ]);
  });
});

describe("limits of a frame", () => {
  test("10,001 events are refused with the frame's id, however long they are", async () => {
    for (const event of ["{}", `{"event_id":"x","payload":"${"y".repeat(100)}"}`]) {
      const events = Array.from({ length: 10_001 }, () => event).join();
      const answer = await answerTo(`{"type":"publish","id":"large","events":[${events}]}`);
      expect(answer).toMatchObject({ type: "error", id: "large", status: 413, code: "batch_too_large" });
    }
  });

  test("an event that nests too deep is refused with the frame's id, however large the frame", async () => {
    for (const depth of [129, 10_000, 500_000]) {
      const payload = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const answer = await answerTo(
        `{"type":"publish","id":"deep","events":[{"event_id":"x","payload":${payload}}]}`,
      );
      expect(answer).toMatchObject({ type: "error", id: "deep", status: 422, code: "invalid_event" });
    }
  });

  test("an event over its limit is named", async () => {
    await using small = await NodeProcess.start({ flags: ["--max-event-bytes", "64"] });
    using channel = await openPublishChannel(small.wsUrl);
    channel.send({ type: "publish", id: 1, events: [{ event_id: "x", payload: "y".repeat(63) }] });
    const error = await channel.next();
    expect(error).toMatchObject({ type: "error", id: 1, status: 413, code: "event_too_large" });
    expect(error.errors![0]!.pointer).toBe("/events/0/payload");
  });

  test("more frames than may be in flight get 429 each, in order, and the channel recovers", async () => {
    await using narrow = await NodeProcess.start({ flags: ["--max-inflight", "4"] });
    using socket = await RawSocket.upgrade(narrow.port, "/ws/publish");
    await socket.nextFrame();
    const frames = Array.from({ length: 20 }, (_, i) =>
      maskedFrame(OPCODE.text, JSON.stringify({ type: "publish", id: `f${i}`, events: [newEvent()] })),
    );
    // One write, so that all of them arrive before the first commit can end.
    socket.write(Buffer.concat(frames));
    const answers: Frame[] = [];
    for (const _ of frames) answers.push(JSON.parse((await socket.nextFrame()).payload.toString()) as Frame);
    expect(answers.map(({ frame, id }) => [frame, id])).toEqual(frames.map((_, i) => [i + 1, `f${i}`]));
    const refused = answers.filter(({ type }) => type === "error");
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer).toMatchObject({ status: 429, code: "too_many_in_flight" });
    const accepted = answers.length - refused.length;
    expect(accepted).toBeGreaterThanOrEqual(4);
    socket.write(maskedFrame(OPCODE.text, JSON.stringify(newEvent())));
    expect(JSON.parse((await socket.nextFrame()).payload.toString())).toMatchObject({
      type: "ack",
      frame: 21,
    });
    expect(await narrow.stats()).toMatchObject({ received: accepted + 1, rejected: refused.length });
  });
});

test("nothing of a refused frame is stored", async () => {
  await using fresh = await NodeProcess.start();
  using channel = await openPublishChannel(fresh.wsUrl);
  channel.send({ type: "publish", events: [newEvent(), newEvent(), { event_id: 1 }] });
  expect((await channel.next()).type).toBe("error");
  expect(await fresh.stats()).toMatchObject({ ...NO_COUNTERS, rejected: 1, topic_count: 0, revision: 0 });
});

test("a token offered as a subprotocol is never echoed", async () => {
  using socket = await RawSocket.connect(node.port);
  socket.write(
    "GET /ws/publish HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      "sec-websocket-protocol: bearer.s3cr3t, onefold.v1\r\n\r\n",
  );
  const head = await socket.readHead();
  expect(head).toStartWith("HTTP/1.1 101");
  expect(head).not.toContain("s3cr3t");
  expect(head.toLowerCase()).toContain("sec-websocket-protocol: onefold.v1");
});
