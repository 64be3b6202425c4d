/** Requests with an Idempotency-Key: each under a key of its own, played again and again; and keys that are none. */

import type { Random } from "../simulation/random.ts";
import { CLOUD_EVENT_TYPES, type CloudEventTexts } from "./cloud-event-texts.ts";
import { compressed } from "./compression.ts";
import type { KeyedCase } from "./fuzz-case.ts";
import type { PublishTexts } from "./publish-texts.ts";
import type { RequestBytes } from "./request-bytes.ts";

const COPIES_MAX = 4;

/** A few that many requests share, and some that are no keys. */
const KEYS = [
  "a",
  '"a"',
  '"b c"',
  "__proto__",
  '"constructor"',
  '"\\"\\\\"',
  "",
  '""',
  '"',
  '"a',
  "a b",
  "a,b",
  '"a", "a"',
  '"a";p=1',
  "\u00fc",
  '"\u007f"',
  "x".repeat(255),
  "x".repeat(256),
  `"${"y".repeat(5_000)}"`,
];

export function hostileKey(random: Random): string {
  const line = (): string =>
    `${random.pick(["idempotency-key", "Idempotency-Key"])}: ${random.pick(KEYS)}\r\n`;
  return random.chance(0.9) ? line() : `${line()}${line()}`;
}

export class KeyedRequests {
  constructor(
    private readonly random: Random,
    private readonly bytes: RequestBytes,
    private readonly texts: PublishTexts,
    private readonly cloudEvents: CloudEventTexts,
  ) {}

  next(): KeyedCase {
    const { random } = this;
    const name = `${random.below(2 ** 30)}-${random.below(2 ** 30)}`;
    const key = `idempotency-key: ${random.chance(0.5) ? name : `"${name}"`}\r\n`;
    const { type, text, events } = this.#content();
    const query = random.chance(0.3) ? "?results=true" : "";
    const send = (body: string, target = `/publish${query}`): Buffer =>
      this.#request(target, [key, type], body);
    return {
      kind: "keyed",
      refused: random.chance(0.3) ? send(random.pick(["{", "null", '{"event_id":""}', "\u0000"])) : undefined,
      request: send(text),
      events,
      copies: random.between(1, COPIES_MAX),
      other: random.chance(0.8)
        ? send(`${text} `)
        : send(text, `/publish${query === "" ? "?results=true" : ""}`),
    };
  }

  #content(): { type: string; text: string; events: number } {
    const { random } = this;
    if (random.chance(0.8)) {
      const { text, events } = this.texts.valid("body");
      return { type: "content-type: application/json\r\n", text, events: events! };
    }
    const { text, events } = this.cloudEvents.valid("batch");
    return { type: `content-type: ${random.pick(CLOUD_EVENT_TYPES.batch)}\r\n`, text, events: events! };
  }

  /** Compression makes no other request of it. */
  #request(target: string, headers: readonly string[], text: string): Buffer {
    const { random, bytes } = this;
    const lines = [bytes.valid, ...headers];
    const body = Buffer.from(text);
    const encoding = random.pick(["", "", "gzip", "zstd"]);
    if (encoding === "") return bytes.request("POST", target, lines, body);
    lines.push(`content-encoding: ${encoding}\r\n`);
    return bytes.request("POST", target, lines, compressed(random, encoding, body));
  }
}
