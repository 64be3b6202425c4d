/** What a publisher may send, and what it nearly may: events, arrays and envelopes as text. */

import type { Random } from "../simulation/random.ts";
import {
  BAD_JSON_TOKENS,
  INVALID_IDS,
  INVALID_TOPICS,
  TIMES,
  VALID_IDS,
  VALID_TOPICS,
} from "./hostile-texts.ts";
import { JsonGrammar } from "./json-grammar.ts";

/** A text, and how many events a node that keeps its promises acknowledges; undefined where that is open. */
export interface PublishText {
  readonly text: string;
  readonly events: number | undefined;
}

/** Few enough that many events are sent again, and some in conflict. */
const PLAIN_IDS = 20_000;

const EVENTS_MAX = 12;

/** Members that are no field of an event, beside those that every object inherits. */
const UNKNOWN_FIELDS = [
  "eventId",
  "topics",
  "data",
  "__proto__",
  "constructor",
  "toString",
  "",
  "0",
  "a/b~c",
];

export class PublishTexts {
  readonly json: JsonGrammar;

  constructor(private readonly random: Random) {
    this.json = new JsonGrammar(random);
  }

  /** A body or a frame. */
  text(form: "body" | "frame"): PublishText {
    const { random } = this;
    const kind = random.weighted({ valid: 45, nearly: 35, broken: 10, alien: 10 });
    if (kind === "valid") return this.valid(form);
    if (kind === "nearly") return { text: this.#nearly(form), events: undefined };
    if (kind === "broken") return { text: this.#broken(this.valid(form).text), events: undefined };
    return { text: random.chance(0.5) ? this.json.value() : random.pick(BAD_JSON_TOKENS), events: undefined };
  }

  /** One that must be acknowledged. */
  valid(form: "body" | "frame"): PublishText {
    const shape = this.random.weighted({ single: 5, array: 3, envelope: 3 });
    if (shape === "single") return { text: this.event(), events: 1 };
    const events = Array.from({ length: this.random.below(EVENTS_MAX + 1) }, () => this.event());
    const list = this.json.container(events, "[]");
    if (shape === "array") return { text: list, events: events.length };
    return { text: this.json.container(this.#envelope(form, list), "{}"), events: events.length };
  }

  /** An event of one topic, for what may be stored without an answer. */
  ofTopic(topic: string): string {
    return JSON.stringify({ topic, event_id: `u${this.random.below(1_000_000_000)}` });
  }

  #envelope(form: "body" | "frame", list: string): string[] {
    const { random, json } = this;
    const members = [json.member("events", list)];
    if (form === "body") return members;
    if (random.chance(0.8)) members.push(json.member("type", '"publish"'));
    if (random.chance(0.6))
      members.push(json.member("id", random.pick(['"a"', "7", "12345678901234567890", '""'])));
    if (random.chance(0.3)) members.push(json.member("results", random.pick(["true", "false"])));
    return this.#shuffled(members);
  }

  /** One event that is right. */
  event(): string {
    const { random, json } = this;
    const members = [json.member(random.pick(["event_id", "id"]), this.#validId())];
    if (random.chance(0.8)) members.push(json.member("topic", json.spelt(random.pick(VALID_TOPICS))));
    if (random.chance(0.2)) members.push(json.member("timestamp", `"${random.pick(TIMES.valid)}"`));
    if (random.chance(0.2)) members.push(json.member("source", json.spelt(random.pick(VALID_TOPICS))));
    if (random.chance(0.7)) members.push(json.member("payload", json.value()));
    const shuffled = this.#shuffled(members);
    // Of two members with one name the last one counts, and both are right.
    if (random.chance(0.05))
      shuffled.push(json.member("payload", json.number()), json.member("payload", "{}"));
    return json.container(shuffled, "{}");
  }

  #validId(): string {
    const { random, json } = this;
    return random.chance(0.2) ? json.spelt(random.pick(VALID_IDS)) : `"e${random.below(PLAIN_IDS)}"`;
  }

  /** Well-formed, with one thing or more that may be wrong. */
  #nearly(form: "body" | "frame"): string {
    const { random, json } = this;
    const events = Array.from({ length: random.between(1, 3) }, () => this.#doubtfulEvent());
    const list = json.container(events, "[]");
    const shape = random.below(5);
    if (shape < 2) return events[0]!;
    if (shape === 2) return list;
    const members = this.#envelope(form, random.chance(0.8) ? list : json.value());
    if (random.chance(0.5))
      members.push(json.member(random.pick(["type", "id", "results", "event"]), json.value()));
    if (random.chance(0.3)) members.push(json.member(random.pick(UNKNOWN_FIELDS), json.value()));
    return json.container(members, "{}");
  }

  #doubtfulEvent(): string {
    const { random, json } = this;
    if (random.chance(0.05)) return json.value();
    const members: string[] = [];
    const text = (value: string): string => (random.chance(0.8) ? json.spelt(value) : json.value());
    if (random.chance(0.9))
      members.push(json.member("event_id", text(random.pick(random.chance(0.5) ? INVALID_IDS : VALID_IDS))));
    if (random.chance(0.2)) members.push(json.member("id", text(random.pick(VALID_IDS))));
    if (random.chance(0.6))
      members.push(
        json.member("topic", text(random.pick(random.chance(0.5) ? INVALID_TOPICS : VALID_TOPICS))),
      );
    if (random.chance(0.4))
      members.push(json.member("timestamp", text(random.pick([...TIMES.invalid, ...TIMES.valid]))));
    if (random.chance(0.3)) members.push(json.member("source", text(random.pick(INVALID_IDS))));
    if (random.chance(0.3)) members.push(json.member(random.pick(UNKNOWN_FIELDS), json.value()));
    if (random.chance(0.1)) members.push(json.member("payload", json.deepValue()));
    return json.container(this.#shuffled(members), "{}");
  }

  /** One token taken out, doubled, put elsewhere or replaced by one that is none. */
  #broken(text: string): string {
    const { random } = this;
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+|\s+/g) ?? [text];
    for (let changes = random.between(1, 3); changes > 0; changes--) {
      const at = random.below(tokens.length);
      const other = tokens[random.below(tokens.length)] ?? "";
      const instead = random.pick([[], [tokens[at]!, tokens[at]!], [other], [random.pick(BAD_JSON_TOKENS)]]);
      tokens.splice(at, 1, ...instead);
    }
    return tokens.join("");
  }

  #shuffled(items: readonly string[]): string[] {
    return this.random.some(items, items.length);
  }
}
