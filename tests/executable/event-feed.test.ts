/** /ws/events: every stored event after a position, once, in order, however readers come, go and fall behind. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { FeedFollower } from "../support/feed-follower.ts";
import { NodeProcess } from "../support/node-process.ts";
import { parsePrometheus, sampleOf } from "../support/prometheus.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;

const batch = (count: number, prefix: string, topicOf = (_i: number) => "orders") =>
  Array.from({ length: count }, (_, i) => ({ topic: topicOf(i), event_id: `${prefix}${i}`, payload: { i } }));

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function figure(node: NodeProcess, name: string): Promise<number> {
  return sampleOf(parsePrometheus(await (await fetch(`${node.url}/metrics`)).text()), name)!;
}

describe("a reader", () => {
  test("is told the events as GET /events shows them, from the first on and then live", async () => {
    await using node = await NodeProcess.start();
    await node.publish([
      { topic: "orders", event_id: "a", timestamp: "2026-01-31", source: "shop", payload: { n: 1 } },
      { topic: "pay", event_id: "b" },
    ]);
    using past = await FeedFollower.open(node.wsUrl, "after=0");
    await past.untilEvents(2);
    await node.publish({ topic: "orders", event_id: "c", payload: "é\u{1F600}" });
    await node.publish({ topic: "orders", event_id: "c", payload: "again" });
    await node.publish({ topic: "orders", event_id: "d" });
    await past.untilEvents(4);
    expect(past.events).toEqual([...(await node.page()).events]);
  });

  test("that names no position is told what comes from now on", async () => {
    await using node = await NodeProcess.start();
    await node.publish(batch(10, "before"));
    for (const query of ["", "after=latest"]) {
      using live = await FeedFollower.open(node.wsUrl, query);
      live.socket.send({ type: "ping" });
      expect(await live.socket.next()).toEqual({ type: "pong" } as never);
      await node.publish(batch(1, `now${query}`));
      await live.untilEvents(1);
      expect(live.last).toBe((await node.page("?order=desc&limit=1")).events[0]!.seq);
    }
  });

  test("is told the topics of its patterns alone, past and live; patterns may mean nothing yet", async () => {
    await using node = await NodeProcess.start();
    const topicOf = (i: number): string => ["orders.eu", "orders.us", "pay"][i % 3]!;
    await node.publish(batch(300, "a", topicOf));
    using orders = await FeedFollower.open(node.wsUrl, "topics=orders.*&after=0");
    using both = await FeedFollower.open(node.wsUrl, "topics=pay,later&after=150");
    using later = await FeedFollower.open(node.wsUrl, "topics=later*");
    await orders.untilEvents(200);
    await node.publish(batch(300, "b", topicOf));
    await node.publish({ topic: "later.on", event_id: "1" });
    await node.publish({ topic: "later", event_id: "1" });
    await Promise.all([orders.untilEvents(400), both.untilEvents(151), later.untilEvents(2)]);
    expect(orders.seqs).toEqual(range(1, 600).filter((seq) => seq % 3 !== 0));
    expect(both.seqs).toEqual([...range(151, 600).filter((seq) => seq % 3 === 0), 602]);
    expect(later.seqs).toEqual([601, 602]);
  });
});

describe("readers that come and go", () => {
  test("go on behind the last seq that they have, over reconnects, restarts and kills", async () => {
    using folder = new TempFolder();
    let last = 0;
    const seqs: number[] = [];
    for (let run = 0; run < 4; run++) {
      await using node = await NodeProcess.start({ data: folder.path });
      for (let part = 0; part < 3; part++) {
        using reader = await FeedFollower.open(node.wsUrl, `after=${last}`);
        const published = node.publish(batch(3_000, `${run}.${part}.`));
        // Leaves somewhere in the middle, and what it has not taken by then is told again.
        await reader.until(() => reader.last >= seqs.length + 1_000);
        seqs.push(...reader.seqs);
        last = reader.last;
        await published;
      }
      if (run % 2 === 0) await node.kill9();
      else expect(await node.stop()).toBe(0);
    }
    await using node = await NodeProcess.start({ data: folder.path });
    using reader = await FeedFollower.open(node.wsUrl, `after=${last}`);
    await reader.until(() => reader.last === 36_000);
    expect([...seqs, ...reader.seqs]).toEqual(range(1, 36_000));
  });

  test("are told everything once beside publishers, wherever they begin", async () => {
    await using node = await NodeProcess.start();
    const readers: FeedFollower[] = [];
    const topicOf = (i: number): string => `topic-${i % 7}`;
    for (let round = 0; round < 30; round++) {
      const publishes = [0, 1, 2].map((part) => node.publish(batch(200, `${round}.${part}.`, topicOf)));
      readers.push(await FeedFollower.open(node.wsUrl, `after=${Math.floor((round * 600) / 2)}`));
      await Promise.all(publishes);
    }
    for (const [round, reader] of readers.entries()) {
      await reader.until(() => reader.last === 18_000);
      expect(reader.seqs).toEqual(range(round * 300 + 1, 18_000));
      reader[Symbol.dispose]();
    }
    await until(async () => (await figure(node, "onefold_feed_readers")) === 0);
    expect(await figure(node, "onefold_feed_events_told_total")).toBeGreaterThanOrEqual(18_000);
  });
});

describe("what cannot be told is said", () => {
  test("a position beyond the end is an error and final, and so are patterns and parameters that are none", async () => {
    await using node = await NodeProcess.start({ flags: ["--max-patterns", "3"] });
    await node.publish(batch(5, "e"));
    for (const query of [
      "after=6",
      "after=9007199254740991",
      "after=-1",
      "after=x",
      "after=",
      "after=1.5",
      "topics=a,b,c,d",
      "topics=a**",
      "topic=a",
      "interval=20",
    ]) {
      using socket = await TestSocket.open(`${node.wsUrl}/ws/events?${query}`);
      expect({ query, ...(await socket.next()) }).toMatchObject({
        ...{ query, type: "error", code: "invalid_parameter", status: 422 },
      });
      expect((await socket.closed).code).toBe(4400);
    }
    const { next } = await node.page("?limit=2");
    using fromCursor = await FeedFollower.open(node.wsUrl, `after=${next}`);
    await fromCursor.untilEvents(3);
    expect(fromCursor.seqs).toEqual([3, 4, 5]);
    using atTheEnd = await FeedFollower.open(node.wsUrl, "after=5&topics=a,b,orders");
    await node.publish(batch(1, "f"));
    await atTheEnd.untilEvents(1);
    expect(atTheEnd.seqs).toEqual([6]);
  });

  test("ten thousand patterns are refused, and the node goes on", async () => {
    await using node = await NodeProcess.start();
    const topics = Array.from({ length: 5_000 }, (_, i) => (i % 10).toString(36)).join(",");
    using socket = await TestSocket.open(`${node.wsUrl}/ws/events?topics=${topics}`);
    expect(await socket.next()).toMatchObject({ type: "error", code: "invalid_parameter" });
    expect((await socket.closed).code).toBe(4400);
    const tooLong = Array.from({ length: 10_000 }, (_, i) => `topic-${i}`).join(",");
    using refused = await TestSocket.open(`${node.wsUrl}/ws/events?topics=${tooLong}`);
    expect((await refused.closed).code).not.toBe(1000);
    expect(await node.publish(batch(1, "e"))).toMatchObject({ count: 1 });
  });
});

describe("an open feed", () => {
  test("frames that mean nothing are answered, and the feed goes on", async () => {
    await using node = await NodeProcess.start();
    using socket = await TestSocket.open(`${node.wsUrl}/ws/events`);
    for (const [frame, code] of [
      ["not JSON", "malformed_json"],
      [[], "invalid_frame"],
      [{ type: "subscribe", topics: ["a"] }, "invalid_frame"],
      [new Uint8Array([1]), "unsupported_media_type"],
    ] as const) {
      socket.send(frame);
      expect(await socket.next()).toMatchObject({ type: "error", code });
    }
    await node.publish(batch(1, "e"));
    expect(await socket.next()).toMatchObject({ type: "events" });
  });

  test("what retention removed before a reader came is a gap, told once, and only to whom it concerns", async () => {
    await using node = await NodeProcess.start({ flags: ["--retain-events", "logs=10"] });
    await node.publish(batch(5_000, "e", (i) => (i % 2 === 0 ? "logs" : "orders")));
    await until(async () => (await node.page("?topic=logs&limit=100")).count === 10);
    using all = await FeedFollower.open(node.wsUrl, "after=0");
    using logs = await FeedFollower.open(node.wsUrl, "after=100&topics=logs");
    using orders = await FeedFollower.open(node.wsUrl, "after=0&topics=orders");
    await Promise.all([all.untilEvents(2_510), logs.untilEvents(10), orders.untilEvents(2_500)]);
    const to = logs.seqs[0]! - 2;
    expect(all.gaps).toEqual([{ from: 1, to }]);
    expect(logs.gaps).toEqual([{ from: 101, to }]);
    expect(orders.gaps).toEqual([]);
  });

  test("a node that is stopped closes its readers with 1012", async () => {
    await using node = await NodeProcess.start();
    using socket = await TestSocket.open(`${node.wsUrl}/ws/events`);
    await node.stop();
    expect((await socket.closed).code).toBe(1012);
  });
});

describe("a reader that does not read", () => {
  /** More than the operating system keeps for a connection. */
  async function store(node: NodeProcess, prefix: string, mib: number): Promise<void> {
    const payload = "x".repeat(MIB / 4);
    for (let i = 0; i < mib; i++)
      await node.publish(
        Array.from({ length: 4 }, (_, part) => ({
          topic: "large",
          event_id: `${prefix}${i}.${part}`,
          payload,
        })),
      );
  }

  test("falls out of memory, and has everything once it reads on", async () => {
    await using node = await NodeProcess.start();
    const reader = await RawSocket.upgrade(node.port, "/ws/events");
    reader.pause();
    await node.publish(batch(10, "first"));
    // Sixteen Mi characters in the ring; this is more.
    await store(node, "a", 40);
    await node.publish(batch(1_000, "last"));
    expect(await figure(node, "onefold_feed_unread_bytes")).toBeLessThan(2 * MIB);
    reader.resume();
    const seqs: number[] = [];
    while (seqs.at(-1) !== 1_170) {
      const { events } = JSON.parse(String((await reader.nextFrame()).payload)) as {
        events: { seq: number }[];
      };
      seqs.push(...events.map(({ seq }) => seq));
    }
    expect(seqs).toEqual(range(1, 1_170));
    reader[Symbol.dispose]();
  });

  test("is closed where others have to wait for it, and memory stays what the budget allows", async () => {
    await using node = await NodeProcess.start({ flags: ["--max-answer-bytes", String(2 * MIB)] });
    await store(node, "a", 24);
    const before = node.memoryMb("VmRSS");
    const stalled = await Promise.all(
      Array.from({ length: 40 }, () => RawSocket.upgrade(node.port, "/ws/events?after=0")),
    );
    for (const reader of stalled) reader.pause();
    await until(async () => (await figure(node, "onefold_feed_readers")) < 40, 120_000);
    using reader = await FeedFollower.open(node.wsUrl, "after=0");
    await reader.untilEvents(96);
    expect(await figure(node, "onefold_feed_unread_bytes")).toBeLessThan(4 * MIB);
    expect(node.memoryMb("VmHWM") - before).toBeLessThan(400);
    for (const socket of stalled) socket.resume();
    expect(await Promise.any(stalled.map((socket) => socket.closeCode()))).toBe(4408);
    for (const socket of stalled) socket[Symbol.dispose]();
  });
});

