/** A body of one event a line goes in line by line; what stops it says at which line, and what is in. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Acceptance,
  countersOf,
  type EventPage,
  expectProblem,
  type Stats,
} from "../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { LineRequest, linesOf, postLines, type StreamProblem } from "../support/line-request.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
let topics = 0;
beforeAll(async () => {
  node = await NodeProcess.start({ flags: ["--max-event-bytes", String(2 ** 20)] });
});
afterAll(() => node[Symbol.asyncDispose]());

/** A topic that no other test has. */
const newTopic = (): string => `topic-${++topics}`;

const zstd = (body: Uint8Array): Uint8Array =>
  zstdCompressSync(body, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const ENCODINGS = [
  ["gzip", (body: Uint8Array): Uint8Array => gzipSync(body)],
  ["zstd", zstd],
] as const;

async function accepted(answer: Response): Promise<Acceptance> {
  const text = await answer.text();
  expect({ status: answer.status, text }).toEqual({ status: 200, text });
  return JSON.parse(text) as Acceptance;
}

async function stopped(answer: Response, status: number, code: string): Promise<StreamProblem> {
  const problem = (await expectProblem(answer, { status, code })) as StreamProblem;
  expect(problem.received).toBe(problem.unique_processed + problem.duplicate_dropped);
  if (problem.line !== undefined) expect(problem.line).toBe(problem.committed_lines + 1);
  return problem;
}

/** The events of a topic, as they were counted and in the order of their sequence numbers. */
async function expectIn(topic: string, ids: readonly string[]): Promise<void> {
  const stored: string[] = [];
  for (let after: string | null = "0"; after !== null; ) {
    const { events, next }: EventPage = await node.page(`?topic=${topic}&limit=10000&after=${after}`);
    stored.push(...events.map(({ event_id }) => event_id));
    after = next;
  }
  expect(stored).toEqual([...ids]);
}

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `e${i}`);

describe("lines", () => {
  test("go in in their order, duplicates and conflicts among them", async () => {
    const topic = newTopic();
    const first = linesOf(5_000, { topic });
    expect(await accepted(await postLines(node, first))).toEqual({
      ...{ status: "accepted", count: 5_000, received: 5_000, unique_processed: 5_000 },
      ...{ duplicate_dropped: 0, conflicts: 0 },
    });
    await expectIn(topic, idsOf(5_000));
    const again = linesOf(10, { topic, payload: "other" }) + linesOf(3_000, { topic, first: 10 });
    expect(countersOf(await accepted(await postLines(node, again)))).toEqual({
      ...{ received: 3_010, unique_processed: 0, duplicate_dropped: 3_010, conflicts: 10 },
    });
  });

  test.each([
    ["nothing", "", 0],
    ["blank lines alone", "\n\r\n \t\n", 0],
    ["CRLF, blank lines and no line feed at the end", "\r\n{a}\r\n\r\n\n{b}", 2],
    ["a mark at the beginning", "\ufeff{a}\n{b}\n", 2],
  ])("%s", async (_, shape, count) => {
    const topic = newTopic();
    const event = (id: string): string => JSON.stringify({ topic, id });
    const text = shape.replace(/\{(\w)\}/g, (_, id: string) => event(id));
    expect(await accepted(await postLines(node, text))).toMatchObject({ status: "accepted", count });
    await expectIn(topic, ["a", "b"].slice(0, count));
  });

  test.each(["Application/X-NDJSON; charset=UTF-8", "application/ndjson"])("sent as %s", async (type) => {
    const answer = await postLines(node, linesOf(2, { topic: newTopic() }), {
      headers: { "content-type": type },
    });
    expect((await accepted(answer)).count).toBe(2);
  });

  test.each([
    ["latin1", { "content-type": "application/x-ndjson; charset=latin1" }],
    ["an encoding that is not known", { "content-encoding": "br" }],
  ])("in %s are refused unread", async (_, headers) => {
    const answer = await postLines(node, linesOf(1), { headers });
    await expectProblem(answer, { status: 415, code: "unsupported_media_type" });
  });

  test("have no results", async () => {
    const topic = newTopic();
    const answer = await postLines(node, linesOf(1, { topic }), { query: "?results=true" });
    const { errors } = await expectProblem(answer, { status: 422, code: "invalid_parameter" });
    expect(errors).toMatchObject([{ pointer: "results" }]);
    const plain = await postLines(node, linesOf(1, { topic }), { query: "?results=false" });
    expect((await accepted(plain)).unique_processed).toBe(1);
  });

  test("that come bit by bit, cut within a character too, are in before the last has come", async () => {
    const topic = newTopic();
    using request = await LineRequest.open(node);
    const bytes = Buffer.from(linesOf(3, { topic, payload: "東京😀" }));
    for (const byte of bytes) await request.send(Uint8Array.of(byte));
    await until(async () => (await node.page(`?topic=${topic}`)).count === 3);
    await request.send(linesOf(1, { topic, first: 3 }).trimEnd());
    expect((await accepted(await request.end())).count).toBe(4);
    const { events } = await node.page(`?topic=${topic}`);
    expect(events[2]?.payload).toEqual({ n: 2, text: "東京😀" });
  });

  test.each(ENCODINGS)(
    "compressed with %s, in several frames, come bit by bit",
    async (encoding, compress) => {
      const topic = newTopic();
      const parts = [linesOf(3_000, { topic }), linesOf(2, { topic, first: 3_000 }).trimEnd()];
      const bytes = Buffer.concat(parts.map((part) => compress(Buffer.from(part))));
      using request = await LineRequest.open(node, [`content-encoding: ${encoding}`]);
      for (let at = 0; at < bytes.length; at += 997) await request.send(bytes.subarray(at, at + 997));
      expect((await accepted(await request.end())).count).toBe(3_002);
      await expectIn(topic, idsOf(3_002));
    },
  );
});

