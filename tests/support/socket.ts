/** WebSocket clients that wait for frames and for closing, and never for time. */

import type { Counters, EventResult, Problem } from "./contract.ts";
import { withDeadline } from "./deadline.ts";

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** Any frame a server sends; which members are there depends on `type`. */
export interface Frame extends Counters, Problem {
  readonly type: string;
  readonly frame: number;
  readonly id: unknown;
  readonly count: number;
  readonly results: readonly EventResult[];
  readonly epoch: string;
  readonly from: number;
  readonly revision: number;
  readonly topics: Readonly<Record<string, Counters>>;
}

export class TestSocket implements Disposable {
  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<Closing>;
  readonly #socket: WebSocket;
  readonly #texts: string[] = [];
  #closing: Closing | undefined;
  #wake = Promise.withResolvers<void>();

  private constructor(url: string, options: Bun.WebSocketOptions) {
    this.#socket = new WebSocket(url, options);
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = withDeadline(promise, () => `${url} to close`, 10 * 60_000);
    this.#socket.onmessage = ({ data }) => {
      this.#texts.push(String(data));
      this.#notify();
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.#closing = { code, reason };
      resolve(this.#closing);
      this.#notify();
    };
  }

  static async open(url: string, options: Bun.WebSocketOptions = {}): Promise<TestSocket> {
    const socket = new TestSocket(url, options);
    while (socket.#socket.readyState !== WebSocket.OPEN && socket.#closing === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.#socket.addEventListener("open", () => resolve(), { once: true });
      await withDeadline(Promise.race([promise, socket.#wake.promise]), () => `${url} to open`);
    }
    return socket;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** The subprotocol that the server selected; empty for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Frames that have come and not been taken. */
  get pending(): number {
    return this.#texts.length;
  }

  /** Sends a value as JSON, text as it stands, bytes as a binary frame. */
  send(frame: unknown): void {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.#socket.send(isRaw ? (frame as string) : JSON.stringify(frame));
  }

  /** The text of the next frame. @throws Error when the connection closes instead. */
  async nextText(): Promise<string> {
    while (this.#texts.length === 0) {
      if (this.#closing !== undefined)
        throw new Error(
          `The socket closed with ${this.#closing.code} ${this.#closing.reason} instead of a frame`,
        );
      await withDeadline(this.#wake.promise, () => `the next frame of ${this.#socket.url}`);
    }
    return this.#texts.shift()!;
  }

  async next(): Promise<Frame> {
    return JSON.parse(await this.nextText()) as Frame;
  }

  /** Frames up to and including the first that `isLast` holds for. */
  async until(isLast: (frame: Frame) => boolean): Promise<Frame[]> {
    const frames: Frame[] = [];
    do frames.push(await this.next());
    while (!isLast(frames.at(-1)!));
    return frames;
  }

  /** Every frame until the connection ends. */
  async *frames(): AsyncGenerator<Frame> {
    while (this.#texts.length > 0 || this.#closing === undefined) {
      if (this.#texts.length > 0) yield await this.next();
      else await this.#wake.promise;
    }
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** A publish channel whose greeting has been read. */
export async function openPublishChannel(
  wsUrl: string,
  options: Bun.WebSocketOptions = {},
): Promise<TestSocket> {
  const socket = await TestSocket.open(`${wsUrl}/ws/publish`, options);
  const hello = await socket.next();
  if (hello.type !== "hello") throw new Error(`Expected hello, got ${JSON.stringify(hello)}`);
  return socket;
}
