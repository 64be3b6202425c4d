/** What every `EventStore` guarantees, as tests: one suite, run against each implementation of it. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Counters, type EventRecord, EventStatus, zeroCounters } from "../../../src/events/event.ts";
import type { AppendResult, EventStore, StoreContents } from "../../../src/storage/event-store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import { describeAnswers } from "./event-store-answers.ts";
import { describeDurability, describeFailures } from "./event-store-failures.ts";
import {
  rowsByTopic,
  type StoreBench,
  type Suite,
  statusesOf,
  type Verdict,
  verdictsOf,
} from "./store-bench.ts";

const { processed, duplicate, conflict } = EventStatus;

/** @param largestBatch events in the largest batch that is tried. */
export function describeEventStore(name: string, makeBench: () => StoreBench, largestBatch = 20_000): void {
  let bench: StoreBench;
  let store: EventStore;
  let now = 1_000;

  const append = (...events: EventRecord[]): AppendResult => store.append({ events, receivedAt: now });
  const verdict = (event: EventRecord): Verdict => verdictsOf(append(event), 1)[0]!;
  const restart = (): StoreContents => {
    store = bench.restart();
    return store.open();
  };

  beforeEach(() => {
    bench = makeBench();
    now = 1_000;
    restart();
  });
  afterEach(() => {
    store.close();
    bench[Symbol.dispose]();
  });
  const suite: Suite = {
    bench: () => bench,
    store: () => store,
    append,
    verdict,
    restart,
    setNow: (at) => (now = at),
  };

  describe(name, () => {
    describe("exact", () => {
      describeKeys(suite);
      describePayloads(suite);
      describeRandomBatches(suite);
    });
    describe("ordered", () => describeOrder(suite, largestBatch));
    describe("counted", () => describeCounters(suite));
    describe("atomic and clean", () => describeFailures(suite));
    describe("answered", () => describeAnswers(suite));
    describe("durable", () => describeDurability(suite));
  });
}

function describeKeys({ append, verdict, restart, store, bench, setNow }: Suite): void {
  test("the first arrival wins, every later one is a duplicate that names it", () => {
    expect(verdict(eventRecord("a"))).toEqual({ status: processed, seq: 1, at: 1_000 });
    setNow(2_000);
    expect(verdict(eventRecord("a"))).toEqual({ status: duplicate, seq: 1, at: 1_000 });
    restart();
    expect(verdict(eventRecord("a"))).toEqual({ status: duplicate, seq: 1, at: 1_000 });
    expect(bench().rows()).toHaveLength(1);
  });

  test("the same within one batch", () => {
    append(eventRecord("x"));
    const batch = [eventRecord("a"), eventRecord("b"), eventRecord("a"), eventRecord("x"), eventRecord("a")];
    expect(verdictsOf(append(...batch), 5)).toEqual([
      { status: processed, seq: 2, at: 1_000 },
      { status: processed, seq: 3, at: 1_000 },
      { status: duplicate, seq: 2, at: 1_000 },
      { status: duplicate, seq: 1, at: 1_000 },
      { status: duplicate, seq: 2, at: 1_000 },
    ]);
  });

  test("a topic, a scope or an id that differs is another key, wherever their boundary lies", () => {
    const keys = ["a", "b", "ab", "", "A", "é", "e\u0301", "世"];
    const events = keys.flatMap((topic) =>
      ["", "a", "b", "世"].flatMap((scope) =>
        keys.map((id) => eventRecord(`i${id}`, { topic: `t${topic}`, scope })),
      ),
    );
    expect(new Set(statusesOf(append(...events), events.length))).toEqual(new Set([processed]));
    expect(new Set(statusesOf(append(...events), events.length))).toEqual(new Set([duplicate]));
    restart();
    expect(new Set(statusesOf(append(...events), events.length))).toEqual(new Set([duplicate]));
  });

  test("the rows that may hold a key include its own, and there are none for a topic that is not there", () => {
    append(eventRecord("a"), eventRecord("b"), eventRecord("b", { scope: "s" }));
    for (const [eventId, scope, seq] of [
      ["a", "", 1],
      ["b", "", 2],
      ["b", "s", 3],
    ] as const) {
      expect(store().locate("orders", scope, eventId)).toContain(seq);
    }
    expect(store().locate("elsewhere", "", "a")).toEqual([]);
  });
}

function describePayloads({ append, verdict, restart, bench }: Suite): void {
  test("a payload that differs in value makes a conflict, and is never stored over the first", () => {
    append(eventRecord("a", { payload: '{"x":1,"y":[2]}' }));
    const arrivals = ['{"y":[2.0],"x":1}', '{"x":1}', '{"x":1,"y":[2]}', '{"x":1,"y":[3]}'];
    const statuses = (): number[] =>
      statusesOf(append(...arrivals.map((payload) => eventRecord("a", { payload }))), 4);
    expect(statuses()).toEqual([duplicate, conflict, duplicate, conflict]);
    restart();
    expect(statuses()).toEqual([duplicate, conflict, duplicate, conflict]);
    expect(
      bench()
        .rows()
        .map(({ payload }) => payload),
    ).toEqual(['{"x":1,"y":[2]}']);
  });

  test("numbers are compared exactly, also when they are the whole payload", () => {
    append(eventRecord("a", { payload: "12345678901234567890" }));
    expect(verdict(eventRecord("a", { payload: "12345678901234567891" })).status).toBe(conflict);
    expect(verdict(eventRecord("a", { payload: "12345678901234567890.0" })).status).toBe(duplicate);
  });

  test("a conflict within one batch is against the first arrival, not the last", () => {
    const batch = ["1", "2", "1"].map((payload) => eventRecord("a", { payload }));
    expect(statusesOf(append(...batch), 3)).toEqual([processed, conflict, duplicate]);
  });

  test("other fields that differ make no conflict", () => {
    append(eventRecord("a", { source: "one", timestamp: "2026-01-01" }));
    expect(verdict(eventRecord("a", { source: "two" })).status).toBe(duplicate);
  });
}

