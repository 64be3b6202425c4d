/** What the scanner does not decline it decodes to what parsing makes of it. */

import { describe, expect, test } from "bun:test";
import { parsePublish } from "../../../src/events/decode-publish.ts";
import type { DecodedPublish, DecodeLimits, PublishForm } from "../../../src/events/decoded-publish.ts";
import { PublishScanner } from "../../../src/events/publish-scanner.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { PublishTexts } from "./publish-texts.ts";

const LIMITS: DecodeLimits = { eventsMax: 3, eventBytesMax: 600 };
const TEXTS = Number(process.env.PUBLISH_TEXTS ?? 20_000);

const scanner = new PublishScanner();

function scan(text: string, form: PublishForm = "frame", limits = LIMITS): DecodedPublish | undefined {
  return scanner.scan(text, form, limits);
}

/** What parsing makes of a text; a refusal as its code. */
function parse(text: string, form: PublishForm, limits: DecodeLimits): DecodedPublish | string {
  try {
    return parsePublish(text, form, limits);
  } catch (error) {
    return String(error);
  }
}

function withPayload(payload: string): string {
  return `{"event_id":"a","payload":${payload}}`;
}

function payloadOf(text: string, limits = LIMITS): string | undefined {
  const scanned = scan(text, "body", limits);
  if (scanned !== undefined) expect(scanned).toEqual(parsePublish(text, "body", limits));
  return scanned?.events[0]?.payload;
}

test("over texts of every kind, it declines or decodes what parsing decodes, and declines no ordinary text", () => {
  const random = SeededRandom.printed("publish texts");
  const texts = new PublishTexts(random);
  let accepted = 0;
  let odd = 0;
  for (let i = 0; i < TEXTS; i++) {
    const form = random.below(2) === 0 ? "body" : "frame";
    const limits =
      random.below(50) === 0
        ? { eventsMax: 2, eventBytesMax: 20 }
        : { eventsMax: 10, eventBytesMax: 1_000_000 };
    const { text, isOrdinary } = texts.next(form);
    const scanned = scan(text, form, limits);
    if (scanned === undefined) {
      if (isOrdinary && limits.eventsMax > 2) throw new Error(`declined: ${text}`);
      continue;
    }
    accepted++;
    if (!isOrdinary) odd++;
    const parsed = parse(text, form, limits);
    if (!Bun.deepEquals(scanned, parsed, true))
      expect({ text, decoded: scanned }).toEqual({ text, decoded: parsed as DecodedPublish });
  }
  console.log(`publish texts: ${TEXTS}, accepted ${accepted}, of them odd ${odd}`);
  expect(accepted).toBeGreaterThan(TEXTS / 3);
  expect(odd).toBeGreaterThan(TEXTS / 10);
});

describe("is decoded without being parsed", () => {
  test.each([
    ['{"id":"a"}', "body"],
    ['[{"topic":"t","event_id":"a"},{"event_id":"b","source":null,"timestamp":null}]', "body"],
    [' \r\n\t{ "events" : [ { "event_id" : "a" } , {"id":"b"} ] } \n', "body"],
    ['{"events":[]}', "frame"],
    ["[]", "body"],
    ['{"type":"publish","id":7,"events":[{"event_id":"a"}],"results":true}', "frame"],
    ['{"results":false,"events":[{"event_id":"a"}],"id":"f 1","type":"publish"}', "frame"],
  ] as const)("%s as a %s", (text, form) => {
    expect(scan(text, form)).toEqual(parsePublish(text, form, LIMITS));
  });

  test.each([
    ["null", "null"],
    ['"\\"\\\\\\b\\f\\n\\r\\t"', '"\\"\\\\\\b\\f\\n\\r\\t"'],
    ['{"a": [1, 2], "b": "x, y: z"}', '{"a":[1,2],"b":"x, y: z"}'],
    ["[\n  1,\n  {}\n]", "[1,{}]"],
    ["0.30000000000000004", "0.30000000000000004"],
    ["1.10", "1.1"],
    ["1e5", "100000"],
    ["1e400", "1e400"],
    ["-0", "-0"],
    ["0.0000001", "1e-7"],
    ['"\\u00e9\\/"', '"é/"'],
    ['{"b":1,"7":2}', '{"7":2,"b":1}'],
    ['"😀"', '"😀"'],
  ])("the payload %s, which is stored as %s", (payload, stored) => {
    expect(payloadOf(withPayload(payload))).toBe(stored);
  });
});

