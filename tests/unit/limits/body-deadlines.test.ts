/** A body has its time, and more of it the more has come; the clock is read by the sweep alone. */

import { beforeEach, expect, test } from "bun:test";
import {
  type AwaitedBody,
  BODY_BYTES_PER_SECOND_MIN,
  BodyDeadlines,
} from "../../../src/limits/body-deadlines.ts";

const TIMEOUT_MS = 30_000;
const SWEEP_MS = 250;
const MIB = 1024 * 1024;

let told: string[];
let deadlines: BodyDeadlines;
let body: AwaitedBody;

beforeEach(() => {
  told = [];
  deadlines = new BodyDeadlines(TIMEOUT_MS, SWEEP_MS, 0);
  body = { deadline: 0, isSlow: false, onSlow: () => told.push("slow"), onLate: () => told.push("late") };
  deadlines.watch(body);
});

test("a body of which nothing comes is late after its time, once", () => {
  for (let now = SWEEP_MS; now < TIMEOUT_MS + SWEEP_MS; now += SWEEP_MS) deadlines.sweep(now);
  expect(told).toEqual(["slow"]);
  deadlines.sweep(TIMEOUT_MS + SWEEP_MS);
  deadlines.sweep(TIMEOUT_MS + 10 * SWEEP_MS);
  expect(told).toEqual(["slow", "late"]);
  expect([deadlines.late, deadlines.reading]).toEqual([1, 0]);
});

test("a byte a second buys next to nothing", () => {
  let now = 0;
  for (; deadlines.late === 0; now += 1_000) {
    deadlines.arrived(body, 1);
    deadlines.sweep(now);
  }
  expect(now).toBeLessThan(TIMEOUT_MS + 3_000);
});

test("16 MiB over a line of 128 kbit/s arrive in time", () => {
  for (let bytes = 0, now = 0; bytes < 16 * MIB; bytes += BODY_BYTES_PER_SECOND_MIN, now += 1_000) {
    deadlines.arrived(body, BODY_BYTES_PER_SECOND_MIN);
    deadlines.sweep(now);
  }
  expect(deadlines.late).toBe(0);
});

test("one that is complete is not looked at any more", () => {
  deadlines.done(body);
  deadlines.sweep(10 * TIMEOUT_MS);
  expect(told).toEqual([]);
});

test("while nobody waits for it, the time of a body stands still", () => {
  deadlines.sweep(10_000);
  deadlines.pause(body);
  expect(deadlines.reading).toBe(0);
  for (let now = 10_000; now <= 100_000; now += SWEEP_MS) deadlines.sweep(now);
  deadlines.resume(body);
  deadlines.sweep(100_000 + TIMEOUT_MS + SWEEP_MS - 10_001);
  expect(told).toEqual(["slow"]);
  deadlines.sweep(100_000 + TIMEOUT_MS + SWEEP_MS - 10_000);
  expect(told).toEqual(["slow", "late"]);
});

test("a stream earns no more than the time that every body has, however much came", () => {
  deadlines.sweep(1_000);
  deadlines.streamed(body, 1_000 * MIB);
  deadlines.sweep(1_000 + TIMEOUT_MS + SWEEP_MS - 1);
  expect(deadlines.late).toBe(0);
  deadlines.sweep(1_000 + TIMEOUT_MS + SWEEP_MS);
  expect(deadlines.late).toBe(1);
});

test("a stream that comes faster than it must goes on for ever", () => {
  for (let now = 0; now < 10 * TIMEOUT_MS; now += 1_000) {
    deadlines.streamed(body, BODY_BYTES_PER_SECOND_MIN + 1);
    deadlines.sweep(now);
  }
  expect(deadlines.late).toBe(0);
});
