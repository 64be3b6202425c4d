/** Rates are counted by whom they are of, refusals say when to come back, and headers say what is left. */

import { beforeEach, describe, expect, test } from "bun:test";
import { Meter, makeRateLimits, type RateLimits } from "../../../src/limits/rate-limits.ts";

const NONE = { requests: 0, events: 0 };

let now: number;

beforeEach(() => {
  now = 0;
});

function limited(perToken: Partial<typeof NONE>, perAddress: Partial<typeof NONE> = {}): RateLimits {
  const rules = { perToken: { ...NONE, ...perToken }, perAddress: { ...NONE, ...perAddress } };
  return makeRateLimits(rules, () => now)!;
}

/** Somebody who was let in. */
function meterOf(rates: RateLimits, token: string, address: string): Meter {
  const meter = new Meter(rates);
  expect(meter.request("address", address)).toBeUndefined();
  expect(meter.request("token", token)).toBeUndefined();
  return meter;
}

test("where nothing is limited there is nothing to ask", () => {
  expect(makeRateLimits({ perToken: NONE, perAddress: NONE }, () => now)).toBeUndefined();
});

describe("requests", () => {
  test("of one token count together, from wherever they come; another token has its own", () => {
    const rates = limited({ requests: 2 });
    meterOf(rates, "checkout", "a");
    meterOf(rates, "checkout", "b");
    const refused = new Meter(rates).request("token", "checkout");
    expect(refused).toMatchObject({ status: 429, code: "rate_limited", retry_after: 1 });
    meterOf(rates, "billing", "a");
    expect(rates.refused).toEqual({ requests: 1, events: 0 });
  });

  test("of one address count together, whoever they are of, and before it is known who that is", () => {
    const rates = limited({}, { requests: 2 });
    meterOf(rates, "checkout", "a");
    meterOf(rates, "billing", "a");
    expect(new Meter(rates).request("address", "a")).toMatchObject({ code: "rate_limited" });
    meterOf(rates, "checkout", "b");
  });

  test("are frames as well, of both", () => {
    const rates = limited({ requests: 3 }, { requests: 2 });
    const meter = meterOf(rates, "checkout", "a");
    expect(meter.frame()).toBeUndefined();
    expect(meter.frame()?.detail).toContain("of this address than 2 a second");
    const elsewhere = meterOf(rates, "checkout", "b");
    expect(elsewhere.frame()?.detail).toContain("of these credentials than 3 a second");
    now = 1_000;
    expect(meter.frame()).toBeUndefined();
  });
});

describe("events", () => {
  test("are one until it is known how many they were; what was too much is paid by all of that name", () => {
    const rates = limited({ events: 10 }, { events: 1_000 });
    const meter = meterOf(rates, "checkout", "a");
    for (let i = 0; i < 5; i++) expect(meter.publish()).toBeUndefined();
    meter.settle(46);
    expect(meter.publish()).toMatchObject({ code: "rate_limited", retry_after: 5 });
    expect(meterOf(rates, "checkout", "b").publish()?.retry_after).toBe(5);
    expect(meterOf(rates, "billing", "a").publish()).toBeUndefined();
    now = 4_099;
    expect(meter.publish()?.retry_after).toBe(1);
    now = 4_100;
    expect(meter.publish()).toBeUndefined();
    expect(rates.refused.events).toBe(3);
  });

  test("over a minute are as many as the rate, and what one publish went beyond it", () => {
    const rates = limited({ events: 100 });
    const meter = meterOf(rates, "checkout", "a");
    let taken = 0;
    for (; now < 60_000; now += 10) {
      if (meter.publish() !== undefined) continue;
      meter.settle(250);
      taken += 250;
    }
    expect(taken).toBeWithin(60 * 100 - 250, 61 * 100 + 250);
  });
});

test("other credentials on the same socket count for themselves, from the same address", () => {
  const rates = limited({ requests: 1 }, { requests: 3 });
  const meter = meterOf(rates, "old", "a");
  expect(meter.frame()?.detail).toContain("credentials");
  const renewed = meter.withToken("new");
  expect(renewed.frame()).toBeUndefined();
  expect(renewed.frame()?.detail).toContain("address");
});

test("the headers are lists of structured fields: each policy, and what is left of it", () => {
  const rates = limited({ requests: 5, events: 10 }, { events: 100 });
  const meter = meterOf(rates, "checkout", "a");
  meter.publish();
  meter.settle(31);
  expect(meter.headers()).toEqual({
    "ratelimit-policy":
      '"requests-per-token";q=5;w=1, "events-per-address";q=100;w=1, "events-per-token";q=10;w=1',
    ratelimit: '"requests-per-token";r=4;t=1, "events-per-address";r=69;t=1, "events-per-token";r=0;t=3',
  });
  expect(new Meter(rates).headers()).toEqual({});
});
