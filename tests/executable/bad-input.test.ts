/** Hostile and broken input: each gets the contract's answer, memory stays bounded, a publisher beside it notices nothing. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { gzipSync } from "node:zlib";
import { expectProblem, expectWellFormedProblem, type Problem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { Neighbour } from "../support/neighbour.ts";
import { NodeProcess } from "../support/node-process.ts";
import { frameHeader, maskedFrame, OPCODE, RawSocket } from "../support/raw-socket.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;
const BODY_BYTES_MAX = 16 * MIB;

/** What all of this together may take beyond an idle node: a few bodies of the allowed size and what they decode to. */
const MEMORY_MB_MAX = 400;

let node: NodeProcess;
let neighbour: Neighbour;
beforeAll(async () => {
  node = await NodeProcess.start();
});
beforeEach(async () => {
  neighbour = await Neighbour.beside(node);
});
afterEach(async () => {
  await neighbour.expectUndisturbed();
  await neighbour[Symbol.asyncDispose]();
  const peak = node.memoryMb("VmHWM");
  console.log(`  neighbour: slowest ${neighbour.slowestMs.toFixed(0)} ms; peak memory ${peak.toFixed(0)} MB`);
  expect(peak).toBeLessThan(MEMORY_MB_MAX);
});
afterAll(() => node[Symbol.asyncDispose]());

/** The answer to one frame on a channel of its own, which must survive it. */
async function frameProblem(frame: unknown): Promise<Problem> {
  using channel = await openPublishChannel(node.wsUrl);
  channel.send(frame);
  const text = await channel.nextText();
  expect(JSON.parse(text)).toMatchObject({ type: "error", frame: 1 });
  channel.send({ type: "publish", events: [] });
  expect(await channel.next()).toMatchObject({ type: "ack", frame: 2 });
  return expectWellFormedProblem(text);
}

/** Writes a body piece by piece without holding it whole, as far as the server takes it. */
async function sendHuge(head: string, bytes: number, wrap: (chunk: Buffer) => Buffer): Promise<Response> {
  using socket = await RawSocket.connect(node.port);
  socket.write(
    `POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${head}\r\n\r\n`,
  );
  const chunk = wrap(Buffer.alloc(MIB, "x"));
  for (let sent = 0; sent < bytes && !socket.hasEnded; sent += MIB) await socket.writeAll(chunk);
  return await socket.readResponse();
}

