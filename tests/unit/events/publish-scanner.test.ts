/** What the scanner does not decline it decodes to what parsing makes of it. */

import { heapSize } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { parsePublish } from "../../../src/events/decode-publish.ts";
import type { DecodedPublish, DecodeLimits, NativeForm } from "../../../src/events/decoded-publish.ts";
import { PublishScanner } from "../../../src/events/publish-scanner.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { PublishTexts } from "./publish-texts.ts";

const LIMITS: DecodeLimits = { eventsMax: 3, eventBytesMax: 600 };
const TEXTS = Number(process.env.PUBLISH_TEXTS ?? 20_000);

/** A text is not declined for the time that printing its payloads takes when so much has been walked through before. */
function afterSlack(text: string): string {
  return " ".repeat(Math.ceil(text.length / 2)) + text;
}

const scanner = new PublishScanner();

function scan(text: string, form: NativeForm = "frame", limits = LIMITS): DecodedPublish | undefined {
  return scanner.scan(text, form, limits);
}

/** What parsing makes of a text; a refusal as its code. */
function parse(text: string, form: NativeForm, limits: DecodeLimits): DecodedPublish | string {
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
    const limits: DecodeLimits =
      random.below(50) === 0
        ? { eventsMax: 2, eventBytesMax: 20, depthMax: 2 }
        : { eventsMax: 10, eventBytesMax: 1_000_000, depthMax: random.below(20) === 0 ? 2 : 128 };
    const { text, isOrdinary } = texts.next(form);
    const scanned = scan(afterSlack(text), form, limits);
    if (scanned === undefined) {
      if (isOrdinary && limits.depthMax !== 2) throw new Error(`declined: ${text}`);
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

const MANY_MEMBERS = `{${Array.from({ length: 65 }, (_, i) => `"m${i}":1`).join(",")}}`;

describe("is decoded without being parsed", () => {
  test.each([
    ['{"id":"a"}', "body"],
    ['[{"topic":"t","event_id":"a"},{"event_id":"b","source":null,"timestamp":null}]', "body"],
    [' \r\n\t{ "events" : [ { "event_id" : "a" } , {"id":"b"} ] } \n', "body"],
    ['{"events":[]}', "frame"],
    ["[]", "body"],
    [
      '{"id":"\\u0061\\"","topic":"\\u0062","source":"\\n","timestamp":"2026-01-15\\u0054\\u0030\\u0039:00"}',
      "body",
    ],
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
    ['"\ud800"', '"\\ud800"'],
    ['"\udc00"', '"\\udc00"'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
    ['{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'],
    ['{"\\u0061":1,"\\u0062":2}', '{"a":1,"b":2}'],
    ['{"😀":1,"b":[2.50]}', '{"😀":1,"b":[2.5]}'],
    ['{"\ud800":1}', '{"\\ud800":1}'],
    [MANY_MEMBERS, MANY_MEMBERS],
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
  '{"id":"\\x"}',
  '{"id":"\\n"}',
  '{"id":"\\u0061\n"}',
  '{"id":"\\u0061',
  '{"id":"a","topic":"\\t"}',
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
  '{"a',
  '{"\\x":1}',
  '{"a":1,"a',
  '{"7":1,"a":1,"\n":1}',
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

/** A frame of `count` events that have these payloads, one after the other. */
function frameOf(count: number, payload: (i: number) => string): string {
  return `{"events":[${Array.from({ length: count }, (_, i) => withPayload(payload(i)))}]}`;
}

describe("with payloads that have to be printed again, a text", () => {
  const limits = { eventsMax: 1_000, eventBytesMax: 1_000_000 };
  const printed = [
    "1.50",
    '"\\u00e9"',
    '"\\/"',
    '{"7":1}',
    '{"a":1,"a":2}',
    '{"\\u0061":1}',
    "1e5",
    '"\ud800"',
  ];

  test.each(printed)("is declined when many are like %s", (payload) => {
    expect(
      scan(
        frameOf(100, () => payload),
        "body",
        limits,
      ),
    ).toBeUndefined();
  });

  test.each(printed)("is decoded when one in a hundred is like %s, wherever it stands", (payload) => {
    for (const place of [0, 50, 99]) {
      const text = frameOf(100, (i) => (i === place ? payload : "1"));
      expect(scan(text, "body", limits)).toEqual(parsePublish(text, "body", limits));
    }
  });

  test("is decoded to its end when most of it has been walked through", () => {
    const text = frameOf(100, (i) => (i < 50 ? "1" : "1.50"));
    expect(scan(text, "body", limits)).toEqual(parsePublish(text, "body", limits));
  });

  test("is judged without regard to the text before", () => {
    const text = frameOf(100, (i) => (i === 0 ? "1.50" : "1"));
    for (let i = 0; i < 100; i++) expect(scan(text, "body", limits)).toBeDefined();
  });
});

describe("white space", () => {
  const SPACED = `[${Array(1_000_000).fill("1").join(", ")}]`;
  const limits = { eventsMax: 10, eventBytesMax: 10_000_000 };

  test("is cut out of a text only so many times", () => {
    expect(scan(withPayload(SPACED), "body", limits)).toBeUndefined();
    const late = `[${withPayload(`"${"x".repeat(2_000_000)}"`)},${withPayload(SPACED)}]`;
    expect(scan(late, "body", limits)).toEqual(parsePublish(late, "body", limits));
  });

  test.each([
    ["taken", SPACED.slice(0, 150_000).replace(/, $/, "]")],
    ["refused for its length", SPACED],
    ["declined", SPACED.slice(0, -1)],
  ])("takes no memory when a payload has been %s", (_, payload) => {
    const text = Buffer.from(withPayload(payload)).toString();
    Bun.gc(true);
    const before = heapSize();
    scan(text, "body", { eventsMax: 1, eventBytesMax: 200_000 });
    Bun.gc(true);
    expect(heapSize() - before).toBeLessThan(1_000_000);
  });
});