describe("credentials", () => {
  test("limit what is told, and fresh ones narrow it at the same place", async () => {
    await using node = await NodeProcess.start(WEB_TOKEN_NODE);
    const publish = async (topics: readonly string[], id: string): Promise<void> => {
      const { status } = await fetch(`${node.url}/publish`, {
        method: "POST",
        headers: { authorization: `Bearer ${webToken()}`, "content-type": "application/json" },
        body: JSON.stringify(topics.map((topic) => ({ topic, event_id: id }))),
      });
      expect(status).toBe(200);
    };
    await publish(["mine", "theirs", "my.own"], "1");
    const token = webToken({ scope: "subscribe", topics: ["mine", "my.*"] });
    using reader = await FeedFollower.open(node.wsUrl, `after=0&access_token=${token}`);
    await reader.untilEvents(2);
    await publish(["theirs", "mine", "my.own"], "2");
    await reader.untilEvents(4);
    reader.socket.send({ type: "auth", token: webToken({ scope: "subscribe", topics: ["my.*"] }) });
    expect(await reader.socket.next()).toMatchObject({ type: "auth" });
    await publish(["mine", "theirs", "my.own"], "3");
    await reader.untilEvents(5);
    expect(reader.seqs).toEqual([1, 3, 5, 6, 9]);
    using refused = await TestSocket.open(`${node.wsUrl}/ws/events?topics=theirs&access_token=${token}`);
    expect((await refused.closed).code).toBe(4403);
  });
});
