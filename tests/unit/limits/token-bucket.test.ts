/** A bucket gives what it holds and what has come back, owes no more than it may, and says when there is something. */

import { describe, expect, test } from "bun:test";
import { DEBT_SECONDS_MAX, rateOf, TokenBucket } from "../../../src/limits/token-bucket.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

function taken(bucket: TokenBucket, now: number): number {
  let count = 0;
  while (bucket.take(now)) count++;
  return count;
}

test("a second's worth can be taken at once, and then what comes back", () => {
  const bucket = new TokenBucket(rateOf(10), 0);
  expect(taken(bucket, 0)).toBe(10);
  expect(taken(bucket, 99)).toBe(0);
  expect(taken(bucket, 100)).toBe(1);
  expect(taken(bucket, 600)).toBe(5);
  expect(taken(bucket, 60_000)).toBe(10);
});

test("one can be taken at once however low the rate", () => {
  const bucket = new TokenBucket({ ...rateOf(1), perSecond: 0.1 }, 0);
  expect(taken(bucket, 0)).toBe(1);
  expect(taken(bucket, 9_999)).toBe(0);
  expect(taken(bucket, 10_001)).toBe(1);
});

describe("a debt", () => {
  test("is paid before anything can be taken, and told in whole seconds", () => {
    const bucket = new TokenBucket(rateOf(10), 0);
    bucket.charge(45, 0);
    expect(bucket.level(0)).toBe(-35);
    expect(bucket.secondsUntilOne(0)).toBe(4);
    expect(bucket.take(3_500)).toBe(false);
    expect(bucket.secondsUntilOne(3_500)).toBe(1);
    expect(bucket.take(3_600)).toBe(true);
  });

  test("is bounded: nobody is kept out for longer than an hour", () => {
    const bucket = new TokenBucket(rateOf(10), 0);
    bucket.charge(1e12, 0);
    expect(bucket.secondsUntilOne(0)).toBe(DEBT_SECONDS_MAX + 1);
  });
});

describe("what is given back", () => {
  test("can be taken at once, and no more than the bucket holds", () => {
    const bucket = new TokenBucket(rateOf(10), 0);
    expect(bucket.charge(25, 0)).toBe(25);
    bucket.refund(20, 0);
    expect(taken(bucket, 0)).toBe(5);
    bucket.refund(20, 0);
    expect(taken(bucket, 0)).toBe(10);
  });

  test("is what was charged: a debt ends somewhere, and so does its charge", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 10, debtMax: 30 }, 0);
    expect(bucket.charge(25, 0)).toBe(25);
    expect(bucket.charge(25, 0)).toBe(15);
    expect(bucket.charge(25, 0)).toBe(0);
    expect(bucket.charge(25, 1_000)).toBe(10);
  });
});

test("a clock that stands still or goes back gives nothing", () => {
  const bucket = new TokenBucket(rateOf(2), 1_000);
  expect(taken(bucket, 1_000)).toBe(2);
  expect(taken(bucket, 0)).toBe(0);
  expect(taken(bucket, 1_000)).toBe(0);
  expect(taken(bucket, 1_500)).toBe(1);
});

test("over any time nobody gets more than the burst and the rate", () => {
  const random = new SeededRandom(20_261_121);
  for (let round = 0; round < 200; round++) {
    const perSecond = 1 + random.below(1_000);
    const bucket = new TokenBucket(rateOf(perSecond), 0);
    let [now, total] = [0, 0];
    for (let i = 0; i < 100; i++) {
      now += random.below(500);
      for (let tries = random.below(200); tries > 0; tries--) if (bucket.take(now)) total++;
    }
    expect(total).toBeLessThanOrEqual(perSecond + (now * perSecond) / 1_000 + 1e-6);
  }
});
