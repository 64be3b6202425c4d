/** A node's life: it starts at once, stops in order, forgets nothing, and shares its file with nobody. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import {
  countersOf,
  type EventPage,
  expectWellFormedProblem,
  type StoredEvent,
} from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { httpPublisher, Journal, type OutgoingBatch, SocketPublisher } from "../support/publisher.ts";
import { maskedFrame, OPCODE, RawSocket } from "../support/raw-socket.ts";
import { type Frame, openPublishChannel, TestSocket } from "../support/socket.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** The contract's figure; the test allows for a machine that is busy with other things, and prints what it was. */
const HEALTHY_MS = 100;
const HEALTHY_SLACK = 10;

const IDLE_MEMORY_MB_MAX = 90;
const STOP_MS_MAX = 10_000;

/** A page may be short on a machine that is busy, so they are followed to the end. */
async function everyEvent(node: NodeProcess): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after: string | null = "0"; after !== null; ) {
    const page: EventPage = await node.page(`?limit=10000&after=${after}`);
    events.push(...page.events);
    after = page.next;
  }
  return events;
}

describe("starting", () => {
  test("on an empty folder is a matter of milliseconds, and an idle node is small", async () => {
    const figures: number[] = [];
    for (let run = 0; run < 3; run++) {
      const startedAt = performance.now();
      await using node = await NodeProcess.start();
      expect((await fetch(`${node.url}/health`)).status).toBe(200);
      figures.push(performance.now() - startedAt);
      const memory = node.memoryMb("VmRSS");
      console.log(
        `lifecycle: healthy after ${figures.at(-1)!.toFixed(0)} ms, ${memory.toFixed(0)} MB resident`,
      );
      expect(memory).toBeLessThan(IDLE_MEMORY_MB_MAX);
    }
    expect(Math.min(...figures)).toBeLessThan(HEALTHY_MS * HEALTHY_SLACK);
  });

  test("is told in one line with the address, and health has the contract's fields", async () => {
    await using node = await NodeProcess.start();
    expect(node.output).toMatch(/^onefold \S+ is ready on http:\/\/127\.0\.0\.1:\d+ .*\n$/);
    for (const path of ["/health", "/health/live", "/health/ready"]) {
      expect(JSON.parse(await node.getText(path))).toEqual({
        status: "healthy",
        uptime_seconds: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        checks: expect.any(Object),
      });
    }
  });

  test("again forgets nothing: events, counters, conflicts and keys", async () => {
    using folder = new TempFolder();
    const events = Array.from({ length: 3_000 }, (_, i) => ({
      topic: `kept.${i % 7}`,
      event_id: String(i),
      payload: i,
    }));
    let pages: StoredEvent[];
    let before: Awaited<ReturnType<NodeProcess["stats"]>>;
    {
      await using node = await NodeProcess.start({ data: folder.path });
      await node.publish(events);
      await node.publish([...events.slice(0, 10), { ...events[0]!, payload: "other" }]);
      before = await node.stats();
      pages = await everyEvent(node);
      expect(await node.stop()).toBe(0);
      // The log has been copied into the file, which can be moved or backed up alone.
      expect(statSync(folder.file("onefold.db-wal"), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    }
    await using node = await NodeProcess.start({ data: folder.path });
    const after = await node.stats();
    expect(countersOf(after)).toEqual(countersOf(before));
    expect(after.topic_count).toBe(before.topic_count);
    for (const [name, { first_at, last_at, ...topic }] of Object.entries(before.topics)) {
      expect(after.topics[name]).toMatchObject({ ...countersOf(topic), first_at, last_at });
    }
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.revision).toBe(0);
    expect(await everyEvent(node)).toEqual(pages);
    expect(await node.publish(events)).toMatchObject({ duplicate_dropped: events.length, conflicts: 0 });
    expect(await node.publish({ topic: "kept.0", event_id: "new" })).toMatchObject({
      seq: events.length + 1,
    });
  });
});

describe("stopping under load", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "on %s answers what is in flight, closes sockets with 1012, and exits with 0",
    async (signal) => {
      using folder = new TempFolder();
      const journal = new Journal();
      await using node = await NodeProcess.start({ data: folder.path });
      using subscriber = await TestSocket.open(`${node.wsUrl}/ws/stats`);
      using idle = await openPublishChannel(node.wsUrl);
      using channel = await SocketPublisher.open(node);
      let n = 0;
      const next = (): OutgoingBatch =>
        Array.from({ length: 50 }, () => ({ topic: "load", event_id: `${++n}`, payload: n }));
      const lanes = [
        channel.publish,
        channel.publish,
        channel.publish,
        httpPublisher(node),
        httpPublisher(node),
      ];
      const publishing = lanes.map((publish) => journal.publishAll(publish, next));
      await journal.untilAcknowledgements(50);
      const signalledAt = performance.now();
      node.signal(signal);
      expect(await node.exited).toBe(0);
      expect(performance.now() - signalledAt).toBeLessThan(STOP_MS_MAX);
      await Promise.all(publishing);
      expect((await subscriber.closed).code).toBe(1012);
      expect((await idle.closed).code).toBe(1012);
      expect(node.output.trimEnd().split("\n")).toHaveLength(1);
      using file = new StoredFile(folder.path);
      file.expectToBeConsistent();
      const stored = new Set(file.events().map(({ event_id }) => `load\n${event_id}`));
      expect([...journal.acknowledged].filter((key) => !stored.has(key))).toEqual([]);
    },
  );

  test("every frame that had arrived is answered, in order, before the socket closes with 1012", async () => {
    await using node = await NodeProcess.start();
    using socket = await RawSocket.upgrade(node.port, "/ws/publish");
    await socket.nextFrame();
    // More events than one commit takes, so that there is something in flight when the first answer has come.
    const frames = Array.from({ length: 120 }, (_, i) =>
      maskedFrame(
        OPCODE.text,
        JSON.stringify(Array.from({ length: 100 }, (_, n) => ({ event_id: `${i}.${n}` }))),
      ),
    );
    socket.write(Buffer.concat(frames));
    const first = JSON.parse((await socket.nextFrame()).payload.toString()) as Frame;
    expect(first).toMatchObject({ type: "ack", frame: 1 });
    node.signal("SIGTERM");
    for (let frame = 2; frame <= frames.length; frame++) {
      const text = (await socket.nextFrame()).payload.toString();
      const answer = JSON.parse(text) as Frame;
      expect(answer.frame).toBe(frame);
      if (answer.type !== "ack")
        expect(expectWellFormedProblem(text)).toMatchObject({ status: 503, code: "draining" });
    }
    expect(await socket.closeCode()).toBe(1012);
    expect(await node.exited).toBe(0);
  });

  test("every request that had arrived is answered", async () => {
    await using node = await NodeProcess.start();
    const body = (i: number) => Array.from({ length: 1_000 }, (_, n) => ({ event_id: `${i}.${n}` }));
    const answers = Array.from({ length: 20 }, (_, i) => node.post(body(i)));
    await Promise.race(answers);
    node.signal("SIGTERM");
    for (const answer of await Promise.all(answers)) {
      const text = await answer.text();
      if (answer.status !== 200)
        expect(expectWellFormedProblem(text)).toMatchObject({ status: 503, code: "draining" });
    }
    expect(await node.exited).toBe(0);
  });
});

