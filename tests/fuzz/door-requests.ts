/** Requests through the other doors: lines, CloudEvents, the handshake of webhooks, and pages of events in every form. */

import type { Random } from "../simulation/random.ts";
import { mutated } from "./byte-mutations.ts";
import { CLOUD_EVENT_TYPES, type CloudEventTexts } from "./cloud-event-texts.ts";
import { compressed, compressedInParts } from "./compression.ts";
import type { CursorTexts } from "./cursor-texts.ts";
import { type BrokenCase, type RequestCase, UNANSWERED_TOPIC } from "./fuzz-case.ts";
import { VALID_TOPICS } from "./hostile-texts.ts";
import { encoded } from "./http-requests.ts";
import type { LineBodies } from "./line-bodies.ts";
import type { RequestBytes } from "./request-bytes.ts";

const LINES_TYPES = ["application/x-ndjson", "Application/X-NDJSON; charset=utf-8", "application/ndjson"];

const ORIGINS = {
  valid: ["events.example.com", "localhost", "__proto__", "a".repeat(255)],
  invalid: ["", "a b", "a,b", "\u00fc", "a".repeat(256), '"a b"'],
};

const ACCEPTS = [
  "application/json",
  "application/cloudevents-batch+json",
  "application/x-ndjson",
  "application/cloudevents+json",
  "*/*",
  "application/*",
  "text/html, application/xhtml+xml;q=0.9, */*;q=0.8",
  "APPLICATION/X-NDJSON;Q=1",
  "application/x-ndjson;q=0, application/json;q=0",
  "application/x-ndjson;q=nan, application/json;q=-1",
  'application/json;v="a,b;q=1";q=0.1',
  "application/x-ndjson;;;q==1",
  "__proto__/constructor, */__proto__",
  "/",
  "",
  ",",
  ",".repeat(6_000),
  "a/b,".repeat(2_000),
  `${"*/*;".repeat(2_000)}q=1`,
  `${'a/b;c="'.repeat(800)}`,
  "\u00ff/\u00fe",
];

export class DoorRequests {
  constructor(
    private readonly random: Random,
    private readonly bytes: RequestBytes,
    private readonly lines: LineBodies,
    private readonly cloudEvents: CloudEventTexts,
    private readonly cursors: CursorTexts,
  ) {}

  next(): RequestCase | BrokenCase {
    const { random } = this;
    const kind = random.weighted({
      lines: 12,
      cutLines: 3,
      cloudEvents: 10,
      binary: 10,
      webhook: 2,
      page: 8,
    });
    if (kind === "lines") return this.#lines();
    if (kind === "cutLines") return this.#cutLines();
    if (kind === "cloudEvents") return this.#cloudEvents();
    if (kind === "binary") return this.#binary();
    return kind === "webhook" ? this.#webhook() : this.#page();
  }

