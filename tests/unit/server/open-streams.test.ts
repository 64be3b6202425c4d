/** Streams have a place for as long as they are open, and end with their credentials, their reader or the node. */

import { beforeEach, describe, expect, test } from "bun:test";
import { AnswerBudget } from "../../../src/limits/answer-budget.ts";
import { Connections } from "../../../src/limits/connections.ts";
import { CROWDED_STALL_MS_MAX } from "../../../src/live/feed-reader.ts";
import { STALL_MS_MAX } from "../../../src/live/stats-group.ts";
import { ProblemError, problem } from "../../../src/problem.ts";
import type { Caller } from "../../../src/server/admission.ts";
import type { EventStream } from "../../../src/server/event-stream.ts";
import { OpenStreams, type StreamRequest, type StreamSource } from "../../../src/server/open-streams.ts";
import { RefusalCounts } from "../../../src/server/refusals.ts";
import { HubBench } from "../live/hub-bench.ts";

const REFUSED = new ProblemError(problem("invalid_parameter", "after is beyond the newest event."));

/** A source that tells nothing by itself, and counts. */
class Source implements StreamSource {
  stream: EventStream | undefined;
  ends = 0;

  begin(stream: EventStream): void {
    this.stream = stream;
  }

  position(): undefined {}

  ended(): void {
    this.ends++;
  }
}

class Bench {
  readonly connections = new Connections({ max: 10, maxPerAddress: 10, addressOf: () => "somebody" });
  readonly refusals = new RefusalCounts();
  readonly budget = new AnswerBudget(100_000);
  readonly logged: string[] = [];
  now = 0;
  isOpened = true;
  expiresAt = 1_000;
  isRevoked = false;
  readonly streams = new OpenStreams({
    connections: this.connections,
    budget: this.budget,
    refusals: this.refusals,
    setIdleTimeout: () => {},
    idleSeconds: 30,
    elapsed: () => this.now,
    isOpened: () => this.isOpened,
    log: (line) => this.logged.push(line),
  });

  async answer(prepare: StreamRequest["prepare"], method = "GET"): Promise<Response> {
    const request = new Request("http://localhost/stats/stream", { method });
    this.connections.enter(request, "somebody");
    const principal = { isRevoked: () => this.isRevoked, expiresAt: this.expiresAt };
    const caller = { principal, grant: { topics: ["*"] } } as unknown as Caller;
    try {
      return await this.streams.answer({
        request,
        route: "/stats/stream",
        caller,
        isBounded: false,
        prepare,
      });
    } finally {
      this.connections.leave(request);
    }
  }

  get open(): number {
    return this.streams.counts.reduce((sum, [, count]) => sum + count, 0);
  }
}

let bench: Bench;
let source: Source;
beforeEach(() => {
  bench = new Bench();
  source = new Source();
});

/** All that a stream that has ended told. */
function textOf(response: Response): Promise<string> {
  return response.text();
}

test("a stream has the place of its request, until its client goes", async () => {
  const response = await bench.answer(() => source);
  expect([bench.open, bench.connections.open]).toEqual([1, 1]);
  await response.body!.cancel();
  expect([bench.open, bench.connections.open, source.ends]).toEqual([0, 0, 1]);
});

test("one that is refused, or asked for its head alone, has no place and no source", async () => {
  const refuse = (): never => {
    throw REFUSED;
  };
  await expect(bench.answer(refuse)).rejects.toThrow(REFUSED);
  await expect(bench.answer(() => Promise.reject(REFUSED))).rejects.toThrow(REFUSED);
  expect(await (await bench.answer(() => source, "HEAD")).text()).toBe("");
  expect([bench.open, bench.connections.open, source.stream]).toEqual([0, 0, undefined]);
});

test("one whose source fails to begin leaves no place taken", async () => {
  source.begin = () => {
    throw new Error("a mistake");
  };
  await expect(bench.answer(() => source)).rejects.toThrow("a mistake");
  expect([bench.open, bench.connections.open, source.ends]).toEqual([0, 0, 1]);
});

