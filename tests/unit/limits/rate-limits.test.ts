/** Rates are counted by whom they are of, refusals say when to come back, and headers say what is left. */

import { beforeEach, describe, expect, test } from "bun:test";
import { eventsAtMost } from "../../../src/events/event-bound.ts";
import { EventCharge } from "../../../src/limits/event-charge.ts";
import { Meter, makeRateLimits, type RateLimits } from "../../../src/limits/rate-limits.ts";
import { DEBT_SECONDS_MAX } from "../../../src/limits/token-bucket.ts";
import type { Problem } from "../../../src/problem.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

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

/** What becomes of a publish that holds at most so many events. */
function publish(meter: Meter, eventsAtMost: number): EventCharge | Problem {
  return meter.refusalOfEvents() ?? meter.chargeEvents(eventsAtMost);
}

function taken(meter: Meter, eventsAtMost: number): EventCharge {
  const charge = publish(meter, eventsAtMost);
  expect(charge).toBeInstanceOf(EventCharge);
  return charge as EventCharge;
}

/** What is left, as the header tells it. */
function left(meter: Meter): string {
  return meter.headers().ratelimit ?? "";
}

describe("events", () => {
  test("are charged before it is known how many they are; what was too much is paid by all of that name", () => {
    const rates = limited({ events: 10 }, { events: 1_000 });
    const meter = meterOf(rates, "checkout", "a");
    for (let i = 0; i < 5; i++) taken(meter, 1);
    taken(meter, 46);
    expect(publish(meter, 1)).toMatchObject({ code: "rate_limited", retry_after: 5 });
    expect(publish(meterOf(rates, "checkout", "b"), 1)).toMatchObject({ retry_after: 5 });
    taken(meterOf(rates, "billing", "a"), 1);
    now = 4_199;
    expect(publish(meter, 1)).toMatchObject({ retry_after: 1 });
    now = 4_200;
    taken(meter, 1);
    expect(rates.refused.events).toBe(3);
  });

  test("are nothing to a publish that is refused by one limit: the other has not taken it either", () => {
    const rates = limited({ events: 10 }, { events: 1_000 });
    const meter = meterOf(rates, "checkout", "a");
    taken(meter, 30);
    for (let i = 0; i < 5; i++) expect(publish(meter, 7)).toMatchObject({ code: "rate_limited" });
    expect(left(meter)).toBe('"events-per-address";r=970;t=1, "events-per-token";r=0;t=3');
  });
});

describe("events that were charged and", () => {
  test("were not there are given back once that is known, to each limit what it took", () => {
    const rates = limited({ events: 10 }, { events: 1_000 });
    const meter = meterOf(rates, "checkout", "a");
    const charge = taken(meter, 300);
    expect(left(meter)).toBe('"events-per-address";r=700;t=1, "events-per-token";r=0;t=30');
    charge.accepted(4);
    expect(left(meter)).toBe('"events-per-address";r=996;t=1, "events-per-token";r=6;t=1');
    taken(meter, 300).refused();
    expect(left(meter)).toBe('"events-per-address";r=995;t=1, "events-per-token";r=5;t=1');
    taken(meter, 300).accepted(0);
    expect(left(meter)).toBe('"events-per-address";r=994;t=1, "events-per-token";r=4;t=1');
    taken(meter, 300).notTaken();
    expect(left(meter)).toBe('"events-per-address";r=994;t=1, "events-per-token";r=4;t=1');
  });

  test("went beyond the largest debt were not taken, and are not given back", () => {
    const rates = limited({ events: 1 });
    const meter = meterOf(rates, "checkout", "a");
    const charge = taken(meter, 10_000);
    expect(publish(meter, 1)).toMatchObject({ retry_after: DEBT_SECONDS_MAX + 1 });
    charge.accepted(3_000);
    expect(publish(meter, 1)).toMatchObject({ retry_after: 3_000 });
    now = 3_000_000;
    taken(meter, 10_000).accepted(9_000);
    expect(publish(meter, 1)).toMatchObject({ retry_after: DEBT_SECONDS_MAX + 1 });
  });

  test("are to be given back go to those who paid for them, whoever has come to the socket meanwhile", () => {
    const rates = limited({ events: 100 });
    const old = meterOf(rates, "old", "a");
    const charge = taken(old, 50);
    const renewed = old.withToken("new");
    taken(renewed, 20);
    charge.accepted(10);
    expect([left(old), left(renewed)]).toEqual([
      '"events-per-token";r=90;t=1',
      '"events-per-token";r=80;t=1',
    ]);
  });
});

