/** GET /events and GET /events/{topic}/{event_id}: what was stored comes back, in order, page by page. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem, type StoredEvent } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const TOPICS = ["red", "green", "blue"] as const;
const EVENTS = 500;

let node: NodeProcess;
/** The `received_at` of an event that was received later than all before it. */
let boundary: StoredEvent;
beforeAll(async () => {
  node = await NodeProcess.start();
  const event = (i: number) => ({
    topic: TOPICS[i % 3],
    event_id: `e${i}`,
    source: i % 2 === 0 ? "even" : "odd",
    payload: i,
  });
  await node.publish(Array.from({ length: EVENTS / 2 }, (_, i) => event(i)));
  // Until the clock has moved on: an event in between that belongs to no colour.
  const last = (await node.page("?order=desc&limit=1")).events[0]!;
  for (let i = 0; boundary === undefined || boundary.received_at === last.received_at; i++) {
    await node.publish({ topic: "between", event_id: String(i) });
    boundary = (await node.find("between", String(i)))!;
  }
  await node.publish(Array.from({ length: EVENTS / 2 }, (_, i) => event(EVENTS / 2 + i)));
});
afterAll(() => node[Symbol.asyncDispose]());

/** All pages of a query. */
async function readAll(query: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let after = "";
  for (;;) {
    const page = await node.page(`?${query}${after}`);
    expect(page.count).toBe(page.events.length);
    events.push(...page.events);
    if (page.next === null) return events;
    expect(page.next).toBeString();
    after = `&after=${page.next}`;
  }
}

const payloads = (events: readonly StoredEvent[]): unknown[] => events.map(({ payload }) => payload);
const numbers = Array.from({ length: EVENTS }, (_, i) => i);

describe("pages", () => {
  test("hold 100 events, the oldest first, with every field", async () => {
    const page = await node.page();
    expect(page).toMatchObject({ count: 100, topic: null, next: expect.any(String) });
    const first: unknown = page.events[0];
    expect(first).toEqual({
      seq: 1,
      topic: "red",
      event_id: "e0",
      timestamp: expect.any(String),
      source: "even",
      payload: 0,
      received_at: expect.any(String),
    });
    expect(payloads(page.events)).toEqual(numbers.slice(0, 100));
  });

  test.each([1, 7, 100, 10_000])(
    "of %d, one after the other, tell every event once and in order",
    async (limit) => {
      for (const topic of TOPICS) {
        const expected = numbers.filter((i) => TOPICS[i % 3] === topic);
        if (limit === 1 && topic !== "red") continue;
        expect(payloads(await readAll(`topic=${topic}&limit=${limit}`))).toEqual(expected);
        expect(payloads(await readAll(`topic=${topic}&limit=${limit}&order=desc`))).toEqual(
          expected.toReversed(),
        );
      }
    },
  );

  test("go over all topics in the order of arrival", async () => {
    const events = await readAll("limit=99");
    expect(payloads(events.filter(({ topic }) => topic !== "between"))).toEqual(numbers);
    const seqs = events.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(await readAll("limit=99&order=desc")).toEqual(events.toReversed());
  });

  test("go on after a seq, in both directions", async () => {
    const { seq } = (await node.find("blue", "e50"))!;
    expect(payloads((await node.page(`?topic=blue&after=${seq}&limit=2`)).events)).toEqual([53, 56]);
    expect(payloads((await node.page(`?topic=blue&after=${seq}&limit=2&order=desc`)).events)).toEqual([
      47, 44,
    ]);
  });

  test("say which topic they are of, and are empty for one that is not there", async () => {
    expect(await node.page("?topic=red&limit=1")).toMatchObject({ topic: "red", count: 1 });
    expect(await node.page("?topic=ultraviolet")).toEqual({
      events: [],
      count: 0,
      topic: "ultraviolet",
      next: null,
    });
    expect(await node.page("?after=999999999")).toMatchObject({ events: [], next: null });
  });
});

