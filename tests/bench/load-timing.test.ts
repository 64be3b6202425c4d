/** What the benches reckon with: numbers of events, arrival rates, when a frame is due, and how long nothing came. */

import { describe, expect, test } from "bun:test";
import { readEventCount } from "../../bench/event-count.ts";
import { EVENTS_PER_FRAME, planGrowth } from "../../bench/growth/growth-plan.ts";
import { AckGaps } from "../../bench/load/ack-gaps.ts";
import { ArrivalSchedule } from "../../bench/load/arrival-schedule.ts";
import { Latencies } from "../../bench/load/latencies.ts";
import { ratesOf } from "../../bench/open-loop/rates.ts";

test.each([
  ["500000", 500_000],
  ["500k", 500_000],
  ["20M", 20_000_000],
  ["2.5M", 2_500_000],
])("%s is %d events", (text, events) => {
  expect(readEventCount(text)).toBe(events);
});

test.each(["", "0", "-1", "5m", "5 M", "1.5", "1e6", "M", "0.0001k"])(
  "`%s` is no number of events",
  (text) => {
    expect(() => readEventCount(text)).toThrow(`not \`${text}\``);
  },
);

describe("growth", () => {
  test("has a row a million, or four where there are less than two million", () => {
    expect(planGrowth(20_000_000)).toEqual({ events: 20_000_000, eventsPerStep: 1_000_000 });
    expect(planGrowth(20_000)).toEqual({ events: 20_000, eventsPerStep: 5_000 });
  });

  test("sends whole frames, and never less than it was asked for", () => {
    for (const wanted of [1, 101, 1_999_999, 2_000_001]) {
      const { events, eventsPerStep } = planGrowth(wanted);
      expect(events).toBeWithin(wanted, wanted + EVENTS_PER_FRAME);
      expect([events % EVENTS_PER_FRAME, eventsPerStep % EVENTS_PER_FRAME]).toEqual([0, 0]);
    }
  });
});

test("the rates are shares of the saturation, up to all of it", () => {
  const rates = ratesOf(80_000);
  expect(rates.map(({ eventsPerSecond }) => eventsPerSecond)).toEqual([
    8_000, 20_000, 40_000, 60_000, 72_000, 80_000,
  ]);
  expect(rates.map(({ share }) => share)).toEqual([0.1, 0.25, 0.5, 0.75, 0.9, 1]);
});

describe("a schedule", () => {
  const take = (schedule: ArrivalSchedule, nowMs: number): number[] => {
    const due: number[] = [];
    for (let at = schedule.takeDue(nowMs); at !== undefined; at = schedule.takeDue(nowMs)) due.push(at);
    return due;
  };

  test("gives out each frame once it is due, with the time that it was due and not that of the asking", () => {
    const schedule = new ArrivalSchedule(1_000, 100, 0.05);
    expect(take(schedule, 999)).toEqual([]);
    expect(take(schedule, 1_000)).toEqual([1_000]);
    expect(take(schedule, 1_009)).toEqual([]);
    // Whoever asks late gets all that was due meanwhile, at its own time.
    expect(take(schedule, 1_035)).toEqual([1_010, 1_020, 1_030]);
    expect(schedule.isOver).toBeFalse();
    expect(take(schedule, 9_999)).toEqual([1_040]);
    expect(schedule.isOver).toBeTrue();
    expect(take(schedule, 99_999)).toEqual([]);
  });
});

describe("the longest gap between acknowledgements", () => {
  test("counts from the acknowledgement before, while something is in flight", () => {
    const gaps = new AckGaps();
    gaps.sent(0);
    gaps.sent(1);
    gaps.acknowledged(5, 1);
    gaps.acknowledged(12, 0);
    expect(gaps.takeWorstMs()).toBe(7);
  });

  test("counts from the first frame sent, and not the time in which there was none", () => {
    const gaps = new AckGaps();
    gaps.sent(0);
    gaps.acknowledged(3, 0);
    gaps.sent(1_000);
    gaps.sent(1_003);
    gaps.acknowledged(1_004, 0);
    expect(gaps.takeWorstMs()).toBe(4);
  });

  test("is of the step alone in which it ended", () => {
    const gaps = new AckGaps();
    gaps.sent(0);
    gaps.acknowledged(50, 1);
    expect(gaps.takeWorstMs()).toBe(50);
    expect(gaps.takeWorstMs()).toBe(0);
    gaps.acknowledged(52, 1);
    expect(gaps.takeWorstMs()).toBe(2);
  });
});

test("percentiles are values that were there, the worst is the worst, and none are no number", () => {
  const latencies = new Latencies();
  for (let ms = 2_000; ms >= 1; ms--) latencies.add(ms);
  expect(latencies.summary()).toEqual({ p50Ms: 1_000, p99Ms: 1_980, p999Ms: 1_998, maxMs: 2_000 });
  expect(new Latencies().summary().maxMs).toBeNaN();
});
