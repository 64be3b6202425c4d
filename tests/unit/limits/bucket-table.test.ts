/** The table of buckets is bounded: a flood of names neither grows it nor gives anybody a new bucket. */

import { expect, test } from "bun:test";
import { BucketTable } from "../../../src/limits/bucket-table.ts";
import { rateOf } from "../../../src/limits/token-bucket.ts";

const MAX = 1_000;

test("each name has a bucket of its own", () => {
  const table = new BucketTable(rateOf(1), 0);
  expect(table.of("a", 0).take(0)).toBe(true);
  expect(table.of("a", 0).take(0)).toBe(false);
  expect(table.of("b", 0).take(0)).toBe(true);
});

test("a million names that all ask at once do not grow it, and the bucket of none before them is new again", () => {
  const table = new BucketTable(rateOf(1), 0, MAX);
  expect(table.of("victim", 0).take(0)).toBe(true);
  let letIn = 0;
  for (let i = 0; i < 1_000_000; i++) if (table.of(`name-${i}`, 0).take(0)) letIn++;
  expect(table.size).toBe(MAX);
  // Those who found no place share one bucket.
  expect(letIn).toBe(MAX - 1 + 1);
  expect(table.of("victim", 0).take(0)).toBe(false);
});

test("one who owes is not forgotten while others come and go", () => {
  const table = new BucketTable(rateOf(1), 0, MAX);
  table.of("debtor", 0).charge(500, 0);
  let now = 0;
  for (let i = 0; i < 100_000; i++) table.of(`name-${i}`, (now += 1)).take(now);
  expect(now).toBeLessThan(499_000);
  expect(table.of("debtor", now).level(now)).toBeLessThan(0);
  expect(table.size).toBeLessThanOrEqual(MAX);
});

test("who comes after the flood gets a bucket again", () => {
  const table = new BucketTable(rateOf(1), 0, MAX);
  for (let i = 0; i < 10 * MAX; i++) table.of(`name-${i}`, 0).take(0);
  const later = 5_000;
  const newcomers = Array.from({ length: 100 }, (_, i) => table.of(`new-${i}`, later));
  expect(new Set(newcomers).size).toBeGreaterThanOrEqual(99);
  expect(newcomers.every((bucket) => bucket.take(later))).toBe(true);
});

test("idle names go while new ones come", () => {
  const table = new BucketTable(rateOf(1), 0, 1e6);
  for (let i = 0; i < 100_000; i++) table.of(`name-${i}`, i * 10).take(i * 10);
  // A hundred ask each second, and each is idle a second later.
  expect(table.size).toBeLessThan(2_000);
});