function describeRandomBatches({ append, restart, setNow }: Suite): void {
  test("it decides as a plain map does, over random batches and restarts", () => {
    const random = SeededRandom.printed("event store against a map");
    const model = new Map<string, Verdict & { payload: string }>();
    let count = 0;
    for (let round = 0; round < 40; round++) {
      if (random.below(10) === 0) restart();
      const events = Array.from({ length: random.below(30) }, () =>
        eventRecord(`e${random.below(60)}`, {
          topic: `t${random.below(3)}`,
          payload: String(random.below(2)),
        }),
      );
      setNow(1_000 + round);
      const expected = events.map(({ topic, eventId, payload }) => {
        const key = `${topic} ${eventId}`;
        const first = model.get(key);
        if (first === undefined)
          model.set(key, { status: processed, seq: ++count, at: 1_000 + round, payload });
        const { status, seq, at } = first ?? model.get(key)!;
        if (first === undefined) return { status, seq, at };
        return { status: first.payload === payload ? duplicate : conflict, seq, at };
      });
      expect({ seed: random.seed, verdicts: verdictsOf(append(...events), events.length) }).toEqual({
        seed: random.seed,
        verdicts: expected,
      });
    }
  });
}

function describeOrder({ append, verdict, restart, bench, setNow }: Suite, largestBatch: number): void {
  test("sequence numbers ascend without gaps, over batches and restarts; a duplicate takes none", () => {
    append(...eventRecords(3, "a"));
    append(eventRecord("a0"), eventRecord("b"), eventRecord("a1"), eventRecord("c"));
    restart();
    append(eventRecord("d"));
    expect(
      bench()
        .rows()
        .map(({ seq, eventId }) => `${seq} ${eventId}`),
    ).toEqual(["1 a0", "2 a1", "3 a2", "4 b", "5 c", "6 d"]);
  });

  test("the time of receipt never goes backwards, whatever the clock does", () => {
    setNow(5_000);
    append(eventRecord("a"));
    setNow(4_000);
    expect(verdict(eventRecord("b")).at).toBe(5_000);
    setNow(6_000);
    append(eventRecord("a"));
    setNow(1_000);
    restart();
    expect(append(eventRecord("c")).increments.at).toBe(6_000);
  });

  test("a batch may be larger than any before it", () => {
    for (const size of [10, largestBatch / 10, largestBatch]) {
      const events = eventRecords(size, `${size}-`);
      const verdicts = verdictsOf(append(...events), size);
      expect(verdicts.filter(({ status }) => status !== processed)).toEqual([]);
      expect(verdicts.at(-1)!.seq - verdicts[0]!.seq).toBe(size - 1);
    }
  });
}

function describeCounters({ append, restart, store, bench, setNow }: Suite): void {
  const on = (topic: string, id: string, payload = "1"): EventRecord => eventRecord(id, { topic, payload });

  test("a commit says what it added to each topic, and which topics are new", () => {
    const first = append(on("a", "1"), on("b", "1"), on("a", "1"), on("a", "2"), on("a", "1", "2"));
    expect(first.increments.newTopics).toEqual(["a", "b"]);
    expect(rowsByTopic(first)).toEqual({ 1: [4, 2, 2, 1], 2: [1, 1, 0, 0] });
    const second = append(on("c", "1"), on("b", "1"));
    expect(second.increments.newTopics).toEqual(["c"]);
    expect(rowsByTopic(second)).toEqual({ 2: [1, 0, 1, 0], 3: [1, 1, 0, 0] });
    expect(first.increments.newTopics).toEqual(["a", "b"]);
  });

  test("what is stored is the sum of what the commits said, and equals the rows", () => {
    const sums = new Map<number, number[]>();
    for (let round = 0; round < 20; round++) {
      setNow(1_000 + round);
      const events = Array.from({ length: 100 }, (_, i) =>
        on(`t${(i * round) % 7}`, String((i * i) % 60), String(i % 3)),
      );
      for (const [topicId, row] of Object.entries(rowsByTopic(append(...events)))) {
        const sum = sums.get(Number(topicId)) ?? [0, 0, 0, 0];
        sums.set(
          Number(topicId),
          sum.map((value, i) => value + row[i]!),
        );
      }
    }
    const { topics, events } = restart();
    const rows = bench().rows();
    expect(events).toBe(rows.length);
    for (const [i, topic] of topics.entries()) {
      const { received, unique_processed, duplicate_dropped, conflicts } = topic;
      expect([received, unique_processed, duplicate_dropped, conflicts]).toEqual(sums.get(i + 1)!);
      expect(received).toBe(unique_processed + duplicate_dropped);
      expect(unique_processed).toBe(rows.filter((row) => row.topic === topic.name).length);
    }
  });

  test("topics keep their numbers and their first and last time", () => {
    append(on("b", "1"));
    setNow(2_000);
    append(on("a", "1"), on("b", "1"));
    expect(store().topicCount).toBe(2);
    expect([store().hasTopic("a"), store().hasTopic("c")]).toEqual([true, false]);
    const one: Counters = { ...zeroCounters(), received: 1, unique_processed: 1 };
    const { topics } = restart();
    expect(topics.map(({ name, firstAt, lastAt }) => [name, firstAt, lastAt])).toEqual([
      ["b", 1_000, 2_000],
      ["a", 2_000, 2_000],
    ]);
    expect(topics[1]).toMatchObject(one);
    expect(append(on("c", "1")).increments.rows[0]).toBe(3);
  });
}
