/** What the five systems that onefold grew out of did, or claimed to: each as a test, named after its guarantee. */

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Acceptance } from "../support/contract.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(120_000);

/** `unique` events with ids of their own, and the first `duplicates` of them once more. */
function workload(unique: number, duplicates: number, topics = 4): { topic: string; event_id: string }[] {
  const events = Array.from({ length: unique }, (_, i) => ({
    topic: `t${i % topics}`,
    event_id: `evt-${i}`,
  }));
  return [...events, ...events.slice(0, duplicates)];
}

function* batchesOf<T>(events: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < events.length; i += size) yield events.slice(i, i + size);
}

describe("the first: batches, and what was a duplicate", () => {
  test("5,000 events of which 1,000 are duplicates count as 5000, 4000 and 1000, well within a second", async () => {
    await using node = await NodeProcess.start();
    const batches = [...batchesOf(workload(4_000, 1_000), 100)];
    const start = performance.now();
    for (const batch of batches) await node.publish(batch);
    const seconds = (performance.now() - start) / 1_000;
    console.log(`5,000 events with 1,000 duplicates: ${seconds.toFixed(3)} s`);
    expect(await node.stats()).toMatchObject({
      received: 5_000,
      unique_processed: 4_000,
      duplicate_dropped: 1_000,
    });
    expect(seconds).toBeLessThan(1);
  });

  test("GET /stats needs no body and no parameter", async () => {
    await using node = await NodeProcess.start();
    expect(await node.stats()).toMatchObject({ received: 0, topics: {}, topic_count: 0 });
  });
});

describe("the second: processed once, and remembered", () => {
  test("an event is processed once however often and however concurrently it is sent", async () => {
    await using node = await NodeProcess.start();
    const event = { topic: "orders", event_id: "once" };
    await Promise.all(Array.from({ length: 200 }, () => node.publish([event, event])));
    expect(await node.stats()).toMatchObject({ received: 400, unique_processed: 1, duplicate_dropped: 399 });
    expect((await node.page("?topic=orders")).events).toHaveLength(1);
  });

  test("the same id on two topics is two events", async () => {
    await using node = await NodeProcess.start();
    await node.publish([
      { topic: "a", event_id: "1" },
      { topic: "b", event_id: "1" },
    ]);
    expect(await node.stats()).toMatchObject({ unique_processed: 2, duplicate_dropped: 0 });
  });

  test("a restart forgets nothing and processes nothing again", async () => {
    using data = new TempFolder();
    const events = workload(50, 0);
    {
      await using node = await NodeProcess.start({ data: data.path });
      await node.publish(events);
      expect(await node.stop()).toBe(0);
    }
    await using node = await NodeProcess.start({ data: data.path });
    expect(await node.publish(events)).toMatchObject({
      received: 50,
      unique_processed: 0,
      duplicate_dropped: 50,
    });
    expect(await node.stats()).toMatchObject({ received: 100, unique_processed: 50, duplicate_dropped: 50 });
  });

  test("GET /events?topic= lists a topic's unique events", async () => {
    await using node = await NodeProcess.start();
    await node.publish(workload(20, 20, 2));
    const { events } = await node.page("?topic=t1");
    expect(events.map(({ event_id }) => event_id)).toEqual(
      Array.from({ length: 10 }, (_, i) => `evt-${2 * i + 1}`),
    );
  });

  test("the port is 8080 unless told otherwise, and the docs are at /docs", async () => {
    const { stdout } = await runToExit(["serve", "--help"]);
    expect(stdout).toMatch(/--port\b.*\[8080\]/);
    await using node = await NodeProcess.start();
    expect(await node.getText("/docs")).toContain("swagger");
  });

  test("a publisher service can wait until the node is healthy, and check what was counted", async () => {
    await using node = await NodeProcess.start();
    expect(await runToExit(["healthcheck", "--url", node.url])).toMatchObject({ exitCode: 0 });
    const load = await runToExit(["bench", "--url", node.url, "--events", "5000", "--duplicates", "1000"]);
    expect(load).toMatchObject({ exitCode: 0 });
    expect(load.stdout).toContain("exact");
  });
});

