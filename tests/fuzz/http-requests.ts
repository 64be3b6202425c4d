/** Requests with right framing and everything else in doubt: methods, targets, headers, encodings, bodies. */

import type { Random } from "../simulation/random.ts";
import { mutated } from "./byte-mutations.ts";
import { compressed } from "./compression.ts";
import { hostileParameter } from "./credentials.ts";
import type { CursorTexts } from "./cursor-texts.ts";
import type { RequestCase } from "./fuzz-case.ts";
import { INVALID_IDS, TIMES, VALID_IDS, VALID_TOPICS } from "./hostile-texts.ts";
import { hostileKey } from "./keyed-requests.ts";
import type { PublishTexts } from "./publish-texts.ts";
import type { RequestBytes } from "./request-bytes.ts";
import type { Route } from "./routes.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

const CONTENT_TYPES = [
  "application/json",
  "application/json; charset=utf-8",
  'APPLICATION/JSON;charset="utf-8"',
  "application/json;charset=utf-16",
  "application/json;;;=;charset",
  "application/x-ndjson",
  "application/cloudevents+json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "__proto__/constructor",
  "",
  ";",
  `application/json; x=${"y".repeat(2_000)}`,
];

const ENCODINGS = [
  "gzip",
  "GZIP",
  "zstd",
  "br",
  "deflate",
  "identity",
  "gzip, gzip",
  "__proto__",
  "constructor",
  "",
];

const ODD_HEADERS = [
  "__proto__: 1\r\n",
  "constructor: x\r\ntoString: y\r\n",
  "x-forwarded-for: 127.0.0.1, ::1, __proto__\r\n",
  "forwarded: for=127.0.0.1;proto=https\r\n",
  "x-http-method-override: DELETE\r\n",
  "x-original-url: /stats\r\nx-rewrite-url: /stats\r\n",
  "range: bytes=0-,-1,99999999999999999999-\r\n",
  "if-none-match: *\r\n",
  'if-none-match: "a", W/"b"\r\n',
  "accept: application/x-ndjson;q=nan\r\n",
  "accept-encoding: gzip;q=1e400, zstd, *;q=0\r\n",
  "origin: null\r\n",
  "origin: http://evil.example\r\n",
  "te: trailers\r\ntrailer: content-length\r\n",
  "expect: 200-maybe\r\n",
  "ce-id: 1\r\nce-type: __proto__\r\nce-specversion: 1.0\r\nce-source: /\r\n",
  "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
  "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
  "idempotency-key: fuzz\r\n",
  'idempotency-key: "fuzz"\r\n',
  'idempotency-key: "__proto__\\\\"\r\n',
  "idempotency-key: a\r\nidempotency-key: a\r\n",
  'idempotency-key: "\r\n',
  "idempotency-key: größe\r\n",
  "x-empty:\r\n",
  `x-long: ${"z".repeat(6_000)}\r\n`,
  Array.from({ length: 60 }, (_, i) => `x-many-${i}: ${i}\r\n`).join(""),
];

/** The share of requests for what takes the node longest, so that a run is not made of these. */
const LARGE_PAGE = 0.01;

export class HttpRequests {
  constructor(
    private readonly random: Random,
    private readonly texts: PublishTexts,
    private readonly routes: readonly Route[],
    private readonly bytes: RequestBytes,
    private readonly cursors: CursorTexts,
  ) {}

  next(): RequestCase {
    const kind = this.random.weighted({
      publish: 60,
      publishOddly: 20,
      route: 30,
      oddRoute: 10,
      handshake: 2,
    });
    if (kind === "publish") return this.#publish();
    if (kind === "publishOddly") return this.#oddPublish();
    if (kind === "handshake") return this.#handshake();
    return this.#route(kind === "oddRoute");
  }