describe("events that are accepted", () => {
  test("over a minute are as many as the rate, and what one publish went beyond it", () => {
    const rates = limited({ events: 100 });
    const meter = meterOf(rates, "checkout", "a");
    let accepted = 0;
    for (; now < 60_000; now += 10) {
      const charge = publish(meter, 400);
      if (!(charge instanceof EventCharge)) continue;
      charge.accepted(250);
      accepted += 250;
    }
    expect(accepted).toBeWithin(60 * 100 - 250, 61 * 100 + 250);
  });

  test("in many publishes whose outcomes take long: no more than the burst, the rate and one publish", () => {
    const random = SeededRandom.printed("outcomes that take long");
    for (let round = 0; round < 100; round++) {
      now = 0;
      const perSecond = 1 + random.below(200);
      const rates = limited({ events: perSecond });
      const meter = meterOf(rates, "checkout", "a");
      const open: { charge: EventCharge; events: number }[] = [];
      let [accepted, most] = [0, 0];
      for (let i = 0; i < 500; i++) {
        now += random.below(100);
        const events = 1 + random.below(50);
        const charge = publish(meter, events + random.below(20));
        if (charge instanceof EventCharge) {
          open.push({ charge, events });
          accepted += events;
          most = Math.max(most, events);
        }
        if (random.below(3) > 0 || open.length === 0) continue;
        const [settled] = open.splice(random.below(open.length), 1);
        settled!.charge.accepted(settled!.events);
      }
      expect(accepted).toBeLessThanOrEqual(perSecond + (now * perSecond) / 1_000 + most);
      for (const { charge, events } of open) charge.accepted(events);
      // Nothing was lost or made by it: what is owed is what was accepted.
      const level = rates.limits[0]!.buckets.of("checkout", now).level(now);
      expect(level).toBeGreaterThanOrEqual(perSecond - accepted);
    }
  });
});

test("who keeps to 80 % of a rate and waits for no answer is not refused, whatever its payloads look like", () => {
  const RATE = 1_000;
  const [frameEvents, everyMs, outcomeMs] = [8, 10, 300];
  const meter = meterOf(limited({ events: RATE }), "checkout", "a");
  const open: { charge: EventCharge; at: number }[] = [];
  for (let sent = 0; now < 60_000; now += everyMs) {
    while (open[0] !== undefined && open[0].at <= now) open.shift()!.charge.accepted(frameEvents);
    const events = Array.from({ length: frameEvents }, () => ({
      event_id: String(sent++),
      payload: { id: sent, naïve: "é", lines: [{ id: 1, of: { id: 2 } }] },
    }));
    const text = JSON.stringify({ type: "publish", id: sent, events });
    expect(meter.refusalOfEvents()).toBeUndefined();
    open.push({ charge: meter.chargeEvents(eventsAtMost(text, 10_000)), at: now + outcomeMs });
  }
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
  meter.chargeEvents(31);
  expect(meter.headers()).toEqual({
    "ratelimit-policy":
      '"requests-per-token";q=5;w=1, "events-per-address";q=100;w=1, "events-per-token";q=10;w=1',
    ratelimit: '"requests-per-token";r=4;t=1, "events-per-address";r=69;t=1, "events-per-token";r=0;t=3',
  });
  expect(new Meter(rates).headers()).toEqual({});
});