describe.each(["expired", "revoked"])("one whose credentials are %s", (how) => {
  test("is told so in a frame without a position, once, and ends", async () => {
    const response = await bench.answer(() => source);
    bench.streams.sweep(999);
    expect(bench.open).toBe(1);
    if (how === "revoked") bench.isRevoked = true;
    bench.streams.sweep(how === "revoked" ? 999 : 1_000);
    bench.streams.sweep(1_001);
    const [, frame = "", ...more] = (await textOf(response)).split("\n\n");
    expect(more).toEqual([""]);
    expect(JSON.parse(frame.replace("data: ", ""))).toMatchObject({
      type: "error",
      code: "unauthorized",
      status: 401,
    });
    expect([bench.open, bench.connections.open, source.ends]).toEqual([0, 0, 1]);
    expect(bench.refusals.all.find(([code]) => code === "unauthorized")![1]).toBe(1);
  });
});

describe("before the store has been opened", () => {
  beforeEach(() => {
    bench.isOpened = false;
  });

  test("a stream waits, and begins when it has", async () => {
    await bench.answer(() => source);
    bench.streams.sweep(0);
    expect([bench.open, source.stream]).toEqual([1, undefined]);
    bench.isOpened = true;
    bench.streams.sweep(0);
    await Promise.resolve();
    expect(source.stream).toBeDefined();
    bench.streams.sweep(0);
    expect(bench.open).toBe(1);
  });

  test("what is found wrong then is told in a frame", async () => {
    const response = await bench.answer(() => Promise.reject(REFUSED));
    bench.isOpened = true;
    bench.streams.sweep(0);
    expect(await textOf(response)).toContain('"code":"invalid_parameter"');
    expect([bench.open, bench.connections.open, bench.logged]).toEqual([0, 0, []]);
  });

  test("a mistake of ours is masked, and logged", async () => {
    const response = await bench.answer(() => Promise.reject(new Error("a mistake")));
    bench.isOpened = true;
    bench.streams.sweep(0);
    const text = await textOf(response);
    expect(text).toContain('"code":"internal_error"');
    expect(text).not.toContain("a mistake");
    expect(bench.logged).toEqual(["a stream could not be opened: Error: a mistake"]);
  });

  test("a client that goes while it waits never begins", async () => {
    const waiting = Promise.withResolvers<StreamSource>();
    const response = await bench.answer(() => waiting.promise);
    bench.isOpened = true;
    bench.streams.sweep(0);
    await response.body!.cancel();
    waiting.resolve(source);
    await Promise.resolve();
    await Promise.resolve();
    expect([bench.open, bench.connections.open, source.stream]).toEqual([0, 0, undefined]);
  });
});

test("a drain ends all streams, and those that come after it at once, so that their clients come back", async () => {
  const response = await bench.answer(() => source);
  bench.streams.drain();
  expect(await textOf(response)).toBe("retry: 1000\n\n");
  const late = new Source();
  expect(await textOf(await bench.answer(() => late))).toBe("retry: 1000\n\n");
  expect([bench.open, bench.connections.open, source.ends, late.stream]).toEqual([0, 0, 1, undefined]);
});

test("whoever does not read a large frame makes room after a few seconds, once others were refused", async () => {
  const [held, other] = [await bench.answer(() => source), await bench.answer(() => new Source())];
  source.stream!.frame("x".repeat(90_000));
  const later = (): void => {
    bench.now += CROWDED_STALL_MS_MAX;
    bench.streams.sweep(0);
  };
  bench.now++;
  later();
  later();
  expect([bench.open, bench.budget.bytes > 0]).toEqual([2, true]);
  expect(bench.budget.take(50_000)).toBe(false);
  later();
  expect([bench.open, bench.budget.bytes, source.ends]).toEqual([1, 0, 1]);
  await expect(textOf(held)).rejects.toThrow("not read in time");
  await other.body!.cancel();
});

test("a reader of statistics that takes nothing for a minute is cut off, and not before", async () => {
  const hubBench = new HubBench();
  const { hub } = hubBench;
  const statsSource = (): StreamSource => {
    let stop = (): void => {};
    return {
      begin(stream) {
        const sink = {
          send: (text: string) => stream.frame(text),
          get bufferedBytes() {
            return stream.bufferedBytes;
          },
          closeAsTooSlow: () => stream.cut(),
        };
        hub.subscribe(sink, { patterns: [], intervalMs: 1_000 });
        stop = () => hub.unsubscribe(sink);
      },
      position: () => undefined,
      ended: () => stop(),
    };
  };
  const response = await bench.answer(statsSource);
  hubBench.advance(STALL_MS_MAX);
  expect([bench.open, hub.subscribers]).toEqual([1, 1]);
  hubBench.advance(5_000);
  expect([bench.open, hub.subscribers, bench.connections.open]).toEqual([0, 0, 0]);
  await expect(textOf(response)).rejects.toThrow("not read in time");
});
