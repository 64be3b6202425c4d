/** What a soak sends, and what its command line makes of it. */

import { expect, test } from "bun:test";
import { EventMix } from "../../bench/soak/event-mix.ts";
import { readPlan } from "../../bench/soak/plan.ts";
import { SeededRandom } from "../support/seeded-random.ts";

interface SentEvent {
  readonly topic: string;
  readonly event_id: string;
  readonly payload: unknown;
}

const BATCHES = 2_000;

test("the counters it expects are those that a recount of what it sends gives, a fifth duplicates", () => {
  const random = SeededRandom.printed("event mix");
  const mix: EventMix = new EventMix(random, 5_000, () => mix.unique);
  const first = new Map<string, string>();
  const recount: Record<string, Record<string, number>> = {};
  for (let i = 0; i < BATCHES; i++) {
    for (const { topic, event_id, payload } of JSON.parse(mix.nextBatch()) as SentEvent[]) {
      const text = JSON.stringify(payload);
      const stored = first.get(event_id);
      recount[topic] ??= { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
      recount[topic].received!++;
      if (stored === undefined) recount[topic].unique_processed!++;
      else recount[topic].duplicate_dropped!++;
      if (stored !== undefined && stored !== text) recount[topic].conflicts!++;
      if (stored === undefined) first.set(event_id, text);
    }
  }
  expect(mix.expected() as unknown).toEqual(recount);
  const totalOf = (name: string): number => Object.values(recount).reduce((sum, c) => sum + c[name]!, 0);
  expect(totalOf("duplicate_dropped") / totalOf("received")).toBeWithin(0.18, 0.22);
  expect(totalOf("conflicts")).toBePositive();
});

test("duplicates are drawn from what a node with this retention still knows", () => {
  const { rememberedEvents, oldEventsMax, serveFlags } = readPlan([
    "--serve-flags",
    "--a 1 --retain-events 5000",
  ]);
  expect({ rememberedEvents, oldEventsMax }).toEqual({ rememberedEvents: 5_000, oldEventsMax: 2_500 });
  expect(serveFlags).toEqual(["--a", "1", "--retain-events", "5000"]);
  expect(readPlan([]).rememberedEvents).toBe(Number.POSITIVE_INFINITY);
});

test("ten minutes unless told otherwise, and nonsense is refused", () => {
  expect(readPlan([]).seconds).toBe(600);
  expect(readPlan(["--minutes", "60"]).seconds).toBe(3_600);
  expect(() => readPlan(["--minutes", "soon"])).toThrow("--minutes takes a positive number, not `soon`");
  expect(() => readPlan(["--rate", "0"])).toThrow("--rate takes a positive number");
});
