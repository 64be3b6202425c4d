/** A connection to /ws/stats over bare TCP, for only there can a client stop reading. */

import { createConnection, type Socket } from "node:net";

const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const HEAD_END = "\r\n\r\n";
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export class StatsConnection {
  /** Resolves with the closing code, or 1006 where the connection ended without one. */
  readonly closed: Promise<number>;
  readonly #closing = Promise.withResolvers<number>();
  readonly #socket: Socket;
  readonly #onText: (text: string) => void;
  #rest = Buffer.alloc(0);
  #isUpgraded = false;
  #code = 1006;

  constructor(url: URL, onText: (text: string) => void) {
    this.closed = this.#closing.promise;
    this.#onText = onText;
    this.#socket = createConnection({ host: url.hostname, port: Number(url.port) });
    this.#socket.on("connect", () => {
      this.#socket.write(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\n` +
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
    });
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    // An error is followed by `close`.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#closing.resolve(this.#code));
  }

  /** Stops reading: bytes pile up in the operating system, and then in the node. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends as most clients do in the world: without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#isUpgraded) {
      const end = this.#rest.indexOf(HEAD_END);
      if (end === -1) return;
      this.#isUpgraded = true;
      this.#rest = this.#rest.subarray(end + HEAD_END.length);
    }
    let at = 0;
    for (let end = this.#frameEnd(at); end !== undefined; end = this.#frameEnd(at)) {
      this.#take(this.#rest[at]! & 15, this.#rest.subarray(this.#payloadStart(at), end));
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.text) this.#onText(payload.toString());
    else if (opcode === OPCODE.ping) this.#send(OPCODE.pong, payload);
    else if (opcode === OPCODE.close) {
      this.#code = payload.readUInt16BE(0);
      this.#socket.end();
    }
  }

  /** A control frame with a mask of zero. */
  #send(opcode: number, payload: Buffer): void {
    this.#socket.write(
      Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]),
    );
  }

  #payloadStart(at: number): number {
    const length = this.#rest[at + 1]!;
    return at + (length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2);
  }

  /** Where the frame at `at` ends; undefined while it is not here as a whole. */
  #frameEnd(at: number): number | undefined {
    if (this.#rest.length < at + 2) return undefined;
    const start = this.#payloadStart(at);
    if (this.#rest.length < start) return undefined;
    const short = this.#rest[at + 1]!;
    const length =
      short === LENGTH_64
        ? Number(this.#rest.readBigUInt64BE(at + 2))
        : short === LENGTH_16
          ? this.#rest.readUInt16BE(at + 2)
          : short;
    return this.#rest.length < start + length ? undefined : start + length;
  }
}