describe("stopping with clients that don't cooperate", () => {
  /** A node that is waiting for a socket which has been told to close and does not. */
  async function stoppingNode(): Promise<{ node: NodeProcess; socket: RawSocket }> {
    const node = await NodeProcess.start();
    const socket = await RawSocket.upgrade(node.port, "/ws/publish");
    await socket.nextFrame();
    node.signal("SIGTERM");
    expect(await socket.closeCode()).toBe(1012);
    return { node, socket };
  }

  test("takes no new connections, and ends without them", async () => {
    const startedAt = performance.now();
    const { node, socket } = await stoppingNode();
    await using _node = node;
    using _socket = socket;
    expect(fetch(`${node.url}/health/live`)).rejects.toThrow();
    expect(await node.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
  });

  test("a second signal ends it at once", async () => {
    const { node, socket } = await stoppingNode();
    await using _node = node;
    using _socket = socket;
    node.signal("SIGTERM");
    expect(await node.exited).toBe(1);
  });

  test("neither an idle connection nor half a request holds it up", async () => {
    await using node = await NodeProcess.start();
    using _idle = await RawSocket.connect(node.port);
    using half = await RawSocket.connect(node.port);
    half.write("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{");
    await node.publish({ event_id: "1" });
    const signalledAt = performance.now();
    expect(await node.stop()).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(STOP_MS_MAX);
    await half.ended;
  });
});
