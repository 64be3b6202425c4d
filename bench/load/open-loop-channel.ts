/** One connection of the open-loop load: writes frames when it is told to, and remembers when each was due. */

import type { Socket } from "bun";
import { FrameReader, upgradeRequest } from "./ws-frames.ts";

/** Below what the node allows (`max_inflight`), so that nothing is refused for that; what is due waits here. */
const FRAMES_IN_FLIGHT_MAX = 1_000;

const ACK = '{"type":"ack"';
const HELLO = '{"type":"hello"';

export interface OpenLoopChannelOptions {
  readonly url: URL;
  /** The next frame. Valid until it is called again. */
  readonly makeFrame: () => Buffer;
  /** @param refusal The answer's text, where the frame was not acknowledged. */
  readonly onAnswer: (dueAt: number, now: number, refusal: string | undefined) => void;
  readonly onFailure: (error: Error) => void;
}

export class OpenLoopChannel {
  readonly #reader = new FrameReader();
  readonly #greeted = Promise.withResolvers<void>();
  /** When the frames that wait for their answer were due: a ring, since answers come in the order of the frames. */
  readonly #dueAt = new Float64Array(FRAMES_IN_FLIGHT_MAX);
  #sent = 0;
  #answered = 0;
  /** Due, and not sent yet. */
  readonly #backlog: number[] = [];
  /** Frames that go out with the next `flush`. */
  #outbox: Buffer[] = [];
  /** What the kernel has not taken yet; everything else waits behind it. */
  #rest: Buffer | undefined;
  #socket: Socket | undefined;
  #isEnded = false;

  constructor(private readonly options: OpenLoopChannelOptions) {}

  /** Resolves when the node has greeted. */
  async open(): Promise<void> {
    const { url, onFailure } = this.options;
    this.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (socket) => void socket.write(upgradeRequest(url)),
        data: (_socket, chunk) => this.#receive(chunk),
        drain: () => this.#drain(),
        close: () => {
          if (!this.#isEnded) onFailure(new Error("the server cut the connection"));
        },
      },
    });
    await this.#greeted.promise;
  }

  /** Takes a frame that was due at this time. It goes out with `flush`. */
  send(dueAt: number): void {
    if (this.#sent - this.#answered === FRAMES_IN_FLIGHT_MAX) this.#backlog.push(dueAt);
    else this.#write(dueAt);
  }

  flush(): void {
    if (this.#rest !== undefined || this.#outbox.length === 0) return;
    const bytes = Buffer.concat(this.#outbox);
    this.#outbox = [];
    this.#writeOut(bytes);
  }

  close(): void {
    this.#isEnded = true;
    this.#socket?.end();
  }

  #drain(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#writeOut(rest);
    this.flush();
  }

  #writeOut(bytes: Buffer): void {
    const written = this.#socket!.write(bytes);
    if (written < bytes.length) this.#rest = bytes.subarray(written);
  }

  #write(dueAt: number): void {
    this.#dueAt[this.#sent++ % FRAMES_IN_FLIGHT_MAX] = dueAt;
    this.#outbox.push(Buffer.from(this.options.makeFrame()));
  }

  #receive(chunk: Buffer): void {
    try {
      const now = performance.now();
      this.#reader.read(chunk, (bytes, start, end) => this.#answer(bytes.toString("utf8", start, end), now));
      this.flush();
    } catch (error) {
      this.options.onFailure(error as Error);
    }
  }

  #answer(text: string, now: number): void {
    if (text.startsWith(HELLO)) {
      this.#greeted.resolve();
      return;
    }
    const dueAt = this.#dueAt[this.#answered++ % FRAMES_IN_FLIGHT_MAX]!;
    this.options.onAnswer(dueAt, now, text.startsWith(ACK) ? undefined : text);
    const next = this.#backlog.shift();
    if (next !== undefined) this.#write(next);
  }
}
