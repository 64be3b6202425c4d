/** Bytes that a parser of HTTP must not be taken in by: framing in doubt, broken heads, other protocols, half requests. */

import type { Random } from "../simulation/random.ts";
import { mutated } from "./byte-mutations.ts";
import { type Credentials, hostileAuthorization, validAuthorization } from "./credentials.ts";
import { type BrokenCase, SMUGGLED_TOPIC, UNANSWERED_TOPIC } from "./fuzz-case.ts";
import type { PublishTexts } from "./publish-texts.ts";

/** Header lines that leave open where a body ends; each makes the request one that must be refused. */
const AMBIGUOUS_LENGTHS = (length: number): readonly string[] => [
  `content-length: ${length}\r\ntransfer-encoding: chunked\r\n`,
  `transfer-encoding: chunked\r\ncontent-length: ${length}\r\n`,
  "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
  "transfer-encoding: identity, chunked, identity\r\n",
  "transfer-encoding: xchunked\r\n",
  "transfer-encoding : chunked\r\n",
  "transfer-encoding: \u000bchunked\r\n",
  "transfer-encoding:\r\n chunked\r\n",
  `content-length: ${length}\r\ncontent-length: ${length + 7}\r\n`,
  `content-length: ${length}, ${length + 7}\r\n`,
  `content-length: +${length}\r\n`,
  `content-length: -${length}\r\n`,
  `content-length: 0x${length.toString(16)}\r\n`,
  `content-length: ${length} 0\r\n`,
  "content-length: 18446744073709551617\r\n",
  "content-length:\r\n",
];

/** Sizes of a chunk that are none. */
const BAD_CHUNK_SIZES = ["zz", "-1", "+5", "0x5", " 5", "", "ffffffffffffffff", "10000000000000005", "5\n"];

const OTHER_PROTOCOLS = [
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]),
  Buffer.from("SSH-2.0-fuzz\r\n"),
  Buffer.from("*1\r\n$4\r\nPING\r\n"),
  Buffer.from("EHLO localhost\r\n"),
  Buffer.from("GET /\r\n"),
  Buffer.from("\r\n\r\n\r\n"),
  Buffer.alloc(64),
  Buffer.alloc(40_000, "A"),
];

export class BrokenRequests {
  readonly #host: string;

  constructor(
    private readonly random: Random,
    private readonly texts: PublishTexts,
    credentials: Credentials,
  ) {
    // Let in where the node asks who comes: only then does it matter what is hidden.
    this.#host = `host: localhost\r\n${validAuthorization(credentials)}`;
  }

  next(): BrokenCase {
    const { random } = this;
    const kind = random.weighted({ ambiguous: 4, chunk: 2, head: 4, cut: 2, other: 1, pipelined: 1 });
    if (kind === "ambiguous") return this.#whole(this.#ambiguous());
    if (kind === "chunk") return this.#whole(this.#badChunk());
    if (kind === "head") return this.#whole(this.#brokenHead());
    if (kind === "other") return this.#whole(random.pick(OTHER_PROTOCOLS));
    const one = this.#plain();
    if (kind === "pipelined") return this.#whole(Buffer.concat([one, this.#plain(), one]));
    return this.#whole(one.subarray(0, random.below(one.length)));
  }

  /** In one piece, or in a few. */
  #whole(bytes: Buffer): BrokenCase {
    const at = this.random.below(bytes.length + 1);
    const chunks = this.random.chance(0.5) ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
    return { kind: "broken", chunks: chunks.filter(({ length }) => length > 0) };
  }

  #ambiguous(): Buffer {
    const hidden = this.#hidden();
    const body = `0\r\n\r\n${hidden}`;
    const lengths = this.random.pick(AMBIGUOUS_LENGTHS(this.random.pick([0, 5, body.length])));
    return Buffer.from(`POST /publish HTTP/1.1\r\n${this.#host}${lengths}\r\n${body}`, "latin1");
  }

  #badChunk(): Buffer {
    const body = `${this.random.pick(BAD_CHUNK_SIZES)}\r\nhello\r\n0\r\n\r\n${this.#hidden()}`;
    return Buffer.from(`POST /publish HTTP/1.1\r\n${this.#host}transfer-encoding: chunked\r\n\r\n${body}`);
  }

  /** Bytes of the head are changed; what it publishes, if it still does, is told apart by its topic. */
  #brokenHead(): Buffer {
    const { random } = this;
    const body = this.texts.ofTopic(UNANSWERED_TOPIC);
    const target = random.pick([
      "/publish",
      "/stats?topic=a",
      "*",
      "http://evil.example/stats",
      "stats",
      "/a b",
      "",
    ]);
    const version = random.pick(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", "http/1.1", ""]);
    const lines = random.chance(0.5) ? hostileAuthorization(random) : "x-a: b\r\n c\r\nx\r\n: y\r\n";
    const head = `${random.pick(["POST", "GET", "post", "", "P\u0000ST"])} ${target} ${version}\r\n${this.#host}${lines}content-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([mutated(random, Buffer.from(head, "latin1")), Buffer.from(body)]);
  }

  #plain(): Buffer {
    const body = this.texts.ofTopic(UNANSWERED_TOPIC);
    return Buffer.from(
      `POST /publish HTTP/1.1\r\n${this.#host}content-length: ${body.length}\r\n\r\n${body}`,
    );
  }

  #hidden(): string {
    const body = this.texts.ofTopic(SMUGGLED_TOPIC);
    return `POST /publish HTTP/1.1\r\n${this.#host}content-length: ${body.length}\r\n\r\n${body}`;
  }
}
