/** What publishers send: events from a small set of keys, in every form, right and wrong. */

import type { PublishForm } from "../../src/events/decoded-publish.ts";
import type { ProblemCode } from "../../src/problem.ts";
import type { SentEvent } from "./model.ts";
import { PAYLOADS, type Payload } from "./payloads.ts";
import type { Random } from "./random.ts";
import { joinScope } from "./scoped-store.ts";

/** One body or frame, and what its publisher expects to be made of it. */
export interface Intent {
  readonly form: PublishForm;
  readonly text: string;
  readonly events: readonly SentEvent[];
  /** Sent bare, not in a list. */
  readonly isSingle: boolean;
  /** Asks for results in the frame itself. */
  readonly asksResults: boolean;
  /** The frame's own `id` as JSON text. */
  readonly frameId: string | undefined;
  /** False where not even an id can be read. */
  readonly isReadable: boolean;
  /** Why decoding must refuse it. */
  readonly refusal: ProblemCode | undefined;
  /** Over HTTP alone; whether results are wanted is a part of the request then. */
  readonly key?: { readonly name: string; readonly wantsResults: boolean };
}

export const EVENTS_MAX = 24;
export const EVENT_BYTES_MAX = 300;

const TOPICS = [
  "default",
  "orders",
  "orders.eu",
  "orders.us",
  "payments",
  "größe/1",
  "a:b",
  "x_1",
  "zz",
  "q-7",
];
const SCOPES = ["", "", "s1", "s2"];
export const SOURCES = [null, null, null, "checkout", "größe 🎉"];
const TIMESTAMPS = [null, null, "2024-12-31", "2026-01-31T12:00:00.123456+02:00"];

/** The keys of one history; few, so that they meet again. */
export class Traffic {
  readonly topics: readonly string[];
  readonly #idsMax: number;
  #keys = 0;

  constructor(private readonly random: Random) {
    this.topics = random.some(TOPICS, random.between(2, TOPICS.length));
    this.#idsMax = random.pick([3, 12, 60]);
  }

  intent(form: PublishForm): Intent {
    const { random } = this;
    const count = random.weighted({ one: 5, few: 4, many: 1, none: 0.3 });
    const events = this.#events({ one: 1, few: random.between(2, 6), many: EVENTS_MAX, none: 0 }[count]);
    if (random.chance(0.1)) return this.#wrong(form, events);
    return this.#wrap(form, events.map(eventText), { events, refusal: undefined });
  }

  /** A body that brings a key, unless it holds no event: of such a commit nobody could tell whether it was stored. */
  keyed(): Intent {
    const intent = this.intent("body");
    if (intent.events.length === 0 && intent.refusal === undefined) return intent;
    return { ...intent, key: { name: `key-${++this.#keys}`, wantsResults: this.random.chance(0.4) } };
  }

  /** These very events, once more. */
  intentOf(form: PublishForm, events: readonly SentEvent[]): Intent {
    return this.#wrap(form, events.map(eventText), { events, refusal: undefined });
  }

  #events(count: number): SentEvent[] {
    return Array.from({ length: count }, () => this.#event());
  }

  #event(): SentEvent {
    const { random } = this;
    const topic = random.pick(this.topics);
    const number = random.below(this.#idsMax);
    const usual = PAYLOADS[(number * 7 + topic.length) % PAYLOADS.length]!;
    return {
      topic,
      scope: random.pick(SCOPES),
      eventId: `e${number}`,
      timestamp: random.pick(TIMESTAMPS),
      source: random.pick(SOURCES),
      payload: this.#payload(usual),
    };
  }

  /** Mostly the same value, in any of its spellings; now and then another one: a conflict. */
  #payload(usual: Payload): Payload {
    if (this.random.chance(0.12)) return this.random.pick(PAYLOADS);
    return this.random.pick(PAYLOADS.filter(({ meaning }) => meaning === usual.meaning));
  }

  #wrap(
    form: PublishForm,
    texts: readonly string[],
    { events, refusal }: Pick<Intent, "events" | "refusal">,
  ): Intent {
    const { random } = this;
    const isSingle = texts.length === 1 && random.chance(0.5);
    const base = {
      form,
      events,
      refusal,
      isSingle,
      asksResults: false,
      frameId: undefined,
      isReadable: true,
    };
    if (isSingle) return { ...base, text: texts[0]! };
    const list = `[${texts.join(",")}]`;
    const shape = random.pick(
      form === "body" ? (["array", "object"] as const) : (["array", "typed", "typed"] as const),
    );
    if (shape === "array") return { ...base, text: list };
    if (shape === "object") return { ...base, text: `{"events":${list}}` };
    const frameId = random.pick([undefined, "7", "-3", "12345678901234567890", '"a \\"b\\" ü"']);
    const asksResults = random.chance(0.5);
    const id = frameId === undefined ? "" : `,"id":${frameId}`;
    const text = `{"type":"publish"${id},"events":${list}${asksResults ? ',"results":true' : ""}}`;
    return { ...base, text, frameId, asksResults };
  }

  #wrong(form: PublishForm, events: readonly SentEvent[]): Intent {
    const { random } = this;
    const kind = random.pick(["malformed", "scalar", "event", "many", "large"] as const);
    const bare = { form, events: [], isSingle: false, asksResults: false, frameId: undefined };
    const unlike = form === "body" ? "invalid_event" : "invalid_frame";
    if (kind === "malformed")
      return { ...bare, text: '[{"event_id":"e1"}', isReadable: false, refusal: "malformed_json" };
    if (kind === "scalar") return { ...bare, text: "5", isReadable: true, refusal: unlike };
    const texts = events.map(eventText);
    if (kind === "many") {
      while (texts.length <= EVENTS_MAX) texts.push('{"event_id":"e0"}');
      return this.#wrap(form, texts, { events: [], refusal: "batch_too_large" });
    }
    const large = `{"event_id":"e1","payload":"${"x".repeat(EVENT_BYTES_MAX)}"}`;
    const faulty = random.pick([
      '{"topic":"orders"}',
      '{"event_id":"e1","paylaod":1}',
      '{"event_id":"e1","topic":"a b"}',
    ]);
    texts.splice(EVENTS_MAX - 1);
    texts.splice(random.below(texts.length + 1), 0, kind === "large" ? large : faulty);
    return this.#wrap(form, texts, {
      events: [],
      refusal: kind === "large" ? "event_too_large" : "invalid_event",
    });
  }
}

function eventText(event: SentEvent): string {
  const { topic, timestamp, source, payload } = event;
  const members = [`"event_id":${JSON.stringify(joinScope(event))}`];
  if (topic !== "default") members.unshift(`"topic":${JSON.stringify(topic)}`);
  if (timestamp !== null) members.push(`"timestamp":"${timestamp}"`);
  if (source !== null) members.push(`"source":${JSON.stringify(source)}`);
  if (payload.sent !== undefined) members.push(`"payload":${payload.sent}`);
  return `{${members.join(",")}}`;
}
