/** POST /publish: what is accepted, in every form, and what the answer says. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { countersOf } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

/** The longest topic and id: 255 code points, each of two UTF-16 units. */
const LONGEST = "𝄞".repeat(255);

describe("one event", () => {
  test("is processed once and says so", async () => {
    const first = await node.publish({ topic: "one", event_id: "a", payload: { n: 1 } });
    expect(first).toEqual({
      status: "processed",
      count: 1,
      received: 1,
      unique_processed: 1,
      duplicate_dropped: 0,
      conflicts: 0,
      is_duplicate: false,
      topic: "one",
      event_id: "a",
      seq: expect.any(Number),
    });
    const again = await node.publish({ topic: "one", event_id: "a", payload: { n: 1 } });
    expect(again).toEqual({
      ...first,
      status: "duplicate",
      unique_processed: 0,
      duplicate_dropped: 1,
      is_duplicate: true,
    });
  });

  test("may be given by `id`, goes to `default`, and needs nothing else", async () => {
    const answer = await node.publish({ id: "alias" });
    expect(answer).toMatchObject({ status: "processed", topic: "default", event_id: "alias" });
    const stored = await node.find("default", "alias");
    expect(stored).toMatchObject({ topic: "default", event_id: "alias", payload: null, source: null });
    expect(stored!.timestamp).toBe(stored!.received_at);
    expect(new Date(stored!.received_at).toISOString()).toBe(stored!.received_at);
  });

  test("with the same id in another topic is another event", async () => {
    expect(await node.publish({ topic: "left", event_id: "same" })).toMatchObject({ status: "processed" });
    expect(await node.publish({ topic: "right", event_id: "same" })).toMatchObject({ status: "processed" });
  });

  test("in a list is answered as a list", async () => {
    const answer = await node.publish([{ event_id: "list of one" }]);
    expect(answer.status).toBe("accepted");
    for (const member of ["is_duplicate", "topic", "event_id", "seq", "results"])
      expect(answer).not.toHaveProperty(member);
  });
});

describe("identities are kept as they are", () => {
  test.each([
    ["a.b/c-d_e:f@g", "a.b/c-d_e:f@g"],
    ["заказы", "событие № 1 с пробелами"],
    ["注文", "🎉 emoji, commas * and stars"],
    ["__proto__", "constructor"],
    [LONGEST, LONGEST],
  ])("topic %p, id %p", async (topic, eventId) => {
    const answer = await node.publish({ topic, event_id: eventId, payload: eventId });
    expect(answer).toMatchObject({ status: "processed", topic, event_id: eventId });
    expect(await node.find(topic, eventId)).toMatchObject({ topic, event_id: eventId, payload: eventId });
  });

  test("neither case, white space nor Unicode normalisation makes two ids one", async () => {
    const ids = ["cafe\u0301", "caf\u00e9", "CAFÉ", " café", "café ", "ＣＡＦＥ", "cafe"];
    const answer = await node.publish(ids.map((event_id) => ({ topic: "exact-ids", event_id })));
    expect(answer).toMatchObject({
      received: ids.length,
      unique_processed: ids.length,
      duplicate_dropped: 0,
    });
  });
});

describe("timestamps come back as they were sent", () => {
  test.each([
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.123456789Z",
    "2026-01-31T12:00:00+05:30",
    "2026-01-31T12:00:00-0800",
    "2026-01-31T12:00:00",
    "2026-01-31",
    "2024-02-29",
  ])("%p", async (timestamp) => {
    await node.publish({ topic: "times", event_id: timestamp, timestamp, source: "clock" });
    expect(await node.find("times", timestamp)).toMatchObject({ timestamp, source: "clock" });
  });
});

describe("a batch", () => {
  test("may be an array or an object with `events`, and says what became of it", async () => {
    const events = [
      { topic: "batch", event_id: "1", payload: 1 },
      { topic: "batch", event_id: "1", payload: 1 },
      { topic: "batch", event_id: "2", payload: 2 },
    ];
    const first = await node.publish(events);
    expect(first).toEqual({
      status: "accepted",
      count: 3,
      received: 3,
      unique_processed: 2,
      duplicate_dropped: 1,
      conflicts: 0,
    });
    const again = await node.publish({ events });
    expect(again).toEqual({ ...first, unique_processed: 0, duplicate_dropped: 3 });
  });

  test("that is empty is accepted with zeros and leaves the revision alone", async () => {
    const { revision } = await node.stats();
    for (const body of [[], { events: [] }]) {
      expect(await node.publish(body)).toEqual({
        status: "accepted",
        count: 0,
        received: 0,
        unique_processed: 0,
        duplicate_dropped: 0,
        conflicts: 0,
      });
    }
    expect((await node.stats()).revision).toBe(revision);
  });

  test("gets ascending seq in its order, and a duplicate the first arrival's", async () => {
    const ids = ["x", "y", "x", "z", "y"];
    const { results } = await node.publish(
      ids.map((event_id) => ({ topic: "order", event_id })),
      "?results=true",
    );
    const [x, y, x2, z, y2] = results!.map(({ seq }) => seq);
    expect([y, z]).toEqual([x! + 1, x! + 2]);
    expect([x2, y2]).toEqual([x!, y!]);
  });

  test("of 10,000 events, the most there may be, is taken whole", async () => {
    const events = Array.from({ length: 10_000 }, (_, i) => ({ topic: "large", event_id: String(i) }));
    expect(await node.publish(events)).toMatchObject({ count: 10_000, unique_processed: 10_000 });
  });
});

