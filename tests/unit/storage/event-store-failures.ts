/** What every `EventStore` guarantees when commits fail and processes end: part of its suite. */

import { expect, test } from "bun:test";
import { EventStatus } from "../../../src/events/event.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { eventRecord } from "../event-records.ts";
import { rowsByTopic, type Suite, statusesOf } from "./store-bench.ts";

const { processed, duplicate, conflict } = EventStatus;

function failureOf(run: () => unknown): StoreError {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error("Expected the commit to fail.");
}

export function describeFailures({ append, verdict, restart, store, bench }: Suite): void {
  const batch = [eventRecord("b"), eventRecord("c", { topic: "new" }), eventRecord("a", { payload: "2" })];

  test.each(["write", "full"] as const)(
    "a commit that is refused (%s) leaves nothing behind, and can be repeated",
    (failure) => {
      append(eventRecord("a"));
      bench().failNextCommit(failure);
      expect(failureOf(() => append(...batch)).outcome).toBe("refused");
      expect([store().hasTopic("new"), store().topicCount]).toEqual([false, 1]);
      expect(store().locate("orders", "", "b")).not.toContain(2);
      expect(bench().rows()).toHaveLength(1);
      const again = append(...batch);
      expect(statusesOf(again, 3)).toEqual([processed, processed, conflict]);
      expect(rowsByTopic(again)).toEqual({ 1: [2, 1, 1, 1], 2: [1, 1, 0, 0] });
      expect(again.increments.newTopics).toEqual(["new"]);
      expect(restart().topics.map(({ received }) => received)).toEqual([3, 1]);
    },
  );

  test.each([
    ["lost", 1, processed],
    ["stored", 3, duplicate],
  ] as const)("after an unknown outcome (%s) reopening tells what is stored", (failure, events, status) => {
    append(eventRecord("a"));
    bench().failNextCommit(failure);
    expect(failureOf(() => append(...batch)).outcome).toBe("unknown");
    const contents = store().open();
    expect(contents.events).toBe(events);
    expect(contents.topics.reduce((sum, { unique_processed }) => sum + unique_processed, 0)).toBe(events);
    expect(bench().rows()).toHaveLength(events);
    expect(statusesOf(append(...batch), 2)).toEqual([status, status]);
    expect(verdict(eventRecord("z")).seq).toBe(4);
  });

  test("a store that is not open refuses", () => {
    store().close();
    expect(failureOf(() => append(eventRecord("a"))).outcome).toBe("refused");
  });

  test("a failure says why to the log", () => {
    bench().failNextCommit("write");
    expect(failureOf(() => append(...batch)).cause).toBeInstanceOf(Error);
  });
}

export function describeDurability({ append, restart, store, bench }: Suite): void {
  test("a new store is empty", () => {
    expect(restart()).toEqual({ databaseId: expect.any(String), topics: [], events: 0, newest: 0 });
    expect(store().topicCount).toBe(0);
  });

  test("what was returned from is there after a restart, exactly", () => {
    const event = eventRecord("ид 世\u2028", {
      topic: "тема",
      scope: "https://x/ü",
      payload: '{"a":1e400,"é":"\\u0000"}',
    });
    append(event);
    append(eventRecord("2"));
    expect(restart()).toMatchObject({ events: 2, topics: [{ name: "тема" }, { name: "orders" }] });
    expect(bench().rows()[0]).toEqual({
      seq: 1,
      topic: "тема",
      scope: "https://x/ü",
      eventId: "ид 世\u2028",
      payload: '{"a":1e400,"é":"\\u0000"}',
      receivedAt: 1_000,
    });
  });

  test("opening twice changes nothing", () => {
    append(eventRecord("a"));
    const contents = store().open();
    expect(store().open()).toEqual(contents);
    expect(bench().rows()).toHaveLength(1);
  });
}
