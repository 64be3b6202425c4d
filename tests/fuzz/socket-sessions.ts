/** Sessions on the sockets: frames that leave them open, each with the answers it must get, and an ending. */

import { isUtf8 } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import type { Random } from "../simulation/random.ts";
import { OPCODE } from "../support/raw-socket.ts";
import { mutated } from "./byte-mutations.ts";
import type { CloudEventTexts } from "./cloud-event-texts.ts";
import {
  type Credentials,
  hostileAuthorization,
  hostileParameter,
  hostileSubprotocols,
  hostileToken,
  validAuthorization,
} from "./credentials.ts";
import type { SessionCase, SessionFrame } from "./fuzz-case.ts";
import { ILL_FORMED_UTF8, INVALID_TOPICS, VALID_TOPICS } from "./hostile-texts.ts";
import type { PublishText, PublishTexts } from "./publish-texts.ts";
import { type FrameBits, frameBytes } from "./ws-frame.ts";

const FRAMES_MAX = 60;

const CONTINUATION = 0;

/** Sent where a frame breaks the rules: were it taken nevertheless, nothing would be stored that nobody counts. */
const NO_PUBLISH = Buffer.from('{"type":"nothing"}');

type Channel = SessionCase["channel"];

/** What the frames of a session are. */
type Form = Channel | "cloudEvents";

const ANY_REFUSED = ["nonsense=1", "%ff=1", "__proto__=1", "constructor="];
const REFUSED_PARAMETERS = {
  any: ANY_REFUSED,
  events: [
    ...ANY_REFUSED,
    "after=-1",
    "after=9007199254740991",
    "after=1e3",
    "after=AAAA",
    "topics=a,,b*c",
    "topics=a%00",
  ],
};

type Answered = Pick<SessionFrame, "answers" | "pongs" | "events">;

export class SocketSessions {
  constructor(
    private readonly random: Random,
    private readonly texts: PublishTexts,
    private readonly cloudEvents: CloudEventTexts,
    private readonly credentials: Credentials,
  ) {}

  next(): SessionCase {
    const { random } = this;
    const channel = random.weighted({ publish: 6, stats: 2, events: 2 });
    const isRefused = random.chance(0.03);
    const count = isRefused ? 0 : random.between(1, FRAMES_MAX);
    const { line, subprotocol } = this.#subprotocols(channel);
    const form = subprotocol === "cloudevents.json" ? "cloudEvents" : channel;
    return {
      kind: "session",
      channel,
      subprotocol,
      handshake: this.#handshake(channel, { isRefused, subprotocols: line }),
      isRefused,
      frames: Array.from({ length: count }, () => this.#frame(form)),
      ending: isRefused || random.chance(0.2) ? Buffer.alloc(0) : this.#ending(),
    };
  }

  #subprotocols(channel: Channel): { line: string; subprotocol: string | undefined } {
    const { random, credentials } = this;
    const known = channel === "publish" ? ["onefold.v1", "cloudevents.json"] : ["onefold.v1"];
    if (random.chance(0.3)) {
      const name = random.pick(known);
      return { line: `sec-websocket-protocol: ${name}\r\n`, subprotocol: name };
    }
    // Tokens among the offers are none that let anybody in.
    if (credentials.token !== undefined || random.chance(0.7)) return { line: "", subprotocol: undefined };
    const { line, offers } = hostileSubprotocols(random);
    return { line, subprotocol: offers.find((offer) => known.includes(offer)) };
  }