describe("results", () => {
  test("name every event in order with its status, seq and first arrival", async () => {
    const first = await node.publish({ topic: "results", event_id: "old", payload: { a: 1 } });
    const stored = await node.find("results", "old");
    const { results } = await node.publish(
      [
        { topic: "results", event_id: "new" },
        { topic: "results", event_id: "old", payload: { a: 1 } },
        { topic: "results", event_id: "old", payload: { a: 2 } },
      ],
      "?results=true",
    );
    const old = {
      event_id: "old",
      topic: "results",
      seq: first.seq!,
      first_received_at: stored!.received_at,
    };
    expect(results).toEqual([
      {
        event_id: "new",
        topic: "results",
        status: "processed",
        seq: expect.any(Number),
        first_received_at: expect.any(String),
      },
      { ...old, status: "duplicate" },
      { ...old, status: "conflict" },
    ]);
  });

  test("come along for one event too, and never unasked", async () => {
    const event = { topic: "results", event_id: "single" };
    const { results, seq } = await node.publish(event, "?results=true");
    expect(results).toEqual([expect.objectContaining({ status: "processed", seq })]);
    expect(await node.publish(event, "?results=false")).not.toHaveProperty("results");
    expect(await node.publish(event)).not.toHaveProperty("results");
  });
});

describe("a conflict", () => {
  test("is counted as a duplicate and a conflict and never stored over the first", async () => {
    await node.publish({ topic: "conflict", event_id: "c", payload: { kept: true } });
    const second = await node.publish({ topic: "conflict", event_id: "c", payload: { kept: false } });
    expect(second).toMatchObject({ status: "duplicate", duplicate_dropped: 1, conflicts: 1 });
    expect(await node.find("conflict", "c")).toMatchObject({ payload: { kept: true } });
    expect(countersOf((await node.stats("?topic=conflict")).topics.conflict!)).toEqual({
      received: 2,
      unique_processed: 1,
      duplicate_dropped: 1,
      conflicts: 1,
    });
  });

  test("is also seen within one batch", async () => {
    const events = [1, 2, 1].map((payload) => ({ topic: "conflict", event_id: "in batch", payload }));
    expect(await node.publish(events)).toMatchObject({
      unique_processed: 1,
      duplicate_dropped: 2,
      conflicts: 1,
    });
  });

  test("is not made by another timestamp or source", async () => {
    const event = { topic: "conflict", event_id: "metadata", payload: 1 };
    await node.publish({ ...event, timestamp: "2026-01-01", source: "a" });
    const again = await node.publish({ ...event, timestamp: "2027-01-01", source: "b" });
    expect(again).toMatchObject({ duplicate_dropped: 1, conflicts: 0 });
    expect(await node.find("conflict", "metadata")).toMatchObject({ timestamp: "2026-01-01", source: "a" });
  });
});

describe("content types and encodings", () => {
  test.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; q=1 ; charset=UTF-8",
  ])("%p is JSON", async (type) => {
    const response = await node.post({ event_id: `type ${type}` }, { headers: { "content-type": type } });
    expect(response.status).toBe(200);
  });

  test.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
    ["GZIP", gzipSync],
  ] as const)("a body in %s is taken", async (encoding, compress) => {
    const body = compress(
      JSON.stringify({ topic: "encoded", event_id: encoding, payload: "ж".repeat(10_000) }),
    );
    const response = await node.post(new Uint8Array(body), { headers: { "content-encoding": encoding } });
    expect(response.status).toBe(200);
    expect((await node.find("encoded", encoding))!.payload).toBe("ж".repeat(10_000));
  });
});

test("an answer is JSON, and a read that follows it sees the event", async () => {
  for (let i = 0; i < 50; i++) {
    const response = await node.post({ topic: "read-your-writes", event_id: String(i) });
    expect(response.headers.get("content-type")).toBe("application/json");
    await response.text();
    expect(await node.find("read-your-writes", String(i))).toBeDefined();
    expect((await node.stats("?topic=read-your-writes")).received).toBe(i + 1);
    expect((await node.page("?topic=read-your-writes&order=desc&limit=1")).events[0]!.event_id).toBe(
      String(i),
    );
  }
});