describe("the third: one event, one transaction", () => {
  test("a single event says whether it was a duplicate", async () => {
    await using node = await NodeProcess.start();
    const event = {
      topic: "orders",
      event_id: "1",
      timestamp: "2026-01-01T00:00:00Z",
      source: "s",
      payload: {},
    };
    expect(await node.publish(event)).toMatchObject({ status: "processed", is_duplicate: false });
    expect(await node.publish(event)).toMatchObject({ status: "duplicate", is_duplicate: true });
  });

  test("ten parallel sends of one event give exactly one that is no duplicate", async () => {
    await using node = await NodeProcess.start();
    const sends = Array.from({ length: 10 }, () => node.publish({ topic: "orders", event_id: "race" }));
    const answers: Acceptance[] = await Promise.all(sends);
    expect(answers.filter(({ is_duplicate }) => is_duplicate === false)).toHaveLength(1);
    expect(new Set(answers.map(({ seq }) => seq)).size).toBe(1);
  });

  test("events and counters are in one transaction", async () => {
    using data = new TempFolder();
    await using node = await NodeProcess.start({ data: data.path });
    const publishing = Promise.allSettled(Array.from({ length: 50 }, (_, i) => node.publish(workload(i, i))));
    using db = new Database(join(data.path, "onefold.db"), { readonly: true });
    const look = db.prepare<{ rows: number; counted: number }, []>(
      "SELECT (SELECT count(*) FROM events) AS rows, (SELECT coalesce(sum(unique_processed), 0) FROM counters) AS counted",
    );
    for (let i = 0; i < 50; i++) {
      const { rows, counted } = look.get()!;
      expect(rows).toBe(counted);
      await Bun.sleep(0);
    }
    await publishing;
  });

  test.each([
    ["an empty topic", { topic: "", event_id: "1" }],
    ["a timestamp that is none", { topic: "orders", event_id: "1", timestamp: "invalid-timestamp" }],
  ])("%s is 422", async (_, event) => {
    await using node = await NodeProcess.start();
    expect((await node.post(event)).status).toBe(422);
  });

  test("/health has a status and the uptime, /events has count, topic and events", async () => {
    await using node = await NodeProcess.start();
    await node.publish({ topic: "orders", event_id: "1" });
    const health = JSON.parse(await node.getText("/health")) as Record<string, unknown>;
    expect(health).toMatchObject({ status: "healthy", uptime_seconds: expect.any(Number) });
    expect(await node.page("?topic=orders")).toMatchObject({
      count: 1,
      topic: "orders",
      events: [{ event_id: "1" }],
    });
  });

  test("20,000 events, 30 % duplicates, at 500/s for 40 s: no failure", async () => {
    await using node = await NodeProcess.start();
    const batches = [...batchesOf(workload(14_000, 6_000), 50)];
    const start = performance.now();
    for (const [i, batch] of batches.entries()) {
      await Bun.sleep(Math.max(0, start + i * 100 - performance.now()));
      await node.publish(batch);
    }
    expect(await node.stats()).toMatchObject({
      received: 20_000,
      unique_processed: 14_000,
      duplicate_dropped: 6_000,
    });
  });
});

describe("the fourth: totals, and how they are spread", () => {
  test("one GET /stats has the totals and their distribution over topics", async () => {
    await using node = await NodeProcess.start();
    await node.publish(workload(9, 3, 3));
    const { topics, ...totals } = await node.stats();
    expect(totals).toMatchObject({ received: 12, unique_processed: 9, duplicate_dropped: 3, topic_count: 3 });
    expect(Object.values(topics).map(({ received }) => received)).toEqual([4, 4, 4]);
  });

  test("a subscriber is told without asking", async () => {
    await using node = await NodeProcess.start();
    using socket = await TestSocket.open(`${node.wsUrl}/ws/stats?interval=20`);
    expect(JSON.parse(await socket.nextText())).toMatchObject({ type: "snapshot", received: 0 });
    await node.publish(workload(3, 0));
    expect(JSON.parse(await socket.nextText())).toMatchObject({ type: "delta", received: 3 });
  });
});

test("the fifth: a list of bare events is accepted, and counted by the names everybody uses", async () => {
  await using node = await NodeProcess.start();
  const answer = await node.publish([
    { id: "evt-1", payload: { value: 100 } },
    { id: "evt-2", payload: { value: 200 } },
  ]);
  expect(answer).toMatchObject({ status: "accepted", count: 2 });
  expect(await node.stats()).toMatchObject({ received: 2, unique_processed: 2, duplicate_dropped: 0 });
});
