/** A bare TCP connection, for what no well-behaved client sends and for readers that stop reading. */

import { createConnection, type Socket } from "node:net";
import { withDeadline } from "./deadline.ts";

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame from the server. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A frame as a client sends it (RFC 6455): final, masked, with whatever bytes in it. */
export function maskedFrame(opcode: number, payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  const mask = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  const masked = Buffer.from(bytes);
  for (let i = 0; i < masked.length; i++) masked[i]! ^= mask[i & 3]!;
  return Buffer.concat([frameHeader(opcode, bytes.length), mask, masked]);
}

/** The first bytes of a client's frame that announces `length` bytes. */
export function frameHeader(opcode: number, length: number): Buffer {
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  if (length < 126) header[1] = 0x80 | length;
  else if (length < 65_536) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return header;
}

export class RawSocket implements Disposable {
  /** Resolves when the other side has ended the connection, in order or not. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  #buffer = Buffer.alloc(0);
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  private constructor(port: number) {
    this.#socket = createConnection({ port, host: "127.0.0.1" });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = withDeadline(promise, () => "the server to end the connection", 10 * 60_000);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#notify();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      resolve();
      this.#notify();
    };
    this.#socket.on("close", onEnd).on("end", onEnd).on("error", onEnd);
  }

  static async connect(port: number): Promise<RawSocket> {
    const socket = new RawSocket(port);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.#socket.once("connect", () => resolve());
    await withDeadline(Promise.race([promise, socket.ended]), () => `a connection to port ${port}`);
    return socket;
  }

  /** Connects and shakes hands as a WebSocket client does. */
  static async upgrade(port: number, path: string): Promise<RawSocket> {
    const socket = await RawSocket.connect(port);
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost:${port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const head = await socket.readHead();
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`Expected 101, got ${head}`);
    return socket;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What has come and was not read yet, as Latin-1. */
  get received(): string {
    return this.#buffer.toString("latin1");
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Writes and waits until the operating system has taken all of it, or the connection has ended. */
  async writeAll(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.write(bytes, () => resolve());
    await Promise.race([promise, this.ended]);
  }

  /** Stops taking bytes: they pile up in the operating system and then in the server. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The head of an HTTP answer. */
  async readHead(): Promise<string> {
    await this.#waitFor(() => this.#buffer.includes("\r\n\r\n"), "the head of an answer");
    const end = this.#buffer.indexOf("\r\n\r\n") + 4;
    return this.#take(end).toString("latin1");
  }

  /** One HTTP answer that announces its length. */
  async readResponse(): Promise<Response> {
    const [statusLine = "", ...lines] = (await this.readHead()).trimEnd().split("\r\n");
    const headers = new Headers(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
    const length = Number(headers.get("content-length"));
    await this.#waitFor(() => this.#buffer.length >= length, `${length} bytes of a body`);
    const body = this.#take(length).toString();
    return new Response(body, { status: Number(statusLine.split(" ")[1]), headers });
  }

  /** The next frame from the server. */
  async nextFrame(): Promise<RawFrame> {
    await this.#waitFor(() => this.#frameEnd() !== undefined, "a frame");
    const { start, end } = this.#frameEnd()!;
    const frame = this.#take(end);
    return { opcode: frame[0]! & 15, payload: frame.subarray(start) };
  }

  /** The code of the closing frame; other frames before it are skipped. */
  async closeCode(): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.nextFrame();
      if (opcode === OPCODE.close) return payload.readUInt16BE(0);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #frameEnd(): { start: number; end: number } | undefined {
    const buffer = this.#buffer;
    if (buffer.length < 2) return undefined;
    const short = buffer[1]! & 127;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (buffer.length < start) return undefined;
    const length =
      short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
    return buffer.length < start + length ? undefined : { start, end: start + length };
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #waitFor(isThere: () => boolean, what: string): Promise<void> {
    while (!isThere()) {
      if (this.#hasEnded) throw new Error(`The server ended the connection instead of sending ${what}`);
      await withDeadline(this.#wake.promise, () => what);
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
