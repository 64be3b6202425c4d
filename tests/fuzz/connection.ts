/** A bare connection of the fuzzer: what it sends goes out as it is, what comes back is read by whoever waits for it. */

import { connect, type Socket } from "bun";

export class Connection implements Disposable {
  /** What has come and has not been taken. */
  received: Buffer = Buffer.alloc(0);
  hasEnded = false;
  #socket: Socket<undefined> | undefined;
  #unsent: Buffer = Buffer.alloc(0);
  #wake = Promise.withResolvers<void>();

  static async to(port: number): Promise<Connection> {
    const connection = new Connection();
    connection.#socket = await connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => {
          const { received } = connection;
          connection.received = received.length === 0 ? Buffer.from(bytes) : Buffer.concat([received, bytes]);
          connection.#notify();
        },
        drain: () => connection.#flush(),
        close: () => connection.#end(),
        end: () => connection.#end(),
        error: () => connection.#end(),
      },
    });
    return connection;
  }

  write(bytes: Buffer): void {
    this.#unsent = this.#unsent.length === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
    this.#flush();
  }

  /** Nothing more will come from here. */
  finish(): void {
    this.#socket?.shutdown();
  }

  /** Resolves at the next thing that happens to this connection. */
  changed(): Promise<void> {
    return this.hasEnded ? Promise.resolve() : this.#wake.promise;
  }

  take(length: number): Buffer {
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
    this.#end();
  }

  #flush(): void {
    if (this.#unsent.length === 0 || this.hasEnded || this.#socket === undefined) return;
    const written = this.#socket.write(this.#unsent);
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  #end(): void {
    this.hasEnded = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