const DECLINED_TEXTS = [
  "",
  " ",
  "null",
  "1",
  '"a"',
  "{",
  "[",
  "{}",
  "[{}]",
  "[1]",
  '{"id":"a"',
  '{"id":"a"}}',
  '{"id":"a"}x',
  '{"id":"a",}',
  '[{"id":"a"},]',
  '{"id" "a"}',
  '{"id":"a" "topic":"b"}',
  "[}",
  "\ufeff[]",
  '{"id":"a","id":"b"}',
  '{"id":"a","event_id":"b"}',
  '{"id":7}',
  '{"id":null}',
  '{"id":""}',
  '{"id":"\\u0061"}',
  '{"id":"a\u0085"}',
  '{"id":"\ud800"}',
  `{"id":"${"x".repeat(256)}"}`,
  '{"id":"a","more":1}',
  '{"id":"a","topic":null}',
  '{"id":"a","topic":"a b"}',
  '{"id":"a","topic":"a"',
  '{"id":"a","source":1}',
  '{"id":"a","source":"\ud800"}',
  '{"id":"a","timestamp":"yesterday"}',
  '{"id":"a","timestamp":1}',
  '{"topic":"a"}',
  `{"id":"a","topic":"${"x".repeat(600)}"}`,
  '[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"}]',
  '{"type":"publish"}',
  '{"type":"subscribe","events":[]}',
  '{"type":"publish","type":"publish","events":[]}',
  '{"events":[],"events":[]}',
  '{"events":{}}',
  '{"events":[],"results":null}',
  '{"events":[],"id":null}',
  '{"events":[],"id":1.5}',
  '{"events":[],"id":-0}',
  '{"events":[],"id":1234567890123456}',
  '{"events":[],"id":"\\n"}',
  '{"events":[],"id":"\ud800"}',
  `{"events":[],"id":"${"x".repeat(256)}"}`,
  '{"events":[],"more":1}',
  '{"events":[],"id":1,"id":2}',
  '{"events":[],"results":true,"results":true}',
];

const DEEPEST = 128;

const DECLINED_PAYLOADS = [
  "",
  "tru",
  "nul",
  "fals",
  "01",
  "-",
  "1.",
  ".5",
  "1e",
  "1e+",
  "+1",
  "--1",
  "0x1",
  "NaN",
  '"',
  '"a',
  '"\n"',
  '"\\x"',
  '"\\u12g4"',
  '"\\u12',
  '"\ud800"',
  '"\udc00"',
  '"\ud800\ud800"',
  "[",
  "[1",
  "[1,",
  "[1,]",
  "[,1]",
  "[1 2]",
  "{",
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,}',
  "{1:1}",
  "{a:1}",
  '{"a" 1}',
  '{"a":1 "b":2}',
  '{"__proto__":1}',
  '{"a":1,"a":2}',
  '{"a":{"b":1,"c":2,"b":3}}',
  '{"\\u0061":1}',
  '{"😀":1}',
  '{"\ud800":1}',
  `{${Array.from({ length: 65 }, (_, i) => `"m${i}":1`).join(",")}}`,
  "[".repeat(DEEPEST + 1) + "]".repeat(DEEPEST + 1),
  `"${"x".repeat(LIMITS.eventBytesMax)}"`,
];

describe("is declined", () => {
  test.each(DECLINED_TEXTS)("%s", (text) => {
    expect(scan(text)).toBeUndefined();
  });

  test.each(['{"events":[],"type":"publish"}', '{"events":[],"id":1}', '{"events":[],"results":true}'])(
    "%s as a body, where only `events` may stand",
    (text) => {
      expect(scan(text, "body")).toBeUndefined();
      expect(scan(text, "frame")).toBeDefined();
    },
  );

  test.each(DECLINED_PAYLOADS)("the payload %s", (payload) => {
    expect(scan(withPayload(payload))).toBeUndefined();
  });

  test("but not what is just within", () => {
    for (const payload of [
      "[".repeat(DEEPEST) + "]".repeat(DEEPEST),
      `"${"x".repeat(LIMITS.eventBytesMax - 2)}"`,
      '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    ])
      expect(payloadOf(withPayload(payload))).toBe(payload);
  });
});

test("a number is spelt as stored only if a double is printed so", () => {
  const random = SeededRandom.printed("numbers");
  for (let i = 0; i < 20_000; i++) {
    const digits = Array.from({ length: 1 + random.below(30) }, () =>
      random.below(random.below(3) === 0 ? 2 : 10),
    ).join("");
    const point = random.below(digits.length + 1);
    const text = `${random.below(4) === 0 ? "-" : ""}${digits.slice(0, point).replace(/^0+(?=.)/, "") || "0"}${point < digits.length ? `.${digits.slice(point)}` : ""}`;
    expect(payloadOf(withPayload(text))).toBe(
      parsePublish(withPayload(text), "body", LIMITS).events[0]!.payload,
    );
  }
});

test("topics that share a place in the pool are not taken for one another", () => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5_000; i++) {
      const topic = `t${String(i).padStart(5, "0")}`;
      expect(scan(`{"id":"a","topic":"${topic}","source":"${topic}"}`)?.events[0]).toMatchObject({
        topic,
        source: topic,
      });
    }
  }
});
