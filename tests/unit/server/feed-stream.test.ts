/** GET /events/stream over a feed that a test moves: where a reader begins, and what it can resume from. */

import { beforeEach, expect, test } from "bun:test";
import { AnswerBudget } from "../../../src/limits/answer-budget.ts";
import { Connections } from "../../../src/limits/connections.ts";
import { ProblemError } from "../../../src/problem.ts";
import { Cursors } from "../../../src/server/cursors.ts";
import { HEARTBEAT_MS } from "../../../src/server/event-stream.ts";
import { feedStream } from "../../../src/server/feed-stream.ts";
import { OpenStreams } from "../../../src/server/open-streams.ts";
import { RefusalCounts } from "../../../src/server/refusals.ts";
import type { Services } from "../../../src/server/services.ts";
import { FakeFeed } from "./fake-feed.ts";

class Bench {
  readonly feed = new FakeFeed();
  readonly cursors = new Cursors();
  now = 0;
  isOpened = true;
  /** What the feed learns while the ledger is asked. */
  newestAfterAsking: number | undefined;
  readonly connections = new Connections({ max: 10, maxPerAddress: 10, addressOf: () => "somebody" });
  readonly streams = new OpenStreams({
    connections: this.connections,
    budget: new AnswerBudget(1),
    refusals: new RefusalCounts(),
    setIdleTimeout: () => {},
    idleSeconds: 30,
    elapsed: () => this.now,
    isOpened: () => this.isOpened,
    log: () => {},
  });

  constructor() {
    this.cursors.opened("one");
  }

  async ask(query = "", headers: Record<string, string> = {}, topics = ["*"]): Promise<Response> {
    const request = new Request(`http://localhost/events/stream${query}`, { headers });
    this.connections.enter(request, "somebody");
    const principal = { isRevoked: () => false, expiresAt: Number.POSITIVE_INFINITY };
    const ledger = {
      locate: async () => {
        this.feed.newest = this.newestAfterAsking ?? this.feed.newest;
        return [];
      },
    };
    const { feed, cursors, streams } = this;
    const services = {
      ...{ feed, cursors, streams, ledger },
      admission: { callerOf: () => ({ principal, grant: { topics } }) },
      limits: { patternsMax: 10 },
    };
    try {
      return await feedStream(services as unknown as Services, request);
    } finally {
      this.connections.leave(request);
    }
  }

  /** Where a reader that asks like this begins. */
  async after(query?: string, headers?: Record<string, string>): Promise<number | "latest"> {
    await this.ask(query, headers);
    return this.feed.subscription!.after;
  }

  async refusal(query?: string, headers?: Record<string, string>): Promise<string> {
    const error = await this.ask(query, headers).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ProblemError)) throw new Error("It was not refused.");
    expect(error.problem.status).toBe(422);
    expect([this.feed.readers.size, this.connections.open]).toEqual([0, 0]);
    return error.problem.detail;
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

function header(text: string): Record<string, string> {
  return { "last-event-id": text };
}

test("begins at the latest, a number or a cursor; what came last is what counts", async () => {
  const at = (seq: number): string => bench.cursors.ofEvent(seq);
  const asked: [query: string, headers: Record<string, string>, after: number | "latest"][] = [
    ["", {}, "latest"],
    ["?after=latest", {}, "latest"],
    ["?after=0", {}, 0],
    ["?after=10", {}, 10],
    [`?after=${at(7)}`, {}, 7],
    [`?after=${at(7)}&last_event_id=${at(8)}`, {}, 8],
    [`?after=${at(7)}&last_event_id=${at(8)}`, header(at(9)), 9],
    ["?after=latest", header("3"), 3],
    ["?after=4", header(""), 4],
  ];
  for (const [query, headers, after] of asked) {
    bench = new Bench();
    expect({ query, after: await bench.after(query, headers) }).toEqual({ query, after });
  }
});

