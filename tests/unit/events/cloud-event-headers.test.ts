/** CloudEvents in binary mode: what headers say and what bodies hold, by the rules of the HTTP binding. */

import { describe, expect, test } from "bun:test";
import { binaryEventText, decodeHeaderValue } from "../../../src/events/cloud-event-headers.ts";
import { decodePublish } from "../../../src/events/decode-publish.ts";
import type { DecodeLimits } from "../../../src/events/decoded-publish.ts";
import { dataKindOf, isMediaType } from "../../../src/events/media-type.ts";
import { type Problem, ProblemError } from "../../../src/problem.ts";

const LIMITS: DecodeLimits = { eventsMax: 10, eventBytesMax: 1_000 };
const REQUIRED = { specversion: "1.0", id: "a", source: "/s", type: "t" };

interface Sent {
  readonly attributes?: Record<string, string>;
  readonly contentType?: string | null;
  readonly body?: string;
}

function decoded({ attributes = {}, contentType = null, body = "" }: Sent) {
  const head = { contentType, attributes: { ...REQUIRED, ...attributes } };
  return decodePublish(binaryEventText(head, body), "binary-cloud-event", LIMITS);
}

function problemOf(sent: Sent): Problem {
  try {
    decoded(sent);
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error(`Expected ${JSON.stringify(sent)} to be refused.`);
}

describe("a header's value", () => {
  test.each([
    ["as it stands", "abc", "abc"],
    ["empty", "", ""],
    ["the example of the specification", "Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"],
    ["escapes in small letters", "%e2%82%ac", "€"],
    ["escapes that were not needed", "%61%62%63", "abc"],
    ["one round of escapes", "%2541", "%41"],
    ["a space, as earlier versions sent it", "a b", "a b"],
    ["a comma", "a,b", "a,b"],
    ["quotes around it", '"a b"', "a b"],
    ["escapes within quotes", String.raw`"a \" \\ b"`, String.raw`a " \ b`],
    ["a comma and a space within quotes", '"a, b"', "a, b"],
    ["quotes, and then percent-encoding", '"%41%22"', 'A"'],
    ["nothing in quotes", '""', ""],
  ])("is decoded: %s", (_, value, text) => {
    expect(decodeHeaderValue(value)).toEqual({ text });
  });

  test.each([
    ["two lines of one name, joined", "a, b", /once/],
    ["two quoted lines", '"a", "b"', /once/],
    ["two empty lines", ", ", /once/],
    ["an overlong encoding", "%C0%A0", /UTF-8/],
    ["a surrogate", "%ED%A0%80", /UTF-8/],
    ["a cut character", "%E2%82", /UTF-8/],
    ["half an escape", "100%", /UTF-8/],
    ["no digits", "%zz", /UTF-8/],
    ["UTF-8 as it is, which arrives byte by byte", "Ã©", /printable ASCII/],
    ["a tab", "a\tb", /printable ASCII/],
    ["a DEL within quotes", '"a\x7f"', /printable ASCII/],
    ["a quote inside", 'a"b', /quotes/],
    ["a quote that does not end", '"a', /quotes/],
  ])("is refused: %s", (_, value, fault) => {
    expect(decodeHeaderValue(value).fault).toMatch(fault);
    expect(problemOf({ attributes: { ext: value } })).toMatchObject({
      code: "invalid_event",
      errors: [{ pointer: "/ext", detail: expect.stringMatching(fault) }],
    });
  });
});

describe("attributes", () => {
  test("are those of the headers, and extensions are strings", () => {
    const attributes = { time: "2026-01-31T12:00:00Z", subject: "%22", ext: "5", id: "%20" };
    expect(decoded({ attributes }).events).toEqual([
      {
        topic: "t",
        scope: "/s",
        eventId: " ",
        timestamp: "2026-01-31T12:00:00Z",
        source: null,
        payload: "null",
        attributes: '{"subject":"\\"","ext":"5","data":false}',
      },
    ]);
  });

  test.each([
    ["datacontenttype", "text/plain", /Content-Type/],
    ["data", "x", /body/],
    ["data_base64", "AAEC", /body/],
    ["my-ext", "x", /a-z and digits/],
    ["__proto__", "x", /a-z and digits/],
    ["", "x", /a-z and digits/],
    ["specversion", "0.3", /1\.0/],
    ["time", "yesterday", /RFC 3339/],
    ["subject", "", /empty/],
    ["source", "/a%20b", /URI-reference/],
  ])("`ce-%s` with `%s` is refused by name", (name, value, detail) => {
    expect(problemOf({ attributes: { [name]: value } }).errors).toMatchObject([
      { pointer: `/${name}`, detail: expect.stringMatching(detail) },
    ]);
  });

  test("a Content-Type that is none is refused by name", () => {
    expect(problemOf({ contentType: "json" }).errors).toMatchObject([{ pointer: "/datacontenttype" }]);
  });
});

describe("the body", () => {
  const JSON_TYPES = ["application/json", "Application/JSON; charset=UTF-8", "text/json", "a/vnd.b+json"];
  test.each(JSON_TYPES)("is a JSON value as %s, exact", (contentType) => {
    const body = '{"n": 12345678901234567890}\n';
    expect(decoded({ contentType, body }).events[0]).toMatchObject({
      payload: '{"n":12345678901234567890}',
      attributes: JSON.stringify({ datacontenttype: contentType }),
    });
  });

  test("is a text as text, and base64 as anything else", () => {
    expect(decoded({ contentType: "text/xml", body: '<a b="é"/>\n' }).events[0]).toMatchObject({
      payload: '"<a b=\\"é\\"/>\\n"',
    });
    expect(decoded({ contentType: "image/png", body: "AAEC" }).events[0]).toMatchObject({
      payload: '"AAEC"',
      attributes: '{"datacontenttype":"image/png","data_base64":true}',
    });
    expect(decoded({ body: "AAEC" }).events[0]).toMatchObject({
      payload: '"AAEC"',
      attributes: '{"data_base64":true}',
    });
  });

  test("is data when it says null, and none when it is empty", () => {
    const contentType = "application/json";
    const attributes = '{"datacontenttype":"application/json"}';
    expect(decoded({ contentType, body: "null" }).events[0]).toMatchObject({ payload: "null", attributes });
    expect(decoded({ contentType }).events[0]).toMatchObject({
      payload: "null",
      attributes: '{"datacontenttype":"application/json","data":false}',
    });
  });

  test("is JSON where it says so, or refused", () => {
    const sent = { contentType: "application/json", body: "hello" };
    expect(problemOf(sent)).toMatchObject({ code: "malformed_json", status: 400 });
    expect(problemOf({ ...sent, body: '"x'.padEnd(2_000, "x").concat('"') }).code).toBe("event_too_large");
  });
});

test.each([
  ["application/json", "json"],
  ["TEXT/JSON", "json"],
  ["application/a+json;charset=utf-8", "json"],
  ["application/json; charset=iso-8859-1", "binary"],
  ["text/plain", "text"],
  ['text/plain; charset="UTF-8"', "text"],
  ["text/plain; charset=latin1", "binary"],
  ["application/jsonx", "binary"],
  ["application/octet-stream", "binary"],
  [null, "binary"],
] as const)("data of %s is %s", (contentType, kind) => {
  expect(dataKindOf(contentType)).toBe(kind);
});

test("a media type is told from what is none, in time", () => {
  for (const type of ["a/b", "a/b;c=d", 'a/b ; c="d;\\"e"', "a/b;"])
    expect([type, isMediaType(type)]).toEqual([type, true]);
  for (const type of [
    "a",
    "a/",
    "/b",
    "a/b c",
    "a/b;c",
    'a/b;c="d',
    "a/b,c/d",
    `a/b${";".repeat(1_000)}x`,
    `a/b${" ; c=d".repeat(150)} x`,
  ])
    expect([type, isMediaType(type)]).toEqual([type, false]);
});
