/** What a body or frame is refused for: with a stable code, the places, and nothing taken of it. */

import { describe, expect, test } from "bun:test";
import { decodePublish, FrameError } from "../../../src/events/decode-publish.ts";
import type { DecodeLimits, WholeForm } from "../../../src/events/decoded-publish.ts";
import { type Problem, ProblemError } from "../../../src/problem.ts";

const LIMITS: DecodeLimits = { eventsMax: 10, eventBytesMax: 1_000 };

function failureOf(value: unknown, form: WholeForm = "body", limits = LIMITS): ProblemError {
  try {
    decodePublish(typeof value === "string" ? value : JSON.stringify(value), form, limits);
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error(`Expected ${JSON.stringify(value).slice(0, 80)} to be refused.`);
}

function problemOf(value: unknown, form: WholeForm = "body", limits = LIMITS): Problem {
  return failureOf(value, form, limits).problem;
}

function pointersOf(value: unknown, form: WholeForm = "body"): string[] | undefined {
  return problemOf(value, form).errors?.map(({ pointer }) => pointer);
}

test.each(["", "{", "[1,]", "nope", '{"event_id":"a"', '{"event_id":"a"}x', '{"payload":1e400'])(
  "%j is not JSON",
  (text) => {
    expect(problemOf(text)).toMatchObject({ code: "malformed_json", status: 400 });
    expect(problemOf(text, "frame")).toMatchObject({ code: "malformed_json", status: 400 });
  },
);

test.each(["1", '"text"', "null", "true", "12345678901234567890"])("%s is JSON, but no event", (text) => {
  expect(problemOf(text)).toMatchObject({ code: "invalid_event", status: 422 });
  expect(problemOf(text, "frame")).toMatchObject({ code: "invalid_frame", status: 422 });
});

const INVALID_EVENTS: [string, unknown, string, string | RegExp][] = [
  ["no id", {}, "/event_id", "is required"],
  ["an id that is null", { event_id: null }, "/event_id", "must be a string"],
  ["an id that is a number", { id: 7 }, "/id", "must be a string"],
  ["an id beyond 2^53", '{"event_id":12345678901234567890}', "/event_id", "must be a string"],
  ["an empty id", { event_id: "" }, "/event_id", "must not be empty"],
  ["a null byte in the id", { event_id: "a\0" }, "/event_id", /control characters/],
  ["a lone surrogate in the id", '{"event_id":"\\ud800"}', "/event_id", /lone surrogate/],
  ["both ids", { event_id: "a", id: "a" }, "/id", "give `event_id` or `id`, not both"],
  ["a topic that is null", { id: "a", topic: null }, "/topic", "must be a string"],
  ["a topic with white space", { id: "a", topic: "a b" }, "/topic", /white space/],
  ["a source that is no string", { id: "a", source: [] }, "/source", "must be a string"],
  ["a source that is too long", { id: "a", source: "x".repeat(256) }, "/source", /255/],
  ["a timestamp that is none", { id: "a", timestamp: "31-12-2024" }, "/timestamp", /ISO 8601/],
  ["a timestamp that is a number", { id: "a", timestamp: 1735689599 }, "/timestamp", /string/],
  ["an unknown field", { id: "a", payloads: 1 }, "/payloads", /nearest is `payload`/],
  ["an unknown field in other spelling", { id: "a", Timestamp: "x" }, "/Timestamp", /nearest is `timestamp`/],
  ["an unknown field that objects inherit", '{"id":"a","__proto__":{}}', "/__proto__", /there are `topic`/],
  ["a field that JSON Pointer escapes", { id: "a", "~/": 1 }, "/~0~1", /there are `topic`/],
];

describe("an event is refused for", () => {
  test.each(INVALID_EVENTS)("%s, bare and in every kind of list", (_, event, pointer, detail) => {
    const text = typeof event === "string" ? event : JSON.stringify(event);
    const forms: [string, WholeForm, string][] = [
      [text, "body", ""],
      [text, "frame", ""],
      [`[{"id":"x"},${text}]`, "body", "/1"],
      [`{"events":[{"id":"x"},${text}]}`, "body", "/events/1"],
      [`{"type":"publish","events":[{"id":"x"},${text}]}`, "frame", "/events/1"],
    ];
    for (const [body, form, base] of forms) {
      const problem = problemOf(body, form);
      expect(problem).toMatchObject({ code: "invalid_event", status: 422, error_count: 1 });
      expect(problem.errors?.map((place) => place.pointer)).toEqual([`${base}${pointer}`]);
      expect(problem.errors?.[0]?.detail).toMatch(
        detail instanceof RegExp ? detail : new RegExp(`^${detail}$`),
      );
    }
  });

  test.each([[1], ["a"], [null], [[]], [[{ id: "a" }]]])("being %j inside a list", (value) => {
    expect(problemOf([{ id: "x" }, value]).errors).toEqual([
      { pointer: "/1", detail: "an event must be a JSON object" },
    ]);
  });

  test("everything that is wrong with it at once", () => {
    const event = { id: "", topic: "*", source: 1, timestamp: "", more: 1 };
    expect(pointersOf(event)?.sort()).toEqual(["/id", "/more", "/source", "/timestamp", "/topic"]);
  });
});

test("the first 20 places are named, all are counted", () => {
  const limits = { ...LIMITS, eventsMax: 100 };
  const problem = problemOf(Array(30).fill({}), "body", limits);
  expect(problem.errors).toHaveLength(20);
  expect(problem.errors?.at(-1)?.pointer).toBe("/19/event_id");
  expect(problem.error_count).toBe(30);
});

test("a field's name of a million characters does not come back at that length", () => {
  const problem = problemOf({ id: "a", ["x".repeat(1_000_000)]: 1 });
  expect(JSON.stringify(problem).length).toBeLessThan(1_000);
});

describe("an envelope is refused for", () => {
  const ENVELOPES: [string, unknown, WholeForm, string][] = [
    ["`events` that is no array", { events: {} }, "body", "/events"],
    ["an unknown member", { events: [], evnts: [] }, "body", "/evnts"],
    ["a frame's member in a body", { events: [], results: true }, "body", "/results"],
    ["`events` that is absent", { type: "publish" }, "frame", "/events"],
    ["an unknown type", { type: "publsh", events: [] }, "frame", "/type"],
    ["a type that is no string", { type: null, events: [] }, "frame", "/type"],
    ["`results` that is no boolean", { type: "publish", events: [], results: 1 }, "frame", "/results"],
    ["an id that is a fraction", { type: "publish", id: 1.5, events: [] }, "frame", "/id"],
    ["an id that is an object", { type: "publish", id: {}, events: [] }, "frame", "/id"],
    ["an id that is null", { type: "publish", id: null, events: [] }, "frame", "/id"],
    ["an id that is too long", { type: "publish", id: "x".repeat(256), events: [] }, "frame", "/id"],
    ["an id of too many digits", `{"type":"publish","id":${"1".repeat(256)},"events":[]}`, "frame", "/id"],
  ];
  test.each(ENVELOPES)("%s", (_, value, form, pointer) => {
    const problem = problemOf(value, form);
    expect(problem.code).toBe(form === "body" ? "invalid_event" : "invalid_frame");
    expect(problem.errors?.map((place) => place.pointer)).toEqual([pointer]);
  });
});

test("a refused frame still says which it was, where it has an id", () => {
  const idOf = (value: unknown): string | undefined => {
    const error = failureOf(value, "frame");
    return error instanceof FrameError ? error.frameId : undefined;
  };
  expect(idOf({ type: "publish", id: "f", events: [{}] })).toBe('"f"');
  expect(idOf({ type: "publish", id: 3, events: 1 })).toBe("3");
  expect(idOf({ type: "other", id: 3 })).toBe("3");
  expect(idOf({ type: "publish", id: 3, events: Array(11).fill({ id: "a" }) })).toBe("3");
  expect(idOf({ type: "publish", events: [{}] })).toBeUndefined();
  expect(idOf({ id: "event", topic: "*" })).toBeUndefined();
});

describe("limits", () => {
  test("one event more than allowed", () => {
    const events = Array(11).fill({ id: "a" });
    for (const form of ["body", "frame"] as const) {
      expect(problemOf(events, form)).toMatchObject({ code: "batch_too_large", status: 413 });
      expect(problemOf({ events }, form)).toMatchObject({ code: "batch_too_large", status: 413 });
    }
  });

  test("one byte of payload more than allowed, and which event it was", () => {
    const payload = "x".repeat(LIMITS.eventBytesMax - 1);
    const problem = problemOf([{ id: "a" }, { id: "b", payload }]);
    expect(problem).toMatchObject({ code: "event_too_large", status: 413 });
    expect(problem.errors?.[0]?.pointer).toBe("/1/payload");
  });

  test("one level more than allowed", () => {
    const payload = "[".repeat(129) + "]".repeat(129);
    const problem = problemOf(`[{"id":"a","payload":${payload}}]`);
    expect(problem).toMatchObject({ code: "invalid_event", status: 422 });
    expect(problem.errors).toEqual([{ pointer: "/0/payload", detail: "must nest at most 128 levels deep" }]);
  });

  test("a million empty objects, without building them", () => {
    const started = performance.now();
    expect(problemOf(`[${Array(1_000_000).fill("{}").join(",")}]`).code).toBe("batch_too_large");
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("nesting of any depth is refused quickly and overflows nothing", () => {
  const SCALARS: [string, string][] = [
    ["plain numbers", "1"],
    ["numbers that need exact reading", "1e400"],
  ];
  const DEPTHS = [1_000, 5_000, 10_000, 16_000, 100_000];
  test.each(SCALARS)("around %s", (_, scalar) => {
    for (const depth of DEPTHS) {
      const array = "[".repeat(depth) + scalar + "]".repeat(depth);
      const object = `${'{"a":'.repeat(depth)}${scalar}${"}".repeat(depth)}`;
      const bodies = [
        array,
        object,
        `{"id":"a","payload":${array}}`,
        `[{"id":"a","payload":${object}}]`,
        `{"id":${array}}`,
      ];
      for (const body of bodies) {
        const started = performance.now();
        expect(problemOf(body)).toMatchObject({ code: "invalid_event", status: 422 });
        expect(performance.now() - started).toBeLessThan(500);
      }
    }
  });
});

test("a frame of an unknown type is told of those that there are", () => {
  for (const type of ["publsh", "subscribe", 7]) {
    const [place] = problemOf({ type, events: [] }, "frame").errors!;
    expect(place).toMatchObject({ pointer: "/type", detail: expect.stringMatching(/`publish`.*`auth`/) });
  }
});