  #handshake(
    channel: Channel,
    { isRefused, subprotocols }: { isRefused: boolean; subprotocols: string },
  ): Buffer {
    const { random } = this;
    const parameters: string[] = [];
    if (isRefused) parameters.push(random.pick(REFUSED_PARAMETERS[channel === "events" ? "events" : "any"]));
    else if (channel !== "publish") {
      if (channel === "stats" || random.chance(0.7))
        parameters.push(`topics=${encodeURIComponent(this.#patterns(VALID_TOPICS).join(","))}`);
      if (channel === "stats" && random.chance(0.2)) parameters.push("interval=20");
      if (channel === "events" && random.chance(0.5))
        parameters.push(random.pick(["after=0", "after=latest"]));
    }
    if (isRefused && random.chance(0.2)) parameters.push(hostileParameter(random));
    const lines = [validAuthorization(this.credentials), subprotocols];
    if (this.credentials.token === undefined && random.chance(0.1)) lines.push(hostileAuthorization(random));
    if (random.chance(0.2))
      lines.push("sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n");
    const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
    return Buffer.from(
      `GET /ws/${channel}${query} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines.join("")}\r\n`,
      "latin1",
    );
  }

  #frame(form: Form): SessionFrame {
    const { random } = this;
    const kind = random.weighted({ text: 16, mutated: 3, fragments: 2, binary: 1, ping: 1, pong: 1 });
    if (kind === "ping" || kind === "pong") {
      const payload = Buffer.alloc(random.below(126), "p");
      const bytes = frameBytes({ opcode: OPCODE[kind], payload });
      return { bytes, answers: 0, pongs: kind === "ping" ? 1 : 0, events: undefined };
    }
    if (kind === "binary")
      return this.#data(
        { opcode: OPCODE.binary, payload: this.#bytes(form) },
        { answers: 1, pongs: 0, events: undefined },
      );
    const { text, events } = this.#text(form);
    const plain = Buffer.from(text);
    const changed = kind === "mutated" ? mutated(random, plain) : plain;
    const payload = isUtf8(changed) ? changed : plain;
    const answered = { answers: 1, pongs: 0, events: payload === plain ? events : undefined };
    if (kind === "fragments") return this.#fragments(payload, answered);
    return this.#data({ opcode: OPCODE.text, payload }, answered);
  }

  /** With any mask, and sometimes more bytes for its length than it needs. */
  #data(bits: FrameBits, answered: Answered): SessionFrame {
    const mask = Array.from({ length: 4 }, () => this.random.below(256));
    return { bytes: frameBytes({ ...bits, mask }), ...answered };
  }

  /** One message in pieces, cut anywhere, perhaps with a ping between them. */
  #fragments(payload: Buffer, answered: Answered): SessionFrame {
    const { random } = this;
    const parts: Buffer[] = [];
    let pongs = 0;
    let at = 0;
    for (let left = random.between(1, 4); left >= 0; left--) {
      const end = left === 0 ? payload.length : random.between(at, payload.length);
      const opcode = parts.length === 0 ? OPCODE.text : CONTINUATION;
      parts.push(frameBytes({ opcode, payload: payload.subarray(at, end), isFinal: left === 0 }));
      at = end;
      if (left === 0 || !random.chance(0.2)) continue;
      parts.push(frameBytes({ opcode: OPCODE.ping, payload: Buffer.from("between") }));
      pongs++;
    }
    return { ...answered, bytes: Buffer.concat(parts), pongs };
  }

  #bytes(form: Form): Buffer {
    return mutated(this.random, Buffer.from(form === "publish" ? this.texts.valid("frame").text : "{}"));
  }

  #text(form: Form): PublishText {
    if (form === "publish") return this.texts.text("frame");
    return form === "cloudEvents" ? this.cloudEvents.text("single") : this.#subscriberText();
  }

  #subscriberText(): PublishText {
    const { random } = this;
    const { json } = this.texts;
    if (random.chance(0.2)) return { text: '{"type":"ping"}', events: undefined };
    if (random.chance(0.2)) return { text: json.value(), events: undefined };
    if (random.chance(0.1))
      return { text: JSON.stringify({ type: "auth", token: hostileToken(random) }), events: undefined };
    const members = [json.member("type", random.chance(0.9) ? '"subscribe"' : json.value())];
    const topics = random.chance(0.8)
      ? JSON.stringify(this.#patterns([...VALID_TOPICS, ...INVALID_TOPICS]))
      : json.value();
    members.push(json.member("topics", topics));
    if (random.chance(0.3)) members.push(json.member("interval", json.number()));
    if (random.chance(0.2))
      members.push(json.member("revision", json.number()), json.member("epoch", json.string()));
    if (random.chance(0.1)) members.push(json.member(json.name(), json.value()));
    return { text: json.container(random.some(members, members.length), "{}"), events: undefined };
  }

  /** Few, so that what is told of them stays small. */
  #patterns(topics: readonly string[]): string[] {
    const { random } = this;
    return Array.from(
      { length: random.between(1, 3) },
      () => `${random.pick(topics)}${random.chance(0.3) ? "*" : ""}`,
    );
  }

  /** Bytes for which the server must close the connection. */
  #ending(): Buffer {
    const { random } = this;
    const code = (n: number, reason = ""): Buffer => {
      const payload = Buffer.alloc(2 + reason.length, reason);
      payload.writeUInt16BE(n);
      payload.write(reason, 2, "latin1");
      return payload;
    };
    const { text, close, ping } = OPCODE;
    const illFormed = Buffer.from(random.pick(ILL_FORMED_UTF8));
    const endings: readonly FrameBits[] = [
      { opcode: close, payload: Buffer.alloc(0) },
      { opcode: close, payload: Buffer.alloc(1) },
      {
        opcode: close,
        payload: code(random.pick([0, 999, 1000, 1005, 1006, 1015, 2999, 4400, 5000, 65_535])),
      },
      { opcode: close, payload: Buffer.concat([code(1000), illFormed]) },
      { opcode: close, payload: code(1000, "r".repeat(200)) },
      { opcode: text, payload: NO_PUBLISH, reserved: random.between(1, 7) },
      { opcode: text, payload: deflateRawSync(Buffer.alloc(1_000_000)), reserved: 4 },
      { opcode: text, payload: illFormed },
      { opcode: random.pick([3, 4, 7, 11, 15]), payload: NO_PUBLISH },
      { opcode: CONTINUATION, payload: NO_PUBLISH },
      { opcode: ping, payload: Buffer.alloc(126) },
      { opcode: ping, payload: Buffer.alloc(1), isFinal: false },
      {
        opcode: text,
        payload: Buffer.alloc(0),
        lengthBytes: 8,
        length: random.pick([1n << 40n, (1n << 64n) - 1n]),
      },
    ];
    const unended = frameBytes({ opcode: text, payload: NO_PUBLISH, isFinal: false });
    if (random.chance(0.1))
      return Buffer.concat([unended, frameBytes({ opcode: text, payload: NO_PUBLISH })]);
    return frameBytes(random.pick(endings));
  }
}
