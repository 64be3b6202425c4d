/** The bound is never less than what is decoded, and no more for texts that say nothing of ids elsewhere. */

import { describe, expect, test } from "bun:test";
import { decodePublish } from "../../../src/events/decode-publish.ts";
import type { WholeForm } from "../../../src/events/decoded-publish.ts";
import { eventsAtMost } from "../../../src/events/event-bound.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { PublishTexts } from "./publish-texts.ts";

const TEXTS = Number(process.env.PUBLISH_TEXTS ?? 20_000);
const EVENTS_MAX = 10_000;

/** Undefined where the text is refused. */
function eventsIn(text: string, form: WholeForm, eventsMax = EVENTS_MAX): number | undefined {
  try {
    return decodePublish(text, form, { eventsMax, eventBytesMax: 1_000_000 }).events.length;
  } catch {
    return undefined;
  }
}

/** The same text with letters of the members' names as escapes: those that are members, and those that are not. */
function escaped(text: string, random: SeededRandom): string {
  return text.replace(/[a-z_]/g, (letter) => {
    if (random.below(4) > 0) return letter;
    const hex = letter.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${random.below(2) === 0 ? hex : hex.toUpperCase()}`;
  });
}

test("over texts of every kind, in any spelling, nothing decodes to more events than its bound", () => {
  const random = SeededRandom.printed("event bounds");
  const texts = new PublishTexts(random);
  let [decoded, inEscapes] = [0, 0];
  for (let i = 0; i < TEXTS; i++) {
    const form = random.below(2) === 0 ? "body" : "frame";
    const { text } = texts.next(form);
    for (const spelling of [text, escaped(text, random)]) {
      const events = eventsIn(spelling, form);
      if (events === undefined) continue;
      decoded++;
      if (spelling !== text) inEscapes++;
      const bound = eventsAtMost(spelling, EVENTS_MAX);
      if (bound < Math.max(1, events)) throw new Error(`${events} events, bound ${bound}: ${spelling}`);
    }
  }
  console.log(`event bounds: ${decoded} texts, ${inEscapes} of them in escapes`);
  expect(decoded).toBeGreaterThan(TEXTS / 3);
  expect(inEscapes).toBeGreaterThan(TEXTS / 20);
});

describe("is the number of events itself", () => {
  const events = (count: number, more: object = {}) =>
    Array.from({ length: count }, (_, i) => ({ topic: "orders", event_id: `e-${i}`, ...more }));

  test.each([1, 2, 100, EVENTS_MAX])("of %d ordinary ones", (count) => {
    const payload = {
      order: 1,
      lines: [{ amount: 1.5, of: { a: {} } }],
      "event id": "ids",
      text: 'an "id" {',
    };
    expect(eventsAtMost(JSON.stringify(events(count)), EVENTS_MAX)).toBe(count);
    expect(eventsAtMost(JSON.stringify({ events: events(count, { payload }) }), EVENTS_MAX)).toBe(count);
  });

  test("where a client library escapes all that is not ASCII, and what HTML knows", () => {
    const payload = { text: "PLACE", of: {} };
    const text = JSON.stringify(events(3, { payload })).replaceAll(
      "PLACE",
      "\\u00e9\\u2028\\u003c\\u0026\\u0000",
    );
    expect(eventsAtMost(text, EVENTS_MAX)).toBe(3);
  });
});

test("ids elsewhere count until the text is decoded", () => {
  const text = JSON.stringify({ id: 7, events: [{ id: "a", payload: { id: 1, event_id: [{ id: 2 }] } }] });
  expect(eventsIn(text, "frame")).toBe(1);
  expect(eventsAtMost(text, EVENTS_MAX)).toBe(5);
});

describe("of CloudEvents", () => {
  const cloudEvents = (count: number, data: unknown = null) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ specversion: "1.0", id: `e-${i}`, source: "/s", type: "t" },
      ...{ event: "event_id", data },
    }));

  test("a batch has as many as it has ids", () => {
    for (const count of [1, 2, 100]) {
      const text = JSON.stringify(cloudEvents(count, { event_id: "none of ours", text: '"id"' }));
      expect([
        eventsIn(text, "cloud-event-batch"),
        eventsAtMost(text, EVENTS_MAX, "cloud-event-batch"),
      ]).toEqual([count, count]);
    }
    const hidden = JSON.stringify(cloudEvents(50)).replaceAll('"id"', '"\\u0069d"');
    expect(eventsIn(hidden, "cloud-event-batch")).toBe(50);
    expect(eventsAtMost(hidden, EVENTS_MAX, "cloud-event-batch")).toBe(50);
  });

  test("any other form has one, whatever its data says", () => {
    const text = JSON.stringify(cloudEvents(1, [{ id: 1 }, { id: 2 }])[0]);
    for (const form of ["cloud-event", "cloud-event-frame", "binary-cloud-event"] as const)
      expect(eventsAtMost(text, EVENTS_MAX, form)).toBe(1);
  });
});

test("a name in escapes hides no event", () => {
  const names = ["\\u0069d", "i\\u0064", "\\u0065vent_id", "event\\u005Fid", "e\\u0076e\\u006E\\u0074_id"];
  const text = `[${names.map((name, i) => `{"${name}":"${i}"}`).join()}]`;
  expect(eventsIn(text, "body")).toBe(names.length);
  expect(eventsAtMost(text, EVENTS_MAX)).toBe(names.length);
  for (const name of names) {
    const alike = `[${Array(50).fill(`{"${name}":"a"}`).join()}]`;
    expect([eventsIn(alike, "body"), eventsAtMost(alike, EVENTS_MAX)]).toEqual([50, 50]);
  }
});

test("what may not be in one publish is not counted: with more events it is refused", () => {
  const text = JSON.stringify(Array.from({ length: 11 }, (_, i) => ({ id: String(i) })));
  expect([eventsIn(text, "body", 11), eventsAtMost(text, 11)]).toEqual([11, 11]);
  expect([eventsIn(text, "body", 10), eventsAtMost(text, 10)]).toEqual([undefined, 10]);
});

test("what holds none costs one", () => {
  for (const text of ["", "[]", "not JSON", '{"events":[]}', "\\u0065"])
    expect(eventsAtMost(text, EVENTS_MAX)).toBe(1);
});