describe("bodies that are no events", () => {
  test("malformed, over both edges", async () => {
    for (const body of [
      "{",
      "\u0000",
      "[".repeat(30_000),
      `{"a":${"9".repeat(1_000_000)}`,
      "\\u",
      "<xml/>",
    ]) {
      await expectProblem(await node.post(body), { status: 400, code: "malformed_json" });
      expect(await frameProblem(body)).toMatchObject({ status: 400, code: "malformed_json" });
    }
  });

  test.each([10_000, 100_000, 5_000_000])("nested %d levels deep, over both edges", async (levels) => {
    const event = `{"event_id":"deep","payload":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const objects = `{"event_id":"deep","payload":${'{"":'.repeat(levels / 2)}1${"}".repeat(levels / 2)}}`;
    for (const body of [event, objects]) {
      await expectProblem(await node.post(body), { status: 422, code: "invalid_event" });
      expect(await frameProblem(body)).toMatchObject({ status: 422, code: "invalid_event" });
    }
  });

  test("an array of 1,000,000 empty objects, over both edges", async () => {
    const body = `[${"{},".repeat(999_999)}{}]`;
    await expectProblem(await node.post(body), { status: 413, code: "batch_too_large" });
    await expectProblem(await node.post(`{"events":${body}}`), { status: 413, code: "batch_too_large" });
    expect(await frameProblem(body)).toMatchObject({ status: 413, code: "batch_too_large" });
  });

  test("10,000 events with everything wrong are named in a short answer", async () => {
    const body = `[${Array.from({ length: 10_000 }, (_, i) => `{"${"x".repeat(1_000)}${i}":1}`).join()}]`;
    const problem = await expectProblem(await node.post(body), { status: 422, code: "invalid_event" });
    expect(problem.errors).toHaveLength(20);
    expect(JSON.stringify(problem).length).toBeLessThan(16_384);
  });
});

describe("identities that must not be folded into one another", () => {
  test("a null byte in an id", async () => {
    const body = '[{"event_id":"a\\u0000b"},{"event_id":"a"}]';
    const problem = await expectProblem(await node.post(body), { status: 422, code: "invalid_event" });
    expect(problem.errors!.map(({ pointer }) => pointer)).toEqual(["/0/event_id"]);
    expect(await node.find("default", "a")).toBeUndefined();
  });

  test("ids that differ only in a lone surrogate", async () => {
    const body =
      '[{"event_id":"s\\ud800"},{"event_id":"s\\ud801"},{"event_id":"s\\udc00"},{"event_id":"s\\ufffd"}]';
    const problem = await expectProblem(await node.post(body), { status: 422, code: "invalid_event" });
    expect(problem.errors!.map(({ pointer }) => pointer)).toEqual([
      "/0/event_id",
      "/1/event_id",
      "/2/event_id",
    ]);
    expect((await frameProblem(body)).error_count).toBe(3);
    expect(await node.find("default", "s\ufffd")).toBeUndefined();
  });

  test("ill-formed UTF-8 in a body is 400, in a frame it closes with 1007", async () => {
    const illFormed = Buffer.concat([
      Buffer.from('{"event_id":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    await expectProblem(await node.post(new Uint8Array(illFormed)), { status: 400, code: "malformed_utf8" });
    for (const path of ["/ws/publish", "/ws/stats"]) {
      using socket = await RawSocket.upgrade(node.port, path);
      await socket.nextFrame();
      socket.write(maskedFrame(OPCODE.text, illFormed));
      expect(await socket.closeCode()).toBe(1007);
    }
    expect((await node.page("?limit=10000&order=desc")).events.map(({ topic }) => topic)).not.toContain(
      "default",
    );
  });
});

describe("far too much", () => {
  test("a body of 100 MB that announces its length", async () => {
    const answer = await sendHuge(`content-length: ${100 * MIB}`, 100 * MIB, (chunk) => chunk);
    await expectProblem(answer, { status: 413, code: "body_too_large" });
  });

  test("a body of 100 MB that does not", async () => {
    const wrap = (chunk: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]);
    const answer = await sendHuge("transfer-encoding: chunked", 100 * MIB, wrap);
    await expectProblem(answer, { status: 413, code: "body_too_large" });
  });

  test("a body of 100 kB that unpacks to 100 MB", async () => {
    const body = new Uint8Array(gzipSync(Buffer.alloc(100 * MIB, "x")));
    const answer = await node.post(body, { headers: { "content-encoding": "gzip" } });
    await expectProblem(answer, { status: 413, code: "body_too_large" });
  });

  test("a frame over the limit closes with 1009, before it is there whole", async () => {
    for (const path of ["/ws/publish", "/ws/stats"]) {
      using socket = await RawSocket.upgrade(node.port, path);
      await socket.nextFrame();
      socket.write(
        Buffer.concat([frameHeader(OPCODE.text, BODY_BYTES_MAX + 1), Buffer.alloc(4), Buffer.alloc(1_000)]),
      );
      expect(await socket.closeCode()).toBe(1009);
    }
  });
});

describe("frames that are none of ours", () => {
  test("a binary frame and an unknown type are answered, on both channels", async () => {
    expect(await frameProblem(new Uint8Array([1, 2, 3]))).toMatchObject({ code: "unsupported_media_type" });
    expect(await frameProblem({ type: "explode" })).toMatchObject({ code: "invalid_frame" });
    using stats = await TestSocket.open(`${node.wsUrl}/ws/stats?topics=nothing`);
    await stats.next();
    for (const [frame, code] of [
      [new Uint8Array([1]), "unsupported_media_type"],
      [{ type: "explode" }, "invalid_frame"],
      ["{", "malformed_json"],
      ["[]", "invalid_frame"],
      [`"${"x".repeat(MIB)}"`, "body_too_large"],
      ["[".repeat(100_000), "malformed_json"],
      [{ type: "subscribe", topics: ["a*b"] }, "invalid_frame"],
      [{ type: "subscribe", topics: "a" }, "invalid_frame"],
      [{ type: "subscribe", interval: "soon" }, "invalid_frame"],
    ] as const) {
      stats.send(frame);
      const text = await stats.nextText();
      expect(JSON.parse(text)).toMatchObject({ type: "error", code });
      expectWellFormedProblem(text);
    }
    stats.send({ type: "ping" });
    expect((await stats.next()).type).toBe("pong");
  });
});

describe("clients that are slow", () => {
  test("a trickle of bytes on 200 connections", async () => {
    const request = (i: number): string => {
      const body = JSON.stringify({ topic: "trickle", event_id: String(i) });
      return `POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    const sockets = await Promise.all(Array.from({ length: 200 }, () => RawSocket.connect(node.port)));
    const requests = sockets.map((_, i) => request(i));
    const length = Math.max(...requests.map((text) => text.length));
    for (let at = 0; at < length; at++) {
      // The neighbour's acknowledgement is the clock: one byte on every connection for each.
      await neighbour.acknowledged(1);
      for (const [i, socket] of sockets.entries()) socket.write(requests[i]!.slice(at, at + 1));
    }
    const answers = await Promise.all(sockets.map((socket) => socket.readResponse()));
    expect(answers.every(({ status }) => status === 200)).toBeTrue();
    for (const socket of sockets) socket[Symbol.dispose]();
    expect((await node.stats("?topic=trickle")).unique_processed).toBe(200);
  });

  test("requests that are abandoned in the middle leave nothing", async () => {
    const body = JSON.stringify([
      { topic: "abandoned", event_id: "1" },
      { topic: "abandoned", event_id: "2" },
    ]);
    for (let cut = 1; cut < body.length; cut += 7) {
      using socket = await RawSocket.connect(node.port);
      await socket.writeAll(
        Buffer.from(
          `POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, cut)}`,
        ),
      );
    }
    await neighbour.acknowledged(20);
    expect((await node.stats("?topic=abandoned")).received).toBe(0);
    expect(node.output).not.toContain("internal error");
  });

  test("a publisher that never reads its answers is closed with 4408", async () => {
    using socket = await RawSocket.upgrade(node.port, "/ws/publish");
    await socket.nextFrame();
    socket.pause();
    // Each frame is small and its answer, which names 20 faults, is large.
    const frame = maskedFrame(OPCODE.text, `[${"{},".repeat(19)}{}]`);
    const frames = Buffer.concat(Array.from({ length: 1_000 }, () => frame));
    for (let i = 0; i < 30 && !socket.hasEnded; i++) {
      socket.write(frames);
      await neighbour.acknowledged(3);
    }
    socket.resume();
    expect(await socket.closeCode()).toBe(4408);
  });

  test("subscribers that never read cost no memory that grows", async () => {
    const topics = Array.from({ length: 1_000 }, (_, i) => `unread.${i}`);
    await node.publish(topics.map((topic) => ({ topic, event_id: "first" })));
    const sockets = await Promise.all(
      Array.from({ length: 30 }, () => RawSocket.upgrade(node.port, "/ws/stats?topics=unread.*&interval=20")),
    );
    for (const socket of sockets) socket.pause();
    const before = node.memoryMb("VmRSS");
    for (let round = 0; round < 100; round++) {
      await node.publish(topics.map((topic) => ({ topic, event_id: String(round) })));
    }
    expect(node.memoryMb("VmRSS") - before).toBeLessThan(100);
    for (const socket of sockets) socket[Symbol.dispose]();
  });

  test("readers that ask for page after page and read none", async () => {
    const payload = "x".repeat(1_000);
    await node.publish(
      Array.from({ length: 10_000 }, (_, i) => ({ topic: "pages", event_id: String(i), payload })),
    );
    const sockets = await Promise.all(Array.from({ length: 5 }, () => RawSocket.connect(node.port)));
    for (const socket of sockets) {
      socket.pause();
      socket.write("GET /events?topic=pages&limit=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20));
    }
    await neighbour.acknowledged(500);
    for (const socket of sockets) socket[Symbol.dispose]();
  });
});
