/** Streams of lines that are cut, endless, huge or held up: memory stays bounded, and nothing acknowledged is lost. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Acceptance, countersOf, expectProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS, until, withDeadline } from "../support/deadline.ts";
import { LineRequest, linesOf, postLines, type StreamProblem } from "../support/line-request.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(4 * TEST_TIMEOUT_MS);

const MIB = 2 ** 20;

async function stopped(answer: Response, status: number, code: string): Promise<StreamProblem> {
  return (await expectProblem(answer, { status, code })) as StreamProblem;
}

/** How much more memory a node took at its worst than while it was idle. */
async function peakMb(node: NodeProcess, work: () => Promise<void>): Promise<number> {
  const before = node.memoryMb("VmRSS");
  await work();
  return node.memoryMb("VmHWM") - before;
}

describe("memory is bounded", () => {
  /** The ring of recent events, the index of these events and two collectors' slack, beside what a stream holds. */
  const PEAK_MB_MAX = 250;
  const ENCODINGS = [
    ["as it is", {}, (part: Buffer): Uint8Array => part],
    ["gzip", { "content-encoding": "gzip" }, (part: Buffer): Uint8Array => gzipSync(part, { level: 1 })],
    ["zstd", { "content-encoding": "zstd" }, (part: Buffer): Uint8Array => zstdCompressSync(part)],
  ] as const;

  test.each(ENCODINGS)("for 100 MB in one request, %s", async (_, headers, encode) => {
    await using node = await NodeProcess.start();
    const [parts, perPart] = [50, 1_900];
    const names = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const peak = await peakMb(node, async () => {
      using request = await LineRequest.open(node, names);
      for (let part = 0; part < parts; part++) {
        const lines = linesOf(perPart, { first: part * perPart, payload: "x".repeat(1_000) });
        await request.send(encode(Buffer.from(lines)));
      }
      const answer = (await (await request.end()).json()) as Acceptance;
      expect(answer.unique_processed).toBe(parts * perPart);
    });
    expect(peak).toBeLessThan(PEAK_MB_MAX);
  });

  test.each([
    ["a line of 100 MB", "x", 1],
    ["a bomb of blank lines", "\n", undefined],
  ] as const)("for %s, as it is and in a few kilobytes", async (_, character, line) => {
    await using node = await NodeProcess.start();
    const huge = Buffer.alloc(100 * MIB, character);
    const bodies = [
      [huge, {}],
      [gzipSync(huge), { "content-encoding": "gzip" }],
      [zstdCompressSync(huge), { "content-encoding": "zstd" }],
    ] as const;
    const peak = await peakMb(node, async () => {
      for (const [body, headers] of bodies) {
        const answer = await postLines(node, new Uint8Array(body), { headers });
        const problem = await stopped(answer, 413, "body_too_large");
        expect(problem.line).toBe(line);
        expect(problem.received).toBe(0);
        // All that was told of at that time: no more than some pieces beyond the limit.
        expect(problem.committed_lines).toBeLessThan(line === undefined ? 20 * MIB : 1);
      }
    });
    expect(peak).toBeLessThan(PEAK_MB_MAX);
  });

  test("for many streams at one time, each with a line that does not end", async () => {
    await using node = await NodeProcess.start({ flags: ["--max-queue-bytes", String(16 * MIB)] });
    const part = "x".repeat(4 * MIB);
    const peak = await peakMb(node, async () => {
      const requests = await Promise.all(Array.from({ length: 30 }, () => LineRequest.open(node)));
      const sent = requests.map((request) => request.send(part));
      const refused: Response[] = [];
      const enough = Promise.withResolvers<void>();
      for (const { socket } of requests) {
        const count = (answer: Response): void => {
          if (refused.push(answer) > 20) enough.resolve();
        };
        socket.readResponse().then(count, () => {});
      }
      await withDeadline(enough.promise, () => "most streams to be refused");
      for (const answer of refused) await stopped(answer, 503, "overloaded");
      for (const request of requests) request[Symbol.dispose]();
      await Promise.allSettled(sent);
    });
    expect(peak).toBeLessThan(PEAK_MB_MAX);
    await until(async () => (await postLines(node, linesOf(1))).status === 200);
  });
});

