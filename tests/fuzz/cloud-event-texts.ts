/** CloudEvents as a publisher may send them, and as it nearly may: as JSON texts, and as headers with a body. */

import type { Random } from "../simulation/random.ts";
import { mutated } from "./byte-mutations.ts";
import { INVALID_IDS, INVALID_TOPICS, VALID_IDS, VALID_TOPICS } from "./hostile-texts.ts";
import type { JsonGrammar } from "./json-grammar.ts";
import type { PublishText } from "./publish-texts.ts";

const EVENTS_MAX = 6;
const PLAIN_IDS = 5_000;

const SOURCES = {
  valid: ["/a", "a/b", "urn:example:x", "https://h.example:80/a?b=c#d", "//[::1]/x", "mailto:a@b", "%C3%BC"],
  invalid: ["", "a b", "%zz", "http://[::1", "1a:b:c", ":x", "ü", "\u0000", "a#b#c", `/${"x".repeat(300)}`],
} as const;

const RFC_3339 = {
  valid: ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+05:30"],
  invalid: ["", "2026-01-31", "now", "2026-02-30T00:00:00Z", "2026-01-31T12:00:00"],
} as const;

/** Names of attributes that every object inherits, or that mean something elsewhere. */
const EXTENSIONS = [
  "constructor",
  "tostring",
  "length",
  "then",
  "0",
  "x",
  "topic",
  "eventid",
  "a".repeat(40),
];
const NO_EXTENSIONS = ["__proto__", "toString", "a_b", "A", "", "ünï", "a-b", "a.b"];

const VERSIONS = ['"0.3"', '"1"', '"1.0 "', "1.0", '"2.0"', "null", "[]", '"１.０"'];

const BASE64 = {
  valid: ["", "AA==", "AAEC", "/+8="],
  invalid: ["A", "AA", "AA=", "-_8=", "A===", "AA==AA==", " "],
};

export const CLOUD_EVENT_TYPES = {
  single: ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8"],
  batch: ["application/cloudevents-batch+json", 'APPLICATION/CLOUDEVENTS-BATCH+JSON;charset="utf-8"'],
  odd: [
    "application/cloudevents",
    "application/cloudevents+avro",
    "application/cloudevents-batch",
    "application/cloudevents+json; charset=latin1",
    "application/cloudevents+json;;;",
    "application/cloudevents+json, application/json",
    "application/cloudevents+json+json",
  ],
} as const;

/** An event in headers, each a line with its end, and its data. */
export interface BinaryText {
  readonly lines: readonly string[];
  readonly body: Buffer;
  readonly events: number | undefined;
}

export class CloudEventTexts {
  constructor(
    private readonly random: Random,
    private readonly json: JsonGrammar,
  ) {}