describe("a line that is wrong", () => {
  /** What stands in the middle, and how it is answered. */
  const WRONG = [
    ["no JSON", "{", 400, "malformed_json"],
    ["two events", '{"id":"x"} {"id":"y"}', 400, "malformed_json"],
    ["an array", '[{"id":"x"}]', 422, "invalid_event"],
    ["an event without an id", '{"topic":"x"}', 422, "invalid_event"],
    ["ill-formed UTF-8", Buffer.from('{"id":"\xff"}', "latin1"), 400, "malformed_utf8"],
    ["an event that is too large", `{"id":"x","payload":"${"x".repeat(1_048_576)}"}`, 413, "event_too_large"],
    ["a line of 17 MiB", Buffer.alloc(17 * 2 ** 20, "x"), 413, "body_too_large"],
  ] as const;

  test.each(WRONG)("%s: all before it is in, and nothing behind it", async (_, wrong, status, code) => {
    const topic = newTopic();
    const before = await node.stats();
    const parts = [
      `\n${linesOf(20_000, { topic })}`,
      wrong,
      `\n${linesOf(20_000, { topic, first: 50_000 })}`,
    ];
    const answer = await postLines(node, Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
    const problem = await stopped(answer, status, code);
    expect(problem).toMatchObject({ line: 20_002, committed_lines: 20_001, received: 20_000 });
    expect(problem.detail).toStartWith("Line 20002: ");
    expect(problem.detail).toEndWith("The first 20001 lines are in; go on from line 20002.");
    const after = await node.stats();
    expect(after.topics[topic]).toMatchObject(countersOf(problem));
    expect(after.rejected - before.rejected).toBe(1);
    expect(after.received - before.received).toBe(20_000);
  });

  test("is told with the places in its event", async () => {
    const lines = `${linesOf(1, { topic: newTopic() })}{"event_i":"a","topic":"a b"}\n`;
    const { errors, error_count } = await stopped(await postLines(node, lines), 422, "invalid_event");
    expect(error_count).toBe(3);
    expect(errors?.map(({ pointer }) => pointer)).toEqual(["/1/event_i", "/1/event_id", "/1/topic"]);
  });

  test("after a million good ones is found, and going on from there is right", async () => {
    const topic = newTopic();
    const minimal = (first: number, count: number): string =>
      Array.from({ length: count }, (_, i) => `{"topic":"${topic}","id":"${first + i}"}\n`).join("");
    using request = await LineRequest.open(node);
    for (let first = 0; first < 1_000_000; first += 50_000) await request.send(minimal(first, 50_000));
    await request.send(`{}\n${minimal(1_000_000, 1_000)}`);
    const problem = await stopped(await request.end(), 422, "invalid_event");
    expect(problem).toMatchObject({
      line: 1_000_001,
      committed_lines: 1_000_000,
      unique_processed: 1_000_000,
    });
    const rest = await accepted(await postLines(node, minimal(1_000_000, 1_000)));
    expect(rest.unique_processed).toBe(1_000);
    expect((await node.stats(`?topic=${topic}`)).received).toBe(1_001_000);
  });
});

describe("a compressed body", () => {
  test.each(ENCODINGS)(
    "of %s that is cut anywhere, or has rubbish behind it, is never taken for whole",
    async (encoding, compress) => {
      const topic = newTopic();
      const whole = compress(Buffer.from(linesOf(2, { topic }).trimEnd()));
      const bodies = [Buffer.concat([whole, Buffer.from("rubbish")]), Buffer.concat([whole, Buffer.of(1)])];
      for (let cut = 0; cut < whole.length; cut++) bodies.push(Buffer.from(whole.subarray(0, cut)));
      for (const body of bodies) {
        const answer = await postLines(node, body, { headers: { "content-encoding": encoding } });
        const problem = await stopped(answer, 400, "malformed_json");
        // The second line is not known to be whole.
        expect(problem.committed_lines).toBeLessThanOrEqual(1);
        expect(problem.line).toBeUndefined();
      }
      expect((await node.stats()).topics[topic]?.unique_processed ?? 0).toBeLessThanOrEqual(1);
    },
  );

  test.each(ENCODINGS)(
    "of %s that is cut after many lines says how many are in",
    async (encoding, compress) => {
      const topic = newTopic();
      let text = "";
      for (let i = 0; i < 20_000; i++)
        text += `{"topic":"${topic}","id":"${i}","payload":"${Bun.hash(String(i))}"}\n`;
      const whole = compress(Buffer.from(text));
      const cut = new Uint8Array(whole.subarray(0, Math.floor(whole.length * 0.9)));
      const answer = await postLines(node, cut, { headers: { "content-encoding": encoding } });
      const { committed_lines, received } = await stopped(answer, 400, "malformed_json");
      expect(committed_lines).toBeGreaterThan(1_000);
      expect(received).toBe(committed_lines);
      expect((await node.stats()).topics[topic]?.received).toBe(received);
    },
  );

  test.each(["gzip", "zstd"])(
    "that is no %s is refused, however the decompressor comes to say so",
    async (encoding) => {
      const body = Buffer.from(linesOf(100_000));
      for (let round = 0; round < 8; round++) {
        const answer = await postLines(node, body, { headers: { "content-encoding": encoding } });
        expect(await stopped(answer, 400, "malformed_json")).toMatchObject({ committed_lines: 0 });
      }
    },
  );

  test("whose zstd window would take much memory is refused", async () => {
    const frame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 0x09, 0, 0, 0x0a]);
    for (const type of ["application/x-ndjson", "application/json"]) {
      const headers = { "content-encoding": "zstd", "content-type": type };
      const { detail } = await expectProblem(await node.post(frame, { headers }), {
        status: 413,
        code: "body_too_large",
      });
      expect(detail).toContain("window");
    }
  });
});

test("in the end the counters are the sum of all that was told", async () => {
  const stats: Stats = await node.stats();
  const topicSum = Object.values(stats.topics).reduce((sum, { received }) => sum + received, 0);
  expect(topicSum).toBe(stats.received);
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});