  /** For a WebSocket, with a key that is none. */
  #handshake(): RequestCase {
    const { random } = this;
    const keys = [
      "",
      "a",
      "A".repeat(24),
      "=".repeat(24),
      "__proto__",
      "dGhlIHNhbXBsZSBub25jZQ",
      "a".repeat(2_000),
    ];
    const key = random.chance(0.2) ? "" : `sec-websocket-key: ${random.pick(keys)}\r\n`;
    const lines = `upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n${key}`;
    const target = random.pick([
      "/ws/publish",
      "/ws/stats",
      "/ws/stats/",
      "/ws/events?after=0",
      "/ws/publish?topics=a",
    ]);
    const headers = [lines, this.bytes.authorization().lines];
    return this.#case("GET", this.bytes.request("GET", target, headers), false, undefined);
  }

  /** Right in everything but, perhaps, the text. */
  #publish(): RequestCase {
    const { random } = this;
    const { text, events } = this.texts.text("body");
    const query = random.chance(0.2) ? "?results=true" : "";
    const authorization = this.bytes.authorization();
    const headers = [authorization.lines, "content-type: application/json\r\n"];
    const bytes = this.bytes.request("POST", `/publish${query}`, headers, Buffer.from(text));
    return this.#case("POST", bytes, true, authorization.isValid ? events : undefined);
  }

  #oddPublish(): RequestCase {
    const { random } = this;
    let body: Buffer = Buffer.from(this.texts.text("body").text);
    const headers = [this.bytes.authorization().lines];
    if (random.chance(0.5)) headers.push(`content-type: ${random.pick(CONTENT_TYPES)}\r\n`);
    if (random.chance(0.4)) {
      const encoding = random.pick(ENCODINGS);
      headers.push(`content-encoding: ${encoding}\r\n`);
      if (random.chance(0.8)) body = compressed(random, encoding, body);
    }
    if (random.chance(0.5)) body = mutated(random, body);
    if (random.chance(0.3)) headers.push(random.pick(ODD_HEADERS));
    if (random.chance(0.15)) headers.push(hostileKey(random));
    const query = random.chance(0.4) ? this.#query(["results"]) : "";
    const bytes = this.bytes.request("POST", `/publish${query}`, headers, body);
    return this.#case("POST", bytes, true, undefined);
  }

  /** Any route with parameters; oddly, with another method and a body that nobody asked for. */
  #route(isOdd: boolean): RequestCase {
    const { random } = this;
    const route = random.pick(this.routes);
    const method = isOdd ? random.pick(METHODS) : route.method;
    const path = isOdd && random.chance(0.5) ? this.#oddPath(route.path) : this.#filled(route.path);
    const query = random.chance(0.7) ? this.#query(route.parameters) : "";
    const headers = [this.bytes.authorization().lines];
    if (random.chance(isOdd ? 0.5 : 0.1)) headers.push(random.pick(ODD_HEADERS));
    const hasBody = method === "POST" || (isOdd && method !== "TRACE" && random.chance(0.3));
    const body = hasBody ? Buffer.from(this.texts.text("body").text) : undefined;
    const bytes = this.bytes.request(method, `${path}${query}`, headers, body);
    return this.#case(method, bytes, method === "POST" && /^\/publish\/?$/.test(path), undefined);
  }

  #case(method: string, bytes: Buffer, isPublish: boolean, events: number | undefined): RequestCase {
    return { kind: "request", method, bytes, isPublish, events };
  }

  #filled(path: string): string {
    const names = this.random.chance(0.8) ? [...VALID_TOPICS, ...VALID_IDS] : INVALID_IDS;
    return path.replaceAll(/\{[^}]*\}/g, () => encoded(this.random, this.random.pick(names)));
  }

  #oddPath(path: string): string {
    const { random } = this;
    const steps = this.#filled(path).split("/").slice(1);
    const odd = [
      "",
      ".",
      "..",
      "%2e%2e",
      "%2f",
      "%00",
      "%ff",
      "%",
      "%zz",
      "__proto__",
      "constructor",
      ";a=b",
      "a\\b",
    ];
    steps.splice(random.below(steps.length + 1), random.below(2), random.pick(odd));
    if (random.chance(0.1)) steps.push("x".repeat(random.below(8_000)));
    return `/${steps.join("/")}`;
  }

  #query(parameters: readonly string[]): string {
    const { random } = this;
    const pairs: string[] = [];
    for (const name of parameters) if (random.chance(0.4)) pairs.push(`${name}=${this.#parameter(name)}`);
    if (random.chance(0.1)) pairs.push(hostileParameter(random));
    if (random.chance(0.15))
      pairs.push(`${encoded(random, random.pick(VALID_TOPICS))}=${encoded(random, random.pick(VALID_IDS))}`);
    if (random.chance(0.05))
      pairs.push(random.pick(["", "=", "%", "%ff=1", "a=%c0%af", "a[b]=c", "topic[]=a", "&&"]));
    if (random.chance(0.05)) pairs.push(...pairs);
    return pairs.length === 0 ? "" : `?${random.some(pairs, pairs.length).join("&")}`;
  }

  #parameter(name: string): string {
    const { random } = this;
    if (random.chance(0.15)) return encoded(random, random.pick([...INVALID_IDS, ...VALID_IDS]));
    if (name === "limit") return random.chance(LARGE_PAGE) ? "10000" : String(random.between(0, 5));
    if (name === "since" || name === "until")
      return encodeURIComponent(random.pick([...TIMES.valid, ...TIMES.invalid]));
    if (name === "order") return random.pick(["asc", "desc", "DESC", "__proto__"]);
    if (name === "results") return random.pick(["true", "false", "1"]);
    if (/^(?:after|last_event_id)$/.test(name) && random.chance(0.5))
      return encoded(random, this.cursors.next(random.chance(0.8) ? "events" : "stats").text);
    if (/^(?:after|revision|interval)$/.test(name))
      return random.pick([
        "0",
        "5",
        "100000",
        "9007199254740991",
        "9007199254740993",
        "-1",
        "1e3",
        "0x10",
        "toString",
      ]);
    return encoded(random, random.pick(VALID_TOPICS));
  }
}

/** Percent-encoded as it should be, or more or less than that. */
export function encoded(random: Random, text: string): string {
  if (random.chance(0.9)) return encodeURIComponent(text);
  const bytes = [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return random.chance(0.7) ? bytes : bytes.slice(0, -1);
}
