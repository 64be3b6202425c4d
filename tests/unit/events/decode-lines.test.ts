/** Lines are decoded to what each of them is alone, up to the first that is wrong. */

import { describe, expect, test } from "bun:test";
import { type DecodedLines, decodeLines, linesBefore } from "../../../src/events/decode-lines.ts";
import { decodePublish, parsePublish } from "../../../src/events/decode-publish.ts";
import type { DecodeLimits } from "../../../src/events/decoded-publish.ts";
import type { EventRecord } from "../../../src/events/event.ts";
import { type ProblemCode, ProblemError } from "../../../src/problem.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { PublishTexts } from "./publish-texts.ts";

const LIMITS: DecodeLimits = { eventsMax: 10, eventBytesMax: 1_000_000 };
const ROUNDS = Number(process.env.LINES_TEXTS ?? 3_000);

/** The same, line by line, by the parser for whole bodies. */
function parseEach(text: string): { events: EventRecord[]; lines: number; code: ProblemCode | undefined } {
  const events: EventRecord[] = [];
  const all = text.split("\n");
  if (all.at(-1) === "") all.pop();
  for (const [lines, line] of all.entries()) {
    if (/^[ \t\r]*$/.test(line)) continue;
    try {
      const parsed = parsePublish(line, "body", LIMITS);
      if (!parsed.isSingle) return { events, lines, code: "invalid_event" };
      events.push(...parsed.events);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // A list is none of the events that a line may hold, whatever is in it.
      const isList = error.problem.code === "batch_too_large";
      return { events, lines, code: isList ? "invalid_event" : error.problem.code };
    }
  }
  return { events, lines: all.length, code: undefined };
}

function decoded(text: string): { events: EventRecord[]; lines: number; code: ProblemCode | undefined } {
  const { events, lines, problem } = decodeLines(text, LIMITS);
  return { events, lines, code: problem?.code };
}

test("a line may be a CloudEvent, judged by the rules of these", () => {
  const event = `{"specversion":"1.0","type":"t","source":"/s","id":"1","data":{"a":1.0}}`;
  const { events } = decoded(`{"event_id":"a"}\n${event}\n`);
  expect(events).toEqual([
    ...parsePublish('{"event_id":"a"}', "body", LIMITS).events,
    ...decodePublish(event, "cloud-event", LIMITS).events,
  ]);
  expect(events[1]).toMatchObject({ topic: "t", scope: "/s", eventId: "1" });
  const { problem } = decodeLines(event.replace('"1.0"', '"0.3"'), LIMITS);
  expect(problem).toMatchObject({ code: "invalid_event", errors: [{ pointer: "/specversion" }] });
});

test("over texts of every kind, lines are what parsing makes of each alone, up to the first that is wrong", () => {
  const random = SeededRandom.printed("lines");
  const texts = new PublishTexts(random);
  const ends = ["\n", "\n", "\r\n", " \n", "\n\n", "\n \t\r\n", ""];
  let [whole, broken, events] = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    let text = random.below(4) === 0 ? "\n" : "";
    for (let line = random.below(12); line > 0; line--) {
      const { text: body } = texts.next("body");
      const event = random.below(3) > 0 ? `{"event_id":"e${line}","payload":${line}}` : body;
      text += event + ends[random.below(ends.length)];
    }
    const got = decoded(text);
    if (!Bun.deepEquals(got, parseEach(text), true))
      expect({ text, ...got }).toEqual({ text, ...parseEach(text) });
    if (got.code === undefined) whole++;
    else broken++;
    events += got.events.length;
  }
  console.log(`lines: ${whole} whole, ${broken} broken, ${events} events`);
  expect(Math.min(whole, broken)).toBeGreaterThan(ROUNDS / 10);
  expect(events).toBeGreaterThan(ROUNDS);
});

