/** What a body or frame decodes to, in every form that is taken. */

import { describe, expect, test } from "bun:test";
import { decodePublish } from "../../../src/events/decode-publish.ts";
import type { DecodeLimits, WholeForm } from "../../../src/events/decoded-publish.ts";
import type { EventRecord } from "../../../src/events/event.ts";

const LIMITS: DecodeLimits = { eventsMax: 10, eventBytesMax: 1_000 };

function decode(value: unknown, form: WholeForm = "body") {
  return decodePublish(typeof value === "string" ? value : JSON.stringify(value), form, LIMITS);
}

function record(eventId: string, more: Partial<EventRecord> = {}): EventRecord {
  const base = {
    topic: "default",
    scope: "",
    timestamp: null,
    source: null,
    payload: "null",
    attributes: null,
  };
  return { ...base, eventId, ...more };
}

const BARE = { events: [record("a")], isSingle: true, wantsResults: false, frameId: undefined };
const LIST = { ...BARE, isSingle: false };

describe.each(["body", "frame"] as const)("a %s", (form) => {
  test("may be one event, an array of events or an object with `events`", () => {
    expect(decode({ event_id: "a" }, form)).toEqual(BARE);
    expect(decode([{ event_id: "a" }], form)).toEqual(LIST);
    expect(decode({ events: [{ event_id: "a" }] }, form)).toEqual(LIST);
    expect(decode(' \r\n\t[ {"event_id" : "a"} ] ', form)).toEqual(LIST);
  });

  test("may hold no events at all", () => {
    expect(decode([], form)).toEqual({ ...LIST, events: [] });
    expect(decode({ events: [] }, form)).toEqual({ ...LIST, events: [] });
  });

  test("keeps its events in order", () => {
    const ids = Array.from({ length: 10 }, (_, i) => `id-${i}`);
    const { events } = decode(
      ids.map((id) => ({ id })),
      form,
    );
    expect(events.map(({ eventId }) => eventId)).toEqual(ids);
  });
});

test("every field arrives as it was sent", () => {
  const event = {
    topic: "orders.eu",
    event_id: "e 1",
    timestamp: "2026-01-31T12:00:00+01:00",
    source: "",
    payload: { a: [1, null, "é"] },
  };
  expect(decode(event).events).toEqual([
    record("e 1", {
      topic: "orders.eu",
      timestamp: "2026-01-31T12:00:00+01:00",
      source: "",
      payload: '{"a":[1,null,"é"]}',
    }),
  ]);
});

test("`id` is another name for `event_id`; null stands for an absent timestamp, source and payload", () => {
  expect(decode({ id: "a", timestamp: null, source: null, payload: null })).toEqual(BARE);
});

test.each([
  "12345678901234567890",
  "1e400",
  "-0",
  '{"a":[0.1234567890123456789]}',
  '"\\ud800"',
  "false",
  '""',
  "0",
])("the payload %s is stored exactly", (payload) => {
  expect(decode(`{"event_id":"a","payload":${payload}}`).events[0]?.payload).toBe(payload);
});

test("a payload may have any member names, also those that objects inherit", () => {
  const payload = '{"__proto__":{"x":1},"constructor":2,"toJSON":3,"":4}';
  expect(decode(`{"event_id":"a","payload":${payload}}`).events[0]?.payload).toBe(payload);
});

describe("a frame with a type", () => {
  const FRAME_IDS: [string, string][] = [
    ["7", "7"],
    ["-7", "-7"],
    ["0", "0"],
    ["12345678901234567890", "12345678901234567890"],
    ['"7"', '"7"'],
    ['""', '""'],
    ['"a\\"\\u0000é"', '"a\\"\\u0000é"'],
  ];
  test.each(FRAME_IDS)("keeps its id %s", (id, kept) => {
    const frame = `{"type":"publish","id":${id},"events":[{"event_id":"a"}]}`;
    expect(decode(frame, "frame")).toEqual({ ...LIST, frameId: kept });
  });

  test("may ask for results; without it there are none", () => {
    const frame = { type: "publish", events: [{ event_id: "a" }] };
    expect(decode({ ...frame, results: true }, "frame").wantsResults).toBe(true);
    expect(decode({ ...frame, results: false }, "frame").wantsResults).toBe(false);
    expect(decode(frame, "frame").wantsResults).toBe(false);
  });

  test("needs no type when it has `events`, and keeps its id then too", () => {
    expect(decode({ id: 7, events: [{ event_id: "a" }] }, "frame")).toEqual({ ...LIST, frameId: "7" });
  });
});

test("the id of a bare event is the event's, not the frame's", () => {
  expect(decode({ id: "a" }, "frame")).toEqual(BARE);
});

describe("limits", () => {
  test("as many events as allowed are taken", () => {
    expect(decode(Array(10).fill({ id: "a" })).events).toHaveLength(10);
  });

  test("a payload may have as many bytes as allowed", () => {
    const payload = "x".repeat(LIMITS.eventBytesMax - 2);
    expect(decode({ id: "a", payload }).events[0]?.payload).toHaveLength(LIMITS.eventBytesMax);
  });

  test("a payload may nest 128 levels", () => {
    const payload = "[".repeat(128) + "]".repeat(128);
    expect(decode(`{"id":"a","payload":${payload}}`).events[0]?.payload).toBe(payload);
    expect(
      decode(`{"type":"publish","events":[{"id":"a","payload":${payload}}]}`, "frame").events,
    ).toHaveLength(1);
  });

  test("an event on the topic `events` may have more members in its payload than a batch may have events", () => {
    const payload = Array(20_000).fill(1);
    const text = JSON.stringify({ topic: "events", event_id: "events", payload });
    expect(decodePublish(text, "body", { ...LIMITS, eventBytesMax: 100_000 }).events).toHaveLength(1);
  });
});
