/** A connection that keeps a fixed number of requests in flight; what one read allows it to send is one write. */

import type { Socket } from "bun";
import type { Publisher, PublisherOptions } from "./publisher.ts";
import type { Wire } from "./wire.ts";

export interface WirePublisherOptions extends PublisherOptions {
  readonly hostname: string;
  readonly port: number;
}

/** For what a protocol wants to be said besides requests. */
const SPARE_BYTES = 4_096;

export class WirePublisher implements Publisher {
  /** When each request was sent; answers come in the order of the requests, so it is a ring. */
  readonly #sentAt: Float64Array;
  #sent = 0;
  #answered = 0;
  /** What the kernel has not taken yet lies in `outbox` from `start` to `end`. */
  readonly #outbox: Buffer;
  #start = 0;
  #end = 0;
  #socket: Socket | undefined;
  #isBegun = false;
  #isEnded = false;

  constructor(
    private readonly wire: Wire,
    private readonly options: WirePublisherOptions,
  ) {
    this.#sentAt = new Float64Array(options.requestsInFlight);
    this.#outbox = Buffer.alloc(options.requestsInFlight * wire.requestBytes + SPARE_BYTES);
  }

  async open(): Promise<void> {
    const { hostname, port } = this.options;
    this.#socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_socket, chunk) => this.#receive(chunk),
        drain: () => this.#flush(),
        close: () => this.#closed(),
      },
    });
    this.#say(this.wire.greeting);
    if (!this.wire.isGreetingAnswered) this.#begin();
    this.#flush();
  }

  #begin(): void {
    this.#isBegun = true;
    for (let i = 0; i < this.options.requestsInFlight; i++) this.#append();
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
      const reply = this.wire.read(chunk, () => {
        this.options.onAnswer(now - this.#sentAt[this.#answered++ % this.#sentAt.length]!);
        this.#append();
      });
      if (reply !== undefined) this.#say(reply);
      if (!this.#isBegun) this.#begin();
      this.#flush();
    } catch (error) {
      this.options.onFailure(error as Error);
    }
  }

  #append(): void {
    if (!this.options.mayPublish()) return;
    this.#makeRoom(this.wire.requestBytes);
    this.wire.write(this.#outbox, this.#end, this.options.nextNumber);
    this.#end += this.wire.requestBytes;
    this.#sentAt[this.#sent++ % this.#sentAt.length] = performance.now();
  }

  #say(text: string): void {
    this.#makeRoom(text.length);
    this.#end += this.#outbox.write(text, this.#end, "latin1");
  }

  /** There is room: no more requests lie here than are in flight. */
  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#outbox.length) return;
    this.#outbox.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  #flush(): void {
    if (this.#start === this.#end) return;
    this.#start += this.#socket!.write(this.#outbox, this.#start, this.#end - this.#start);
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }
}
