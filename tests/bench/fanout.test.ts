/** What the fan-out bench reckons: who got what how long after its commit, and what a subscriber must find wrong. */

import { expect, test } from "bun:test";
import { type FanoutRow, fanOutCpuShare, fanoutCharts, type Side } from "../../bench/fanout/fanout-table.ts";
import { type Commit, summariseDelivery, type ToldFrame } from "../../bench/load/delivery.ts";
import { Histogram } from "../../bench/load/histogram.ts";
import { StatsHead } from "../../bench/load/stats-head.ts";
import { Subscription } from "../../bench/load/subscription.ts";
import { ToldFrames } from "../../bench/load/told-frames.ts";
import { openFilesMaxIn } from "../../bench/open-files.ts";

const EPOCH = crypto.randomUUID();

test("a histogram's percentiles are the upper ends of the steps they fall into; below zero counts as zero", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 99; ms++) histogram.add(ms);
  histogram.add(-5);
  expect(histogram.count).toBe(100);
  expect(histogram.summary()).toEqual({ p50Ms: 49.25, p99Ms: 98.25, p999Ms: 99.25, maxMs: 99.25 });
  expect(new Histogram().summary().p99Ms).toBeNaN();
});

const COMMITS: Commit[] = [
  [100, 1_000],
  [200, 1_010],
  [300, 1_020],
];

/** Told to two sockets, 1 ms apart. */
const FRAME = {
  from: 0,
  revision: 2,
  receivedFrom: 0,
  receivedTo: 200,
  firstAtMs: 1_050,
  counts: [1, 0, 0, 0, 1],
};

test("each commit of a frame counts for each socket that got it, from its own moment", () => {
  const next: ToldFrame = {
    ...FRAME,
    from: 2,
    revision: 3,
    receivedFrom: 200,
    receivedTo: 300,
    firstAtMs: 1_100,
  };
  const window = { fromMs: 0, toMs: 2_000, subscribers: 2 };
  const { latency, spread, ticks } = summariseDelivery([FRAME, next], COMMITS, window);
  // 50, 51, 40, 41 for the first frame, 80, 81 for the second.
  expect(latency).toEqual({ p50Ms: 50.25, p99Ms: 81.25, p999Ms: 81.25, maxMs: 81.25 });
  expect(spread).toEqual({ p50Ms: 0.25, p99Ms: 1.25, p999Ms: 1.25, maxMs: 1.25 });
  expect(ticks).toBe(2);
});

test("what was committed or told outside of the measured time does not count", () => {
  const late = summariseDelivery([FRAME], COMMITS, { fromMs: 1_005, toMs: 1_040, subscribers: 2 });
  expect(late.latency).toEqual({ p50Ms: 40.25, p99Ms: 41.25, p999Ms: 41.25, maxMs: 41.25 });
  expect(late.ticks).toBe(0);
});

function delta(from: number, revision: number, received: number): string {
  return `{"type":"delta","epoch":"${EPOCH}","from":${from},"revision":${revision},"received":${received},"unique_processed":${received},"duplicate_dropped":0,"conflicts":0,"topics":{"a":{"received":${received},"unique_processed":${received},"duplicate_dropped":0,"conflicts":0}}}`;
}

const SNAPSHOT = `{"type":"snapshot","epoch":"${EPOCH}","revision":7,"received":5,"unique_processed":5,"duplicate_dropped":0,"conflicts":0,"topics":{}}`;

test("the numbers at the front of a delta are read from its bytes, and nothing else is taken for a delta", () => {
  const head = new StatsHead();
  expect(head.read(Buffer.from(`..${delta(120, 1_240, 37)}`), 2)).toBe(true);
  expect([head.from, head.revision, head.received]).toEqual([120, 1_240, 37]);
  expect(head.read(Buffer.from(SNAPSHOT), 0)).toBe(false);
  expect(() => head.read(Buffer.from(delta(1, 2, 3).replace('"revision"', '"version"')), 0)).toThrow(
    'a delta has no ,"revision":',
  );
});

test("two sockets that were told other sums between the same revisions are found", () => {
  const told = new ToldFrames();
  const head = Object.assign(new StatsHead(), { from: 1, revision: 2, received: 10 });
  told.add(head, 5, 1_000);
  told.add(head, 5, 1_000.6);
  expect(told.list()).toEqual([
    { from: 1, revision: 2, receivedFrom: 5, receivedTo: 15, firstAtMs: 1_000, counts: [1, 0, 1] },
  ]);
  expect(() => told.add(head, 6, 1_001)).toThrow("counted 10 events, another other ones");
});

function webSocketFrame(text: string): Buffer {
  const { length } = text;
  return Buffer.concat([Buffer.from([0x81, 126, length >> 8, length & 0xff]), Buffer.from(text)]);
}

function opened(isParsing: boolean): Subscription {
  const subscription = new Subscription(new ToldFrames(), isParsing, () => {});
  subscription.read(Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  subscription.read(webSocketFrame(SNAPSHOT));
  return subscription;
}

test("a subscriber adds up what it is told, in whatever pieces it comes", () => {
  const subscription = opened(true);
  const bytes = Buffer.concat([webSocketFrame(delta(7, 9, 2)), webSocketFrame(delta(9, 10, 1))]);
  for (let at = 0; at < bytes.length; at += 50) subscription.read(bytes.subarray(at, at + 50));
  expect([subscription.revision, subscription.received, subscription.deltas]).toEqual([10, 8, 2]);
  expect(subscription.view).toMatchObject({ revision: 10, received: 8, topics: { a: { received: 3 } } });
});

test("a delta that leaves something out, and a second snapshot, are found", () => {
  expect(() => opened(false).read(webSocketFrame(delta(8, 9, 1)))).toThrow(
    "a delta leads from 8, the socket knows 7",
  );
  expect(() => opened(false).read(webSocketFrame(SNAPSHOT))).toThrow("a second snapshot");
});

test("the limit on open files is the one that holds now, not the one it could be raised to", () => {
  const limits = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 20000                files     \n`;
  expect(openFilesMaxIn(limits("1024"))).toBe(1_024);
  expect(openFilesMaxIn(limits("unlimited"))).toBe(Number.POSITIVE_INFINITY);
});

test("the fan-out's CPU is what the subscribers add to the same ingest, and the charts have a point for each row", () => {
  const latency = { p50Ms: 1, p99Ms: 2, p999Ms: 3, maxMs: 3 };
  const side: Side = {
    ...{ latency, spread: latency, ticksPerSecond: 10, subscriberCpuShare: 0, residentBytesPerConnection: 0 },
    serverCpuShare: 1.2,
  };
  const common = { eventsPerSecond: 50_000, ack: latency, late: latency, onefold: side, bare: side };
  const row: FanoutRow = { ...common, subscribers: 1_000, quiet: { ack: latency, serverCpuShare: 0.5 } };
  expect(fanOutCpuShare(row)).toBeCloseTo(0.7);
  const lines = fanoutCharts([row]).flatMap(({ shape }) => (shape.kind === "lines" ? shape.lines : []));
  expect(lines.map(({ points }) => points.length)).toEqual([1, 1, 1, 1, 1, 1]);
});
