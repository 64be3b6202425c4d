/** What the load sends and what it makes of the answers: percentiles, accounts of threads, the mix, the counts. */

import { describe, expect, test } from "bun:test";
import { CASES, fits, fullCases, type IngestCase, preparationOf } from "../../bench/ingest/cases.ts";
import { EventNumbers } from "../../bench/load/event-numbers.ts";
import { type EventShape, EventText, eventBytesOf, eventFormat } from "../../bench/load/event-text.ts";
import { figuresOf, medianFigures, roundTimes } from "../../bench/load/figures.ts";
import { Latencies } from "../../bench/load/latencies.ts";
import { type CountedStats, faultOfCounts } from "../../bench/onefold-node.ts";
import { parseStat, sumByName, usageBetween } from "../../bench/process-usage.ts";
import { SeededRandom } from "../support/seeded-random.ts";

test("a percentile is the smallest latency that so many do not exceed", () => {
  const latencies = new Latencies();
  const values = SeededRandom.printed("latencies").shuffled(Array.from({ length: 100_000 }, (_, i) => i + 1));
  for (const value of values) latencies.add(value);
  expect(latencies.summary()).toEqual({ p50Ms: 50_000, p99Ms: 99_000, p999Ms: 99_900, maxMs: 100_000 });
  const one = new Latencies();
  one.add(7);
  expect(one.summary()).toEqual({ p50Ms: 7, p99Ms: 7, p999Ms: 7, maxMs: 7 });
});

describe("the account of threads", () => {
  const line = (id: number, name: string, user: number, system: number): string =>
    `${id} (${name}) S 1 2 3 4 5 6 7 8 9 10 ${user} ${system} 0 0 20 0 9 0\n`;

  test("reads names with blanks and parentheses in them", () => {
    expect(parseStat(line(12, "a) S (b c", 150, 50))).toMatchObject({
      id: 12,
      name: "a) S (b c",
      cpuSeconds: 2,
    });
  });

  test("adds up threads of one name, and calls the first one main", () => {
    const threads = [line(9, "onefold", 100, 0), line(10, "JITWorker", 30, 0), line(11, "JITWorker", 20, 0)];
    expect(sumByName(9, threads.map(parseStat))).toEqual({ main: 1, JITWorker: 0.5 });
  });

  test("gives what was used meanwhile, also by threads that are new, and never less than nothing", () => {
    const before = { cpuSeconds: 2, threadCpuSeconds: { main: 1, JITWorker: 0.75, gone: 0.25 } };
    const after = { cpuSeconds: 4, threadCpuSeconds: { main: 2, JITWorker: 0.5, ledger: 0.75 } };
    expect(usageBetween(before, after)).toEqual({
      cpuSeconds: 2,
      threadCpuSeconds: { main: 1, JITWorker: 0, ledger: 0.75 },
    });
  });
});

describe("the mix of events", () => {
  const draw = (count: number, numbers: EventNumbers): number[] =>
    Array.from({ length: count }, numbers.next);

  test.each([0, 20, 100])("has %d %% duplicates, each of one of the latest 1,000", (percent) => {
    const first = 5_000;
    const numbers = new EventNumbers(first, { percent, oldEvents: 0 });
    let known = first;
    let duplicates = 0;
    for (const number of draw(10_000, numbers)) {
      if (number === known) known++;
      else {
        duplicates++;
        expect(number).toBeWithin(known - 1_000, known);
      }
    }
    expect(duplicates).toBe(percent * 100);
    expect({ received: numbers.received, unique: numbers.unique }).toEqual({
      received: 10_000,
      unique: 10_000 - duplicates,
    });
  });

  test("takes old duplicates from all of the old events and from nothing else", () => {
    const drawn = draw(20_000, new EventNumbers(1_000, { percent: 100, oldEvents: 100 }));
    expect(new Set(drawn).size).toBe(100);
    expect(Math.max(...drawn)).toBe(99);
  });

  test("begins with a new event where nothing is known", () => {
    expect(draw(3, new EventNumbers(0, { percent: 100, oldEvents: 0 }))).toEqual([0, 0, 0]);
  });
});

describe.each<EventShape>([
  { topics: 8, payload: "small" },
  { topics: 10_000, payload: "small" },
  { topics: 1_000, payload: "large" },
])("an event of $topics topics, $payload", (shape) => {
  test("is JSON of fixed size, the same for the same number, evenly over the topics", () => {
    const text = new EventText(2, { head: "[", tail: "]" }, shape);
    let number = 0;
    const topics = new Set<string>();
    for (let i = 0; i < shape.topics; i++) {
      const bytes = text.write(() => number++ >> 1);
      const [a, b] = JSON.parse(bytes.toString()) as { topic: string; event_id: string }[];
      expect(a).toEqual(b!);
      topics.add(a!.topic);
    }
    expect(topics.size).toBe(shape.topics);
    expect(text.byteLength).toBe(2 * eventBytesOf(shape) + 3);
  });

  test("is the same to the byte from a client that only has its format", () => {
    const number = 123_456_789_012;
    const digits = [number % shape.topics, number, number % 1e3, number % 1e9];
    const printed = eventFormat(shape).replace(/%0(\d+)d/g, (_, width) =>
      String(digits.shift()).padStart(Number(width), "0"),
    );
    const text = new EventText(1, { head: "", tail: "" }, shape);
    expect(printed).toBe(text.write(() => number).toString());
  });
});

