/** A body has its time, and more of it the more has come; the clock is read by the sweep alone. */

import { beforeEach, expect, test } from "bun:test";
import { BODY_BYTES_PER_SECOND_MIN, BodyDeadlines } from "../../../src/limits/body-deadlines.ts";

const TIMEOUT_MS = 30_000;
const SWEEP_MS = 250;
const MIB = 1024 * 1024;

let told: string[];
let deadlines: BodyDeadlines;
const reader = { onSlow: () => told.push("slow"), onLate: () => told.push("late") };

beforeEach(() => {
  told = [];
  deadlines = new BodyDeadlines(TIMEOUT_MS, SWEEP_MS, 0);
});

test("a body of which nothing comes is late after its time, once", () => {
  deadlines.watch(reader);
  for (let now = SWEEP_MS; now < TIMEOUT_MS + SWEEP_MS; now += SWEEP_MS) deadlines.sweep(now);
  expect(told).toEqual(["slow"]);
  deadlines.sweep(TIMEOUT_MS + SWEEP_MS);
  deadlines.sweep(TIMEOUT_MS + 10 * SWEEP_MS);
  expect(told).toEqual(["slow", "late"]);
  expect([deadlines.late, deadlines.reading]).toEqual([1, 0]);
});

test("a byte a second buys next to nothing", () => {
  const watch = deadlines.watch(reader);
  let now = 0;
  for (; deadlines.late === 0; now += 1_000) {
    watch.arrived(1);
    deadlines.sweep(now);
  }
  expect(now).toBeLessThan(TIMEOUT_MS + 3_000);
});

test("16 MiB over a line of 128 kbit/s arrive in time", () => {
  const watch = deadlines.watch(reader);
  for (let bytes = 0, now = 0; bytes < 16 * MIB; bytes += BODY_BYTES_PER_SECOND_MIN, now += 1_000) {
    watch.arrived(BODY_BYTES_PER_SECOND_MIN);
    deadlines.sweep(now);
  }
  expect(deadlines.late).toBe(0);
});

test("one that is complete is not looked at any more", () => {
  const watch = deadlines.watch(reader);
  watch.done();
  deadlines.sweep(10 * TIMEOUT_MS);
  expect(told).toEqual([]);
});