  /** A body or a frame with one event, or a body with several. */
  text(form: "single" | "batch"): PublishText {
    const { random } = this;
    const kind = random.weighted({ valid: 5, nearly: 5, alien: 1 });
    if (kind === "alien") return { text: this.json.value(), events: undefined };
    if (kind === "valid") return this.valid(form);
    if (form === "single") return { text: this.#doubtfulEvent(), events: undefined };
    const event = (): string => (random.chance(0.5) ? this.#event() : this.#doubtfulEvent());
    const events = Array.from({ length: random.between(1, EVENTS_MAX) }, event);
    return { text: this.json.container(events, "[]"), events: undefined };
  }

  /** One that must be acknowledged. */
  valid(form: "single" | "batch"): PublishText {
    if (form === "single") return { text: this.#event(), events: 1 };
    const events = Array.from({ length: this.random.below(EVENTS_MAX + 1) }, () => this.#event());
    return { text: this.json.container(events, "[]"), events: events.length };
  }

  /** In the binary mode of HTTP. */
  binary(): BinaryText {
    const { random } = this;
    const isValid = random.chance(0.5);
    const attributes = this.#headerAttributes();
    if (!isValid) this.#spoil(attributes);
    const lines = attributes.map(
      ([name, text]) =>
        `${spelt(random, `ce-${name}`)}: ${isValid ? headerValue(random, text) : this.#doubtfulValue(text)}\r\n`,
    );
    const kind = random.pick(["json", "text", "binary", "none"] as const);
    if (kind !== "none") lines.push(`content-type: ${CONTENT_TYPES[kind](random)}\r\n`);
    const body = this.#dataBytes(kind);
    if (isValid) return { lines, body, events: 1 };
    if (random.chance(0.2)) lines.push(random.pick(lines));
    return { lines, body: random.chance(0.3) ? mutated(random, body) : body, events: undefined };
  }

  #event(): string {
    const { random, json } = this;
    const text = (name: string, value: string): string => json.member(name, json.spelt(value));
    const members = [
      text("specversion", "1.0"),
      text("id", this.#id()),
      text("source", random.pick(SOURCES.valid)),
      text("type", random.pick(VALID_TOPICS)),
    ];
    if (random.chance(0.3)) members.push(text("time", random.pick(RFC_3339.valid)));
    if (random.chance(0.3)) members.push(text("subject", random.pick(VALID_IDS)));
    if (random.chance(0.2)) members.push(text("datacontenttype", 'Text/Plain; a="b;c"'));
    if (random.chance(0.2)) members.push(text("dataschema", "https://h.example/s#d"));
    if (random.chance(0.2)) members.push(json.member(random.pick(["time", "subject", "dataschema"]), "null"));
    for (const name of random.some(EXTENSIONS, random.below(3)))
      members.push(json.member(name, random.pick(["true", "2147483647", '"x"', "null", "0", "-1", '"𝄞"'])));
    if (random.chance(0.4)) members.push(json.member("data", json.value()));
    else if (random.chance(0.3)) members.push(text("data_base64", random.pick(BASE64.valid)));
    return json.container(random.some(members, members.length), "{}");
  }

  /** One of a few thousand, so that some are sent again. */
  #id(): string {
    const { random } = this;
    return random.chance(0.2) ? random.pick(VALID_IDS) : `c${random.below(PLAIN_IDS)}`;
  }

  #doubtfulEvent(): string {
    const { random, json } = this;
    const members: string[] = [];
    const doubtful = (name: string, share: number, texts: readonly string[]): void => {
      if (!random.chance(share)) return;
      members.push(json.member(name, random.chance(0.85) ? json.spelt(random.pick(texts)) : json.value()));
    };
    members.push(json.member("specversion", random.chance(0.7) ? '"1.0"' : random.pick(VERSIONS)));
    doubtful("id", 0.9, [...VALID_IDS, ...INVALID_IDS, "\ufdd0"]);
    doubtful("source", 0.9, [...SOURCES.valid, ...SOURCES.invalid]);
    doubtful("type", 0.9, [...VALID_TOPICS, ...INVALID_TOPICS]);
    doubtful("time", 0.3, [...RFC_3339.valid, ...RFC_3339.invalid]);
    doubtful("subject", 0.2, ["", "\u0000", "s"]);
    doubtful("datacontenttype", 0.2, ["", "a", "a/b", "a/b;c", "/", `a/${"b".repeat(2_000)}`]);
    doubtful("dataschema", 0.2, ["", "a", "a:b", "%"]);
    doubtful(random.pick([...NO_EXTENSIONS, ...EXTENSIONS]), 0.3, ["", "a", "\u0001", "\uffff"]);
    doubtful("data_base64", 0.3, [...BASE64.valid, ...BASE64.invalid]);
    if (random.chance(0.3))
      members.push(json.member("data", random.chance(0.9) ? json.value() : json.deepValue()));
    return json.container(random.some(members, members.length), "{}");
  }

  #headerAttributes(): [name: string, text: string][] {
    const { random } = this;
    const attributes: [string, string][] = [
      ["specversion", "1.0"],
      ["id", this.#id()],
      ["source", random.pick(SOURCES.valid)],
      ["type", random.pick(VALID_TOPICS)],
    ];
    if (random.chance(0.3)) attributes.push(["time", random.pick(RFC_3339.valid)]);
    if (random.chance(0.3)) attributes.push(["subject", random.pick(VALID_IDS)]);
    for (const name of random.some(EXTENSIONS, random.below(3)))
      attributes.push([name, random.pick(["", "x", "a, b", '"q"', "𝄞"])]);
    return attributes;
  }

  #spoil(attributes: [name: string, text: string][]): void {
    const { random } = this;
    if (random.chance(0.4)) attributes.splice(random.below(attributes.length), 1);
    if (random.chance(0.3))
      attributes.push([random.pick(["__proto__", "a_b", "data", "data_base64", "datacontenttype", ""]), "x"]);
    if (random.chance(0.3) && attributes.length > 0)
      random.pick(attributes)[1] = random.pick([...INVALID_IDS, ...INVALID_TOPICS, ...SOURCES.invalid]);
  }

  /** As it may not stand in a header, but for line ends: those would make other headers of it. */
  #doubtfulValue(text: string): string {
    const { random } = this;
    const spelling = random.pick([
      headerValue(random, text),
      text,
      `"${text}`,
      `${headerValue(random, text)}%`,
      `${headerValue(random, text)}%ff`,
      `a, ${text}`,
      `"${headerValue(random, text)}"`,
    ]);
    return Buffer.from(spelling)
      .toString("latin1")
      .replaceAll(/[\r\n\0]/g, "?");
  }

  #dataBytes(kind: "json" | "text" | "binary" | "none"): Buffer {
    const { random, json } = this;
    if (random.chance(0.1)) return Buffer.alloc(0);
    if (kind === "json") return Buffer.from(json.value());
    if (kind === "text") return Buffer.from(random.pick(VALID_IDS));
    return Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)));
  }
}

const CONTENT_TYPES = {
  json: (random: Random): string =>
    random.pick(["application/json", "APPLICATION/vnd.x+JSON; charset=utf-8"]),
  text: (random: Random): string => random.pick(["text/plain", "Text/CSV; Charset=UTF-8"]),
  binary: (random: Random): string =>
    random.pick(["application/octet-stream", "image/png", "text/plain; charset=latin1"]),
};

function spelt(random: Random, name: string): string {
  return random.chance(0.9) ? name : name.toUpperCase();
}

/** As the HTTP binding has it (3.1.3.2): percent-encoded where that is needed, and here and there where it is not. */
function headerValue(random: Random, text: string): string {
  const encoded = [...text].map((character) =>
    /[!#$&-~]/.test(character) && !random.chance(0.03) ? character : percentEncoded(random, character),
  );
  const value = encoded.join("");
  return random.chance(0.1) ? `"${value.replaceAll("\\", "\\\\")}"` : value;
}

function percentEncoded(random: Random, character: string): string {
  const hex = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return random.chance(0.5) ? hex : hex.toUpperCase();
}