test("a small event has 203 bytes, a large one 10 kB", () => {
  expect(eventBytesOf({ topics: 8, payload: "small" })).toBe(203);
  expect(eventBytesOf({ topics: 8, payload: "large" })).toBeWithin(10_000, 11_000);
});

describe("the cases of ingest", () => {
  const key = (ingestCase: IngestCase): string => JSON.stringify(Object.entries(ingestCase).sort());

  test("are all different, fit a node, and are among the full ones", () => {
    const full = new Set(fullCases().map(key));
    expect(new Set(CASES.map(key)).size).toBe(CASES.length);
    expect(full.size).toBe(fullCases().length);
    for (const ingestCase of CASES)
      expect({ ingestCase, isKnown: full.has(key(ingestCase)) }).toMatchObject({ isKnown: true });
    expect(CASES.every(fits)).toBe(true);
  });

  test("leave out what a node refuses: too much at once, or too large a body", () => {
    const large = { ...CASES[0]!, client: "wrk", payload: "large" } as const;
    expect(fits({ ...large, eventsPerBatch: 100, inFlight: 16 })).toBe(true);
    expect(fits({ ...large, eventsPerBatch: 100, inFlight: 64 })).toBe(false);
  });

  test("load more before old duplicates than a node keeps in memory, and resend what came first", () => {
    for (const ingestCase of fullCases().filter(({ duplicates }) => duplicates.endsWith("old"))) {
      const { fillEvents, duplicates } = preparationOf(ingestCase);
      const later = fillEvents - duplicates.oldEvents;
      expect(Math.max(later / 65_536, (later * eventBytesOf(ingestCase)) / 2 ** 25)).toBeGreaterThan(1);
    }
  });
});

describe("the counts", () => {
  const sent = { received: 100, unique: 80 };
  const right: CountedStats = {
    received: 100,
    unique_processed: 80,
    duplicate_dropped: 20,
    conflicts: 0,
    rejected: 0,
  };

  test("have one right value each where every answer was awaited", () => {
    expect(faultOfCounts(sent, right)).toBeUndefined();
    for (const name of Object.keys(right) as (keyof CountedStats)[]) {
      expect(faultOfCounts(sent, { ...right, [name]: right[name] + 1 })).toStartWith(
        name === "received" ? name : "",
      );
      expect(faultOfCounts(sent, { ...right, [name]: right[name] - 1 })).toBeString();
    }
  });

  test("may be anything between answered and made where some answers were not awaited, and nothing else", () => {
    const cut = { received: 100, unique: 110, unansweredMax: 10 };
    const of = (received: number, unique: number): string | undefined =>
      faultOfCounts(cut, {
        ...right,
        received,
        unique_processed: unique,
        duplicate_dropped: received - unique,
      });
    expect([of(100, 100), of(110, 110), of(104, 104)]).toEqual([undefined, undefined, undefined]);
    expect(of(99, 99)).toStartWith("received");
    expect(of(111, 110)).toStartWith("received");
    expect(of(104, 103)).toStartWith("unique_processed");
  });
});

test("figures are per event, and their medians per figure", () => {
  const ack = { p50Ms: 1, p99Ms: 2, p999Ms: 3, maxMs: 4 };
  const of = (events: number, threads: Record<string, number>): ReturnType<typeof figuresOf> =>
    figuresOf({
      sent: { received: events, unique: events, unansweredMax: 0 },
      events,
      seconds: 2,
      ack,
      serverCpuSeconds: 1,
      serverThreadCpuSeconds: threads,
      serverResidentBytes: 5,
      loadCpuSeconds: 0.5,
    });
  const medians = medianFigures([
    of(1_000, { main: 1 }),
    of(4_000, { main: 0.4, ledger: 0.4 }),
    of(2_000, { ledger: 1 }),
  ]);
  expect(medians).toEqual({
    eventsPerSecond: 1_000,
    ack,
    serverCpuMicrosecondsPerEvent: 500,
    threadCpuMicrosecondsPerEvent: { main: 100, ledger: 100 },
    loadCpuMicrosecondsPerEvent: 250,
    serverResidentBytes: 5,
  });
});

test("the rounds share the measured time, and a client that is slow to warm up warms up in each", () => {
  const times = roundTimes({ seconds: 6, warmUpSeconds: 1 }, "ws");
  expect(times.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(6);
  expect(times.map(({ warmUpSeconds }) => warmUpSeconds)).toEqual([1, 0.25, 0.25]);
  const slow = roundTimes({ seconds: 6, warmUpSeconds: 1 }, "autocannon");
  expect(slow.map(({ warmUpSeconds }) => warmUpSeconds)).toEqual([1, 1, 1]);
});