  #lines(): RequestCase {
    const { random } = this;
    const { bytes: plain, owed } = this.lines.next();
    const authorization = this.bytes.authorization();
    const headers = [authorization.lines, `content-type: ${random.pick(LINES_TYPES)}\r\n`];
    const encoding = random.pick(["", "", "gzip", "zstd"] as const);
    let body = plain;
    if (encoding !== "") {
      headers.push(`content-encoding: ${encoding}\r\n`);
      body = random.chance(0.5)
        ? compressed(random, encoding, body)
        : compressedInParts(random, encoding, body);
    }
    const isChanged = random.chance(encoding === "" ? 0.05 : 0.3);
    if (isChanged)
      body = random.chance(0.5) ? body.subarray(0, random.below(body.length + 1)) : mutated(random, body);
    const query = random.pick(["", "", "", "?results=false", "?results=true"]);
    const bytes = this.bytes.request("POST", `/publish${query}`, headers, body);
    const isOwed = owed !== undefined && !isChanged && authorization.isValid && query !== "?results=true";
    return {
      kind: "request",
      method: "POST",
      bytes,
      isPublish: true,
      events: undefined,
      ...(isOwed && { lines: owed }),
    };
  }

  /** The connection is cut in the middle: what is in by then is of the topic whose counts are left out. */
  #cutLines(): BrokenCase {
    const { random } = this;
    const headers = [this.bytes.valid, `content-type: ${random.pick(LINES_TYPES)}\r\n`];
    let body = this.lines.ofTopic(UNANSWERED_TOPIC);
    const encoding = random.pick(["", "", "gzip", "zstd"]);
    if (encoding !== "") {
      headers.push(`content-encoding: ${encoding}\r\n`);
      body = compressed(random, encoding, body);
    }
    const whole = this.bytes.request("POST", "/publish", headers, body);
    const sent = whole.subarray(0, whole.length - random.below(body.length));
    const at = random.below(sent.length + 1);
    const chunks = [sent.subarray(0, at), sent.subarray(at)].filter(({ length }) => length > 0);
    return { kind: "broken", chunks, isDropped: random.chance(0.7) };
  }

  #cloudEvents(): RequestCase {
    const { random } = this;
    const form = random.chance(0.5) ? "single" : "batch";
    const { text, events } = this.cloudEvents.text(form);
    const isOdd = random.chance(0.1);
    const type = random.pick(isOdd ? CLOUD_EVENT_TYPES.odd : CLOUD_EVENT_TYPES[form]);
    const authorization = this.bytes.authorization();
    const headers = [authorization.lines, `content-type: ${type}\r\n`];
    // With this prefix the body has the event, whatever the headers say.
    if (random.chance(0.1)) headers.push("ce-id: elsewhere\r\n");
    const plain = Buffer.from(text);
    const body = random.chance(0.1) ? mutated(random, plain) : plain;
    const bytes = this.bytes.request("POST", "/publish", headers, body);
    const isOwed = !isOdd && body === plain && authorization.isValid;
    return { kind: "request", method: "POST", bytes, isPublish: true, events: isOwed ? events : undefined };
  }

  #binary(): RequestCase {
    const { lines, body, events } = this.cloudEvents.binary();
    const authorization = this.bytes.authorization();
    const bytes = this.bytes.request("POST", "/publish", [authorization.lines, ...lines], body);
    const owed = authorization.isValid ? events : undefined;
    return { kind: "request", method: "POST", bytes, isPublish: true, events: owed };
  }

  #webhook(): RequestCase {
    const { random } = this;
    const isValid = random.chance(0.6);
    const authorization = this.bytes.authorization();
    const headers = [
      authorization.lines,
      `${random.pick(["webhook-request-origin", "WebHook-Request-Origin"])}: ${random.pick(isValid ? ORIGINS.valid : ORIGINS.invalid)}\r\n`,
    ];
    if (random.chance(0.3)) headers.push(`webhook-request-rate: ${random.pick(["120", "*", "-1", "x"])}\r\n`);
    if (random.chance(0.3)) headers.push("webhook-request-callback: http://127.0.0.1:1/callback\r\n");
    const bytes = this.bytes.request(
      "OPTIONS",
      random.pick(["/publish", "/publish/", "/publish?a=b"]),
      headers,
    );
    const statuses = authorization.isValid ? { statuses: [isValid ? 200 : 422] } : {};
    return { kind: "request", method: "OPTIONS", bytes, isPublish: false, events: undefined, ...statuses };
  }

  /** From a cursor, in the form that is liked best. */
  #page(): RequestCase {
    const { random } = this;
    const { text, isBad } = this.cursors.next("events");
    const parameters = [`after=${encodeURIComponent(text)}`, `limit=${random.between(1, 20)}`];
    if (random.chance(0.3)) parameters.push(`topic=${encoded(random, random.pick(VALID_TOPICS))}`);
    const authorization = this.bytes.authorization();
    const headers = [authorization.lines];
    if (random.chance(0.8)) headers.push(`accept: ${random.pick(ACCEPTS)}\r\n`);
    const method = random.chance(0.9) ? "GET" : "HEAD";
    const bytes = this.bytes.request(method, `/events?${parameters.join("&")}`, headers);
    const statuses = authorization.isValid && isBad ? { statuses: [422] } : {};
    return { kind: "request", method, bytes, isPublish: false, events: undefined, ...statuses };
  }
}
