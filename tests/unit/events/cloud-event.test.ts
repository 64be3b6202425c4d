/** CloudEvents 1.0 in their JSON format: the rules of the specification, one by one, and what is stored of them. */

import { describe, expect, test } from "bun:test";
import { decodePublish } from "../../../src/events/decode-publish.ts";
import type { CloudEventForm, DecodeLimits } from "../../../src/events/decoded-publish.ts";
import type { EventRecord } from "../../../src/events/event.ts";
import { type Problem, ProblemError } from "../../../src/problem.ts";

const LIMITS: DecodeLimits = { eventsMax: 10, eventBytesMax: 1_000 };

const REQUIRED = { specversion: "1.0", id: "a", source: "/s", type: "orders.paid" };

function decoded(value: unknown, form: CloudEventForm = "cloud-event", limits = LIMITS) {
  return decodePublish(typeof value === "string" ? value : JSON.stringify(value), form, limits);
}

/** The record of a CloudEvent with these members beside the required ones. */
function recordOf(more: object): EventRecord {
  return decoded({ ...REQUIRED, ...more }).events[0]!;
}

function problemOf(value: unknown, form: CloudEventForm = "cloud-event", limits = LIMITS): Problem {
  try {
    decoded(value, form, limits);
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error(`Expected ${JSON.stringify(value).slice(0, 80)} to be refused.`);
}

describe("of a CloudEvent", () => {
  test("type, source, id and time have places of their own, and the rest are attributes", () => {
    const event = { ...REQUIRED, time: "2026-01-31T12:00:00.10+01:00", data: { total: 42 } };
    const attributes = { subject: "order", dataschema: "https://a.example/b", ext1: "x", n2: -7, ok: true };
    expect(decoded({ ...event, ...attributes })).toEqual({
      events: [
        {
          topic: "orders.paid",
          scope: "/s",
          eventId: "a",
          timestamp: "2026-01-31T12:00:00.10+01:00",
          source: null,
          payload: '{"total":42}',
          attributes: JSON.stringify(attributes),
        },
      ],
      isSingle: true,
      wantsResults: false,
      frameId: undefined,
    });
  });

  const DATA: [string, string, string, string | null][] = [
    ["an object", '"data":{"a":[1]}', '{"a":[1]}', null],
    ["a number that no double holds", '"data":12345678901234567890', "12345678901234567890", null],
    ["one in an object, beside an exponent", '"data":{"n":1e400}', '{"n":1e400}', null],
    ["a string", '"data":"text"', '"text"', null],
    ["null", '"data":null', "null", null],
    ["none", '"subject":null', "null", '{"data":false}'],
    ["null in base64, which is none", '"data_base64":null', "null", '{"data":false}'],
    ["base64", '"data_base64":"AAEC"', '"AAEC"', '{"data_base64":true}'],
    ["base64 with padding", '"data_base64":"/+8="', '"/+8="', '{"data_base64":true}'],
    ["base64 of no bytes", '"data_base64":""', '""', '{"data_base64":true}'],
    ["base64 beside null", '"data":null,"data_base64":"AA=="', '"AA=="', '{"data_base64":true}'],
    ["a value beside null in base64", '"data":1,"data_base64":null', "1", null],
  ];
  test.each(DATA)("the data may be %s", (_, members, payload, attributes) => {
    const text = `${JSON.stringify(REQUIRED).slice(0, -1)},${members}}`;
    expect(decoded(text).events[0]).toMatchObject({ payload, attributes });
  });

  test("an attribute that is null is absent, whichever it is", () => {
    const nothing = { time: null, subject: null, dataschema: null, datacontenttype: null, ext: null };
    expect(recordOf({ ...nothing, data: 1 })).toEqual(recordOf({ data: 1 }));
  });

  test.each([
    ["subject", "größer 🎉 {}"],
    ["dataschema", "urn:example:schema"],
    ["dataschema", "#"],
    ["dataschema", "https://user@[::1]:80/a?b=c#/definitions/d"],
    ["datacontenttype", "application/json"],
    ["datacontenttype", 'text/plain; charset="utf-8"; x=y'],
    ["datacontenttype", "application/vnd.apache.thrift.binary"],
    ["ext", ""],
    ["0ext", "2026"],
    ["averyveryverylongextensionname", "x"],
    ["events", "x"],
    ["max", 2 ** 31 - 1],
    ["min", -(2 ** 31)],
    ["no", false],
  ])("`%s` may be %p", (name, value) => {
    expect(JSON.parse(recordOf({ [name]: value, data: 1 }).attributes!)).toEqual({ [name]: value });
  });

  test.each([
    "/s",
    "https://a.example/b?c#d",
    "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
    "mailto:a@b.example",
    "1-555-123-4567",
    "a/b:c",
    "//host",
    "?q",
    "#f",
    "/%C3%A9",
  ])("the source may be %s", (source) => {
    expect(recordOf({ source })).toMatchObject({ scope: source });
  });
});

const INVALID: [string, object, string, string | RegExp][] = [
  ["no specversion", { specversion: undefined }, "/specversion", "is required"],
  ["an unknown specversion", { specversion: "0.3" }, "/specversion", /1\.0/],
  ["a version beyond", { specversion: "1.0.2" }, "/specversion", /1\.0/],
  ["a specversion that is a number", { specversion: 1.0 }, "/specversion", "must be a string"],
  ["no id", { id: undefined }, "/id", "is required"],
  ["an id that is null", { id: null }, "/id", "is required"],
  ["an empty id", { id: "" }, "/id", "must not be empty"],
  ["an id that is a number", { id: 7 }, "/id", "must be a string"],
  ["an id that is too long", { id: "x".repeat(256) }, "/id", /255/],
  ["a control character in the id", { id: "a\u0085" }, "/id", /control characters/],
  ["a noncharacter in the id", { id: "a\ufdd0" }, "/id", /noncharacters/],
  ["a lone surrogate in the id", { id: "\ud800" }, "/id", /lone surrogate/],
  ["no source", { source: undefined }, "/source", "is required"],
  ["an empty source", { source: "" }, "/source", "must not be empty"],
  ["a source that is a number", { source: 1 }, "/source", "must be a string"],
  ["a source that is no URI-reference", { source: "/a b" }, "/source", /URI-reference/],
  ["a source outside ASCII", { source: "/é" }, "/source", /URI-reference/],
  ["a source with half an escape", { source: "/%4" }, "/source", /URI-reference/],
  ["a source with a colon too early", { source: "1:a" }, "/source", /URI-reference/],
  ["a source with a second fragment", { source: "a#b#c" }, "/source", /URI-reference/],
  ["a source with brackets in its path", { source: "/[a]" }, "/source", /URI-reference/],
  ["a source that is too long", { source: `/${"x".repeat(255)}` }, "/source", /255/],
  ["no type", { type: undefined }, "/type", "is required"],
  ["an empty type", { type: "" }, "/type", "must not be empty"],
  ["a type that is an object", { type: {} }, "/type", "must be a string"],
  ["a type that is no topic", { type: "a b" }, "/type", /white space/],
  ["a noncharacter in the type", { type: "a\uffff" }, "/type", /noncharacters/],
  ["a time that is a number", { time: 1735689599 }, "/time", "must be a string"],
  ["a time without a zone", { time: "2026-01-31T12:00:00" }, "/time", /RFC 3339/],
  ["a time that is a date", { time: "2026-01-31" }, "/time", /RFC 3339/],
  ["a time on a day that there is not", { time: "2026-02-30T12:00:00Z" }, "/time", /RFC 3339/],
  ["a time with a comma", { time: "2026-01-31T12:00:00,5Z" }, "/time", /RFC 3339/],
  ["an empty time", { time: "" }, "/time", /RFC 3339/],
  ["an empty subject", { subject: "" }, "/subject", "must not be empty"],
  ["a subject that is a number", { subject: 1 }, "/subject", "must be a string"],
  ["a line feed in the subject", { subject: "a\nb" }, "/subject", /control characters/],
  ["an empty dataschema", { dataschema: "" }, "/dataschema", /absolute URI/],
  ["a dataschema that is relative", { dataschema: "/schema" }, "/dataschema", /absolute URI/],
  ["a dataschema that is a list", { dataschema: [] }, "/dataschema", "must be a string"],
  ["an empty datacontenttype", { datacontenttype: "" }, "/datacontenttype", /media type/],
  ["a datacontenttype that is none", { datacontenttype: "json" }, "/datacontenttype", /media type/],
  ["two media types", { datacontenttype: "a/b, c/d" }, "/datacontenttype", /media type/],
  ["data in both members", { data: 1, data_base64: "AA==" }, "/data_base64", /not both/],
  ["base64 that is a number", { data_base64: 1 }, "/data_base64", /base64/],
  ["base64 without padding", { data_base64: "AA" }, "/data_base64", /base64/],
  ["base64 of URLs", { data_base64: "_-8=" }, "/data_base64", /base64/],
  ["base64 with white space", { data_base64: "AA E" }, "/data_base64", /base64/],
  ["padding alone", { data_base64: "====" }, "/data_base64", /base64/],
  ["an extension in capitals", { myExt: "x" }, "/myExt", /a-z and digits/],
  ["an extension with an underscore", { my_ext: "x" }, "/my_ext", /a-z and digits/],
  ["an extension without a name", { "": "x" }, "/", /a-z and digits/],
  ["an extension that is an object", { ext: {} }, "/ext", /string, a boolean/],
  ["an extension that is a fraction", { ext: 1.5 }, "/ext", /string, a boolean/],
  ["an extension beyond 32 bits", { ext: 2 ** 31 }, "/ext", /32 bits/],
  ["an extension far beyond", { ext: -(2 ** 31) - 1 }, "/ext", /32 bits/],
  ["a lone surrogate in an extension", { ext: "\udc00" }, "/ext", /lone surrogate/],
  ["a DEL in an extension", { ext: "\x7f" }, "/ext", /control characters/],
];
test.each(INVALID)("%s is refused by name, in every form", (_, more, pointer, detail) => {
  const event = { ...REQUIRED, ...more };
  const places = (base: string) => [
    { pointer: `${base}${pointer}`, detail: expect.stringMatching(detail as RegExp) },
  ];
  for (const form of ["cloud-event", "cloud-event-frame"] as const) {
    const problem = problemOf(event, form);
    expect(problem).toMatchObject({ code: "invalid_event", status: 422, errors: places(""), error_count: 1 });
  }
  const problem = problemOf([REQUIRED, event], "cloud-event-batch");
  expect(problem).toMatchObject({ code: "invalid_event", errors: places("/1"), error_count: 1 });
});

test("a number that is kept as text is no integer, and `__proto__` is no attribute", () => {
  const text = (member: string): string => `${JSON.stringify(REQUIRED).slice(0, -1)},${member}}`;
  expect(problemOf(text('"ext":12345678901234567890')).errors).toMatchObject([{ pointer: "/ext" }]);
  expect(problemOf(text('"__proto__":"x"')).errors).toMatchObject([{ pointer: "/__proto__" }]);
});

test("everything that is wrong is named at once", () => {
  const { errors } = problemOf({ id: 1, source: "", X: 1 });
  expect(errors!.map(({ pointer }) => pointer)).toEqual(["/specversion", "/id", "/source", "/type", "/X"]);
});

describe("a batch", () => {
  test("may be empty", () => {
    expect(decoded([], "cloud-event-batch")).toMatchObject({ events: [], isSingle: false });
  });

  test("keeps the order of its events", () => {
    const { events } = decoded([REQUIRED, { ...REQUIRED, id: "b" }], "cloud-event-batch");
    expect(events.map(({ eventId }) => eventId)).toEqual(["a", "b"]);
  });

  test("is an array, and one event is none", () => {
    expect(problemOf(REQUIRED, "cloud-event-batch")).toMatchObject({ code: "invalid_event", status: 422 });
    for (const form of ["cloud-event", "cloud-event-frame"] as const)
      expect(problemOf([REQUIRED], form)).toMatchObject({ code: "invalid_event", status: 422 });
  });

  test("holds so many events at most, however long they are", () => {
    const events = Array.from({ length: 11 }, (_, i) => ({ ...REQUIRED, id: `${i}` }));
    expect(decoded(events.slice(1), "cloud-event-batch").events).toHaveLength(10);
    expect(problemOf(events, "cloud-event-batch").code).toBe("batch_too_large");
    const large = events.map((event) => ({ ...event, data: "x".repeat(8_000) }));
    const limits = { ...LIMITS, eventBytesMax: 10_000 };
    expect(problemOf(large, "cloud-event-batch", limits).code).toBe("batch_too_large");
    // It is not even built: what is wrong behind the events that are too many is not seen.
    const broken = `${JSON.stringify(large).slice(0, -1)},`;
    expect(problemOf(broken, "cloud-event-batch", limits).code).toBe("batch_too_large");
  });
});

describe("limits", () => {
  test("an event has so many bytes of data, and attributes count", () => {
    expect(recordOf({ data: "x".repeat(998) }).payload).toHaveLength(1_000);
    const problem = problemOf({ ...REQUIRED, data: "x".repeat(999) });
    expect(problem).toMatchObject({ code: "event_too_large", errors: [{ pointer: "/data" }] });
    expect(problemOf({ ...REQUIRED, ext: "x".repeat(1_000) }).code).toBe("event_too_large");
  });

  test("data nests so deep", () => {
    const limits = { ...LIMITS, depthMax: 3 };
    expect(decoded({ ...REQUIRED, data: [[[1]]] }, "cloud-event", limits).events).toHaveLength(1);
    const { errors } = problemOf({ ...REQUIRED, data: [[[[1]]]] }, "cloud-event", limits);
    expect(errors).toMatchObject([{ pointer: "/data", detail: "must nest at most 3 levels deep" }]);
    const deep = `{"data":${"[".repeat(40_000)}`;
    expect(problemOf(deep).code).toBe("invalid_event");
  });

  test("an extension called `events` makes no list of the data", () => {
    const limits = { ...LIMITS, eventBytesMax: 1_000_000 };
    const event = { ...REQUIRED, events: "x", data: Array(40_000).fill(1) };
    expect(decoded(event, "cloud-event", limits).events).toHaveLength(1);
  });

  test("what is no JSON is said to be none", () => {
    for (const form of ["cloud-event", "cloud-event-batch", "cloud-event-frame"] as const)
      expect(problemOf("{", form)).toMatchObject({ code: "malformed_json", status: 400 });
    for (const value of ["1", '"a"', "null"]) expect(problemOf(value).code).toBe("invalid_event");
  });
});