describe("a connection that is cut", () => {
  test("leaves all that was whole and handed over, and no half line", async () => {
    await using node = await NodeProcess.start();
    const request = await LineRequest.open(node);
    await request.send(linesOf(3));
    await until(async () => (await node.stats()).received === 3);
    await request.send('{"topic":"lines","event_id":"half"}');
    request[Symbol.dispose]();
    // What comes later is in after what came before, if that was taken at all.
    await until(async () => (await postLines(node, linesOf(1, { first: 9 }))).status === 200);
    expect((await node.page("?topic=lines")).events.map(({ event_id }) => event_id)).toEqual([
      "e0",
      "e1",
      "e2",
      "e9",
    ]);
    expect(node.output.trimEnd().split("\n")).toHaveLength(1);
  });

  test("by kill -9 of the node loses nothing that was read back before", async () => {
    using folder = new TempFolder();
    let seen = 0;
    {
      await using node = await NodeProcess.start({ data: folder.path });
      using request = await LineRequest.open(node);
      for (let part = 0; part < 20; part++) await request.send(linesOf(1_000, { first: part * 1_000 }));
      await until(async () => {
        seen = (await node.stats()).received;
        return seen > 5_000;
      });
      await node.kill9();
    }
    await using node = await NodeProcess.start({ data: folder.path });
    const { received, unique_processed } = await node.stats();
    expect(received).toBeGreaterThanOrEqual(seen);
    expect(unique_processed).toBe(received);
    // A prefix of the lines, without a gap.
    expect(await node.find("lines", `e${received - 1}`)).toBeDefined();
    expect(await node.find("lines", `e${received}`)).toBeUndefined();
    const again = (await (await postLines(node, linesOf(20_000))).json()) as Acceptance;
    expect(again).toMatchObject({
      unique_processed: 20_000 - received,
      duplicate_dropped: received,
      conflicts: 0,
    });
  });
});

describe("what its publisher does in the middle", () => {
  test("a client that sends nothing more, or a byte now and then, is told how far it came", async () => {
    await using node = await NodeProcess.start({ flags: ["--body-timeout", "1", "--idle-timeout", "2"] });
    for (const trickles of [false, true]) {
      using request = await LineRequest.open(node);
      await request.send(`${linesOf(5, { topic: `slow-${trickles}` })}{`);
      const timer = trickles ? setInterval(() => void request.send(" "), 100) : undefined;
      const answer = await request.socket.readResponse();
      clearInterval(timer);
      expect(await stopped(answer, 408, "request_timeout")).toMatchObject({
        committed_lines: 5,
        received: 5,
      });
      await request.socket.ended;
    }
    expect((await node.stats()).received).toBe(10);
  });

  test("a stream that goes on slowly lives longer than the time of a body", async () => {
    await using node = await NodeProcess.start({ flags: ["--body-timeout", "1", "--idle-timeout", "2"] });
    using request = await LineRequest.open(node);
    const line = linesOf(1, { payload: "x".repeat(16_384) });
    for (let i = 0; i < 12; i++) {
      await request.send(line);
      await Bun.sleep(300);
    }
    expect((await (await request.end()).json()) as Acceptance).toMatchObject({ count: 12 });
  });

  test("a topic that is not allowed, or one too many", async () => {
    using folder = new TempFolder();
    const flags = [
      "token",
      "create",
      "--data",
      folder.path,
      "--scope",
      "publish",
      "--topics",
      "lines,b.*",
      "--name",
      "a",
    ];
    const token = (await runToExit(flags)).stdout.trim();
    await using node = await NodeProcess.start({ data: folder.path, flags: ["--max-topics", "3"] });
    const headers = { authorization: `Bearer ${token}` };
    const on = (topic: string): string => linesOf(1, { topic });
    const forbidden = await postLines(node, `${linesOf(10)}\n${on("b.1")}${on("c")}${on("b.2")}`, {
      headers,
    });
    expect(await stopped(forbidden, 403, "forbidden_topic")).toMatchObject({ line: 13, received: 11 });
    const tooMany = await postLines(node, on("b.1") + on("b.2") + on("b.3") + on("lines"), { headers });
    expect(await stopped(tooMany, 422, "too_many_topics")).toMatchObject({
      ...{ line: 3, committed_lines: 2, received: 2, unique_processed: 1, duplicate_dropped: 1 },
    });
  });

  test("a rate of events that is used up says when to go on", async () => {
    await using node = await NodeProcess.start({ flags: ["--rate-events-per-token", "2000"] });
    using request = await LineRequest.open(node);
    let isAnswered = false;
    const answering = request.socket.readResponse().finally(() => {
      isAnswered = true;
    });
    for (let part = 0; !isAnswered && part < 100; part++) {
      await request.send(linesOf(1_000, { first: part * 1_000 }));
      await new Promise(setImmediate);
    }
    const answer = await answering;
    const problem = await stopped(answer, 429, "rate_limited");
    expect(problem.retry_after).toBePositive();
    expect(problem.committed_lines).toBeGreaterThan(0);
    expect(problem.line).toBeUndefined();
    expect(countersOf(await node.stats())).toEqual(countersOf(problem));
  });
});