describe("lines", () => {
  const event = (id: string): string => `{"event_id":"${id}"}`;
  const outline = ({ events, lines, problem }: DecodedLines): unknown[] => [
    events.map(({ eventId }) => eventId).join(""),
    lines,
    problem?.code,
  ];

  test.each([
    ["", "", 0],
    ["\n", "", 1],
    [" ", "", 1],
    ["\n\n\r\n \t\n", "", 4],
    ["\n  ", "", 2],
    [event("a"), "a", 1],
    [`${event("a")}\n`, "a", 1],
    [`${event("a")}\r\n${event("b")}\r\n`, "ab", 2],
    [`\n\n${event("a")}\n\n\n ${event("b")} \n\n`, "ab", 7],
    [`${event("a")}\n${event("b")}\r`, "ab", 2],
    [`{"event_id":"a","payload":"\u2028\u0085"}\n${event("b")}`, "ab", 2],
  ])("%j", (text, ids, lines) => {
    expect(outline(decodeLines(text, LIMITS))).toEqual([ids, lines, undefined]);
  });

  test.each([
    ["an event over two lines", `${event("a")}\n{"event_id":\n"b"}\n`, "a", 1, "malformed_json"],
    ["two events in a line", `${event("a")}\n\n${event("b")} ${event("c")}\n`, "a", 2, "malformed_json"],
    ["a list", `${event("a")}\n[${event("b")}]\n`, "a", 1, "invalid_event"],
    ["an envelope", `{"events":[${event("b")}]}\n`, "", 0, "invalid_event"],
    ["a number", `${event("a")}\n7\n`, "a", 1, "invalid_event"],
    ["an event without an id", `${event("a")}\n{}\n${event("b")}\n`, "a", 1, "invalid_event"],
    ["a byte order mark", `${event("a")}\n\ufeff${event("b")}\n`, "a", 1, "malformed_json"],
    [
      "a payload too deep",
      `${event("a")}\n{"id":"b","payload":${"[".repeat(200)}${"]".repeat(200)}}`,
      "a",
      1,
      "invalid_event",
    ],
    ["a long list", `${event("a")}\n[${"1,".repeat(40_000)}1]`, "a", 1, "invalid_event"],
    ["a text far too deep", `${event("a")}\n${"[".repeat(1_000_000)}`, "a", 1, "invalid_event"],
  ])("%s ends them", (_, text, ids, lines, code) => {
    expect(outline(decodeLines(text, LIMITS))).toEqual([ids, lines, code]);
  });

  test("a payload over its limit ends them, and says how large it was", () => {
    const text = `${event("a")}\n{"id":"b","payload":"${"x".repeat(50)}"}\n`;
    const { lines, problem } = decodeLines(text, { ...LIMITS, eventBytesMax: 50 });
    expect(lines).toBe(1);
    expect(problem).toMatchObject({ code: "event_too_large", errors: [{ pointer: "/payload" }] });
  });

  test("there is no limit on their number", () => {
    const text = `${event("a")}\n`.repeat(LIMITS.eventsMax * 100);
    expect(decodeLines(text, LIMITS).events).toHaveLength(LIMITS.eventsMax * 100);
  });

  test("places are those of the event", () => {
    const { problem } = decodeLines('{"event_i":"a"}\n', LIMITS);
    expect(problem?.errors?.map(({ pointer }) => pointer)).toEqual(["/event_i", "/event_id"]);
    expect(decodeLines("7\n", LIMITS).problem?.errors?.map(({ pointer }) => pointer)).toEqual([""]);
  });

  test("a million blank lines are walked through once", () => {
    expect(
      outline(decodeLines(`${"\n".repeat(1_000_000)}${event("a")}${"\r\n".repeat(1_000_000)}`, LIMITS)),
    ).toEqual(["a", 2_000_000, undefined]);
  });

  test("before an event stand its lines, blank ones included", () => {
    const text = `\n${event("a")}\r\n \n\t\r\n${event("b")}`;
    expect([linesBefore(text, 0), linesBefore(text, 1)]).toEqual([1, 4]);
  });
});