describe("filters", () => {
  test("by source", async () => {
    const even = await readAll("source=even&limit=10");
    expect(payloads(even)).toEqual(numbers.filter((i) => i % 2 === 0));
    expect(await readAll("source=nobody")).toEqual([]);
    expect(payloads(await readAll("source=odd&topic=red&limit=10"))).toEqual(
      numbers.filter((i) => i % 6 === 3),
    );
  });

  test.each([
    "2016-12-31T23:59:60Z",
    "2020-01-01T00:00:00+05",
    "2020-01-01 00:00-0530",
    "2020-01-01T00:00:00,5",
  ])("by time of receipt: %s is long ago", async (time) => {
    const [{ count: since }, { count: until }] = await Promise.all([
      node.page(`?limit=1&since=${encodeURIComponent(time)}`),
      node.page(`?limit=1&until=${encodeURIComponent(time)}`),
    ]);
    expect([since, until]).toEqual([1, 0]);
  });

  test("by time of receipt: `since` is inclusive, `until` is not", async () => {
    const at = encodeURIComponent(boundary.received_at);
    const since = (await readAll(`since=${at}&limit=77`)).filter(({ topic }) => topic !== "between");
    const until = (await readAll(`until=${at}&limit=77`)).filter(({ topic }) => topic !== "between");
    expect(payloads([...until, ...since])).toEqual(numbers);
    expect(payloads(until)).toEqual(numbers.slice(0, EVENTS / 2));
    expect((await readAll(`since=${at}`)).map(({ seq }) => seq)).toContain(boundary.seq);
    expect((await readAll(`until=${at}`)).map(({ seq }) => seq)).not.toContain(boundary.seq);
    expect(await readAll(`since=${at}&until=${at}`)).toEqual([]);
  });

  test("take times in any zone, and without one as UTC", async () => {
    const at = new Date(boundary.received_at);
    const withoutZone = boundary.received_at.slice(0, -1);
    const elsewhere = `${new Date(at.getTime() + 5.5 * 3_600_000).toISOString().slice(0, -1)}+05:30`;
    const expected = await readAll(`since=${at.toISOString()}`);
    for (const time of [withoutZone, elsewhere, withoutZone.replace("T", " ")])
      expect(await readAll(`since=${encodeURIComponent(time)}`)).toEqual(expected);
    expect(await readAll("until=2000-01-01")).toEqual([]);
    expect((await readAll("since=2000-01-01&topic=between")).length).toBeGreaterThan(0);
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=10001", "limit"],
    ["limit=ten", "limit"],
    ["after=-1", "after"],
    ["after=x", "after"],
    ["order=up", "order"],
    ["topic=a*", "topic"],
    ["topic=", "topic"],
    ["topic=%ff", "topic"],
    ["limit=1&source=100%", "source"],
    ["since=yesterday", "since"],
    ["until=31-12-2024", "until"],
    ["topics=red", "topics"],
    ["topic=red&topic=blue", "topic"],
  ])("%s is 422 and names the parameter", async (query, name) => {
    const response = await fetch(`${node.url}/events?${query}`);
    const problem = await expectProblem(response, { status: 422, code: "invalid_parameter" });
    expect(problem.errors!.map(({ pointer }) => pointer)).toContain(name);
  });
});

describe("one event by its key", () => {
  test.each([
    ["a/b/c", "x/y"],
    ["заказы.новые", "№ 1"],
    ["🎉", "🎉 👩‍👩‍👧"],
    ["percent%2Ftopic", "100 %"],
    ["percent%2Ftopic", "%2e%2e%2f"],
    ["dots", "..."],
    ["query", "a?b=c&d#e"],
    ["plus", "a+b c"],
    ["back", "\\ \" ' ; | ` $"],
    ["quotes'--", "'; DROP TABLE events; --"],
  ])("topic %p, id %p is found, and nothing like it", async (topic, eventId) => {
    await node.publish({ topic, event_id: eventId, payload: { eventId } });
    expect(await node.find(topic, eventId)).toMatchObject({ topic, event_id: eventId, payload: { eventId } });
    expect(await node.find(topic, `${eventId} `)).toBeUndefined();
    expect(await node.find(`${topic}x`, eventId)).toBeUndefined();
  });

  test("is 404 where there is none, also for keys that cannot be", async () => {
    for (const path of [
      "red/e9999",
      "purple/e1",
      `red/${"x".repeat(300)}`,
      "a%20b/e1",
      "red/a%00b",
      "red/%ff",
      "red/%zz",
    ]) {
      await expectProblem(await fetch(`${node.url}/events/${path}`), { status: 404, code: "not_found" });
    }
  });

  test("is not found under what only decodes to U+FFFD", async () => {
    await node.publish({ topic: "red", event_id: "\ufffd" });
    expect(await node.find("red", "\ufffd")).toMatchObject({ event_id: "\ufffd" });
    for (const id of ["%ff", "%", "%zz", "%ED%A0%80"]) {
      const response = await fetch(`${node.url}/events/red/${id}`);
      await expectProblem(response, { status: 404, code: "not_found" });
    }
  });

  test("is 404 in another scope, and 422 with an unknown parameter", async () => {
    await expectProblem(await fetch(`${node.url}/events/red/e0?scope=s`), { status: 404, code: "not_found" });
    expect((await fetch(`${node.url}/events/red/e0?scope=`)).status).toBe(200);
    const unknown = await fetch(`${node.url}/events/red/e0?scop=s`);
    await expectProblem(unknown, { status: 422, code: "invalid_parameter" });
  });
});

test("a topic among 150,000 events is read page by page in order, through its index and beyond it", async () => {
  await using large = await NodeProcess.start();
  const total = 150_000;
  for (let from = 0; from < total; from += 10_000) {
    await large.publish(
      Array.from({ length: 10_000 }, (_, i) => ({
        topic: (from + i) % 1_000 === 7 ? "rare" : `t${i % 5}`,
        id: `${from + i}`,
      })),
    );
  }
  const seqs: number[] = [];
  let after = "";
  do {
    const page = await large.page(`?topic=rare&limit=40${after}`);
    seqs.push(...page.events.map(({ seq }) => seq));
    after = page.next === null ? "" : `&after=${page.next}`;
  } while (after !== "");
  expect(seqs).toEqual(Array.from({ length: total / 1_000 }, (_, i) => 1_000 * i + 8));
});