describe("in the middle of a stream", () => {
  test("a node that shuts down answers at once, and what it said is in is there afterwards", async () => {
    using folder = new TempFolder();
    let problem: StreamProblem;
    {
      await using node = await NodeProcess.start({ data: folder.path });
      using request = await LineRequest.open(node);
      await request.send(`${linesOf(100)}{`);
      await until(async () => (await node.stats()).received === 100);
      const ended = node.stop();
      problem = await stopped(await request.socket.readResponse(), 503, "draining");
      expect(await ended).toBe(0);
    }
    expect(problem).toMatchObject({ committed_lines: 100, received: 100 });
    await using node = await NodeProcess.start({ data: folder.path });
    expect((await node.stats()).received).toBe(100);
  });

  test("credentials that are taken back", async () => {
    using folder = new TempFolder();
    const token = async (name: string): Promise<string> =>
      (
        await runToExit([
          "token",
          "create",
          "--data",
          folder.path,
          "--scope",
          "publish,subscribe",
          "--name",
          name,
        ])
      ).stdout.trim();
    const [mine, other] = [await token("mine"), await token("other")];
    await using node = await NodeProcess.start({ data: folder.path });
    using request = await LineRequest.open(node, [`authorization: Bearer ${mine}`]);
    await request.send(linesOf(10));
    await until(async () => (await node.stats(`?access_token=${other}`)).received === 10);
    await runToExit(["token", "revoke", "mine", "--data", folder.path]);
    await until(async () => (await fetch(`${node.url}/stats?access_token=${mine}`)).status === 401);
    await request.send(linesOf(10, { first: 10 }));
    const problem = await stopped(await request.socket.readResponse(), 401, "unauthorized");
    expect(problem).toMatchObject({ committed_lines: 10, received: 10 });
    expect((await node.stats(`?access_token=${other}`)).received).toBe(10);
  });
});

test("of compressed streams so many are read at one time, and no more", async () => {
  await using node = await NodeProcess.start();
  const open = (): Promise<LineRequest> => LineRequest.open(node, ["content-encoding: gzip"]);
  const requests = await Promise.all(Array.from({ length: 8 }, open));
  const ninth = async (): Promise<Response> =>
    postLines(node, new Uint8Array(gzipSync(linesOf(1))), { headers: { "content-encoding": "gzip" } });
  await until(async () => (await ninth()).status === 503);
  await stopped(await ninth(), 503, "overloaded");
  for (const request of requests) request[Symbol.dispose]();
  await until(async () => (await ninth()).status === 200);
  expect(countersOf(await node.stats())).not.toEqual(NO_COUNTERS);
});
