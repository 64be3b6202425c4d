/** One connection of the WebSocket load: keeps up to a number of frames in flight, what answers allow in one write. */

import type { Socket } from "bun";
import { FrameReader, upgradeRequest } from "./ws-frames.ts";

const ACK = Buffer.from('{"type":"ack"');
const HELLO = Buffer.from('{"type":"hello"');

export interface ChannelOptions {
  readonly url: URL;
  readonly framesInFlight: number;
  readonly frameBytes: number;
  /** Writes one frame at `offset`; false when none is to be sent now. */
  readonly writeFrame: (target: Buffer, offset: number) => boolean;
  readonly onAck: (latencyMs: number) => void;
  readonly onFailure: (error: Error) => void;
}

export class PublishChannel {
  readonly #reader = new FrameReader();
  /** When each frame was sent; answers come in the order of the frames, so it is a ring. */
  readonly #sentAt: Float64Array;
  #sent = 0;
  #answered = 0;
  /** Frames that the kernel has not taken yet lie in `outbox` from `outboxStart` to `outboxEnd`. */
  readonly #outbox: Buffer;
  #outboxStart = 0;
  #outboxEnd = 0;
  #socket: Socket | undefined;
  #isEnded = false;

  constructor(private readonly options: ChannelOptions) {
    this.#sentAt = new Float64Array(options.framesInFlight);
    this.#outbox = Buffer.alloc(options.framesInFlight * options.frameBytes);
  }

  async open(): Promise<void> {
    const { url } = this.options;
    this.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (socket) => void socket.write(upgradeRequest(url)),
        data: (_socket, chunk) => this.#receive(chunk),
        drain: () => this.#flush(),
        close: () => this.#closed(),
      },
    });
    this.pump();
  }

  /** Sends what there is to send, as far as no more frames are in flight than may be. */
  pump(): void {
    while (this.#sent - this.#answered < this.options.framesInFlight && this.#append());
    this.#flush();
  }

  close(): void {
    this.#isEnded = true;
    this.#socket?.end();
  }

  #closed(): void {
    if (!this.#isEnded) this.options.onFailure(new Error("the server cut the connection"));
  }

  #receive(chunk: Buffer): void {
    try {
      const now = performance.now();
      this.#reader.read(chunk, (bytes, start, end) => this.#answer(bytes, start, end, now));
      this.#flush();
    } catch (error) {
      this.options.onFailure(error as Error);
    }
  }

  #answer(bytes: Buffer, start: number, end: number, now: number): void {
    if (startsWith(bytes, start, ACK)) {
      this.options.onAck(now - this.#sentAt[this.#answered++ % this.#sentAt.length]!);
      this.#append();
    } else if (!startsWith(bytes, start, HELLO)) {
      throw new Error(`a frame was not acknowledged: ${bytes.toString("utf8", start, end)}`);
    }
  }

  /** Room is never short: no more frames lie here than are in flight. */
  #append(): boolean {
    if (this.#outboxEnd + this.options.frameBytes > this.#outbox.length) {
      this.#outbox.copyWithin(0, this.#outboxStart, this.#outboxEnd);
      this.#outboxEnd -= this.#outboxStart;
      this.#outboxStart = 0;
    }
    if (!this.options.writeFrame(this.#outbox, this.#outboxEnd)) return false;
    this.#outboxEnd += this.options.frameBytes;
    this.#sentAt[this.#sent++ % this.#sentAt.length] = performance.now();
    return true;
  }

  #flush(): void {
    if (this.#outboxStart === this.#outboxEnd) return;
    this.#outboxStart += this.#socket!.write(
      this.#outbox,
      this.#outboxStart,
      this.#outboxEnd - this.#outboxStart,
    );
    if (this.#outboxStart === this.#outboxEnd) this.#outboxStart = this.#outboxEnd = 0;
  }
}

function startsWith(bytes: Buffer, start: number, prefix: Buffer): boolean {
  return bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0;
}