test("refuses what is no position, is of another database, or lies beyond the end", async () => {
  const other = new Cursors();
  other.opened("two");
  expect(await bench.refusal("?after=x")).toStartWith("after must be a `seq`");
  expect(await bench.refusal("?last_event_id=latest")).toStartWith(
    "last_event_id must be a `seq` or a cursor",
  );
  expect(await bench.refusal("", header(other.ofEvent(1)))).toBe(
    "last-event-id is a cursor of another database.",
  );
  expect(await bench.refusal(`?after=${bench.cursors.ofStats("e", 1)}`)).toContain("of statistics");
  expect(await bench.refusal("?after=11")).toBe("after is a number beyond the newest event.");
  expect(await bench.refusal(`?last_event_id=${bench.cursors.ofEvent(11)}`)).toBe(
    "last_event_id is a cursor beyond the newest event.",
  );
});

test("a position that is only just not known yet is taken once the ledger has told of it", async () => {
  bench.newestAfterAsking = 12;
  expect(await bench.after(`?after=${bench.cursors.ofEvent(12)}`)).toBe(12);
});

test("tells where it begins, and each frame with where to resume", async () => {
  const response = await bench.ask("?topics=a,b.*");
  expect(bench.feed.subscription!.patterns).toEqual(["a", "b.*"]);
  bench.feed.sink.send('{"type":"events","events":[]}', 12);
  bench.streams.drain();
  expect(await response.text()).toBe(
    `retry: 1000\n\nid: ${bench.cursors.ofEvent(10)}\n\nid: ${bench.cursors.ofEvent(12)}\ndata: {"type":"events","events":[]}\n\n`,
  );
  expect(bench.feed.readers.size).toBe(0);
});

test("a reader whom nothing concerns is told with a comment how far it has got, once", async () => {
  const response = await bench.ask("?topics=rare");
  const reader = response.body!.getReader();
  const read = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString();
  await read();
  await read();
  let next = read();
  bench.feed.sink.advance(20);
  bench.feed.sink.advance(21);
  bench.now = HEARTBEAT_MS;
  bench.streams.sweep(0);
  expect(await next).toBe(`:\nid: ${bench.cursors.ofEvent(21)}\n\n`);
  next = read();
  bench.now += HEARTBEAT_MS;
  bench.streams.sweep(0);
  expect(await next).toBe(":\n\n");
  // A frame says where it stands, so that there is nothing left to be told.
  next = read();
  bench.feed.sink.advance(30);
  bench.feed.sink.send("{}", 31);
  expect(await next).toBe(`id: ${bench.cursors.ofEvent(31)}\ndata: {}\n\n`);
  next = read();
  bench.now += HEARTBEAT_MS;
  bench.streams.sweep(0);
  expect(await next).toBe(":\n\n");
});

test("asks only for what the caller may see", async () => {
  await bench.ask("", {}, ["mine.*"]);
  expect(bench.feed.subscription!.patterns).toEqual(["mine.*"]);
  await expect(bench.ask("?topics=theirs", {}, ["mine.*"])).rejects.toThrow("not allowed");
});

test("too slow a reader is cut off, and resumes; what cannot be read is told", async () => {
  const slow = await bench.ask();
  bench.feed.sink.closeAsTooSlow();
  expect([bench.feed.readers.size, bench.connections.open]).toEqual([0, 0]);
  await expect(slow.text()).rejects.toThrow("not read in time");
  const unreadable = await bench.ask();
  bench.feed.sink.closeAsUnreadable("the file is damaged");
  expect([bench.feed.readers.size, bench.connections.open]).toEqual([0, 0]);
  const text = await unreadable.text();
  expect(text).toContain('"code":"storage_failing"');
  expect(text).toContain("What is stored cannot be read: the file is damaged.");
});

test("before there is a database a stream waits, and learns then that its cursor is of another one", async () => {
  const other = new Cursors();
  other.opened("two");
  bench.isOpened = false;
  const fresh = bench.cursors;
  Object.assign(bench, { cursors: new Cursors() });
  const [right, wrong] = [
    await bench.ask("", header(fresh.ofEvent(5))),
    await bench.ask("", header(other.ofEvent(5))),
  ];
  bench.streams.sweep(0);
  expect(bench.feed.readers.size).toBe(0);
  bench.cursors.opened("one");
  bench.isOpened = true;
  bench.streams.sweep(0);
  expect(await wrong.text()).toContain("last-event-id is a cursor of another database.");
  expect(bench.feed.subscription!.after).toBe(5);
  await right.body!.cancel();
  expect([bench.feed.readers.size, bench.connections.open]).toEqual([0, 0]);
});
