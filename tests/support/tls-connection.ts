/** One TLS connection that lives for as long as a test wants: what certificate it got, and requests over it. */

import { connect, type TLSSocket } from "node:tls";
import { withDeadline } from "./deadline.ts";

export class TlsConnection implements Disposable {
  readonly #socket: TLSSocket;
  #text = "";
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  private constructor(port: number, ca: string) {
    this.#socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca });
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#notify();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.#notify();
    };
    this.#socket.on("close", onEnd).on("end", onEnd).on("error", onEnd);
  }

  static async open(port: number, ca: string): Promise<TlsConnection> {
    const connection = new TlsConnection(port, ca);
    const { promise, resolve } = Promise.withResolvers<void>();
    connection.#socket.once("secureConnect", () => resolve());
    await withDeadline(
      Promise.race([promise, connection.#ending()]),
      () => `a TLS connection to port ${port}`,
    );
    if (connection.#hasEnded) throw new Error(`The server on port ${port} ended the handshake`);
    return connection;
  }

  /** The common name of the server's certificate. */
  get peerName(): string {
    return String(this.#socket.getPeerCertificate().subject.CN);
  }

  /** Resolves when the server has ended it. */
  get ended(): Promise<void> {
    return withDeadline(this.#ending(), () => "the server to end the connection");
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** The status of the next answer, which announces its length. */
  async readStatus(): Promise<number> {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n") + 4;
      const head = this.#text.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (end >= 4 && this.#text.length >= end + length) {
        this.#text = this.#text.slice(end + length);
        return Number(head.split(" ")[1]);
      }
      if (this.#hasEnded) throw new Error("The server ended the connection instead of answering");
      await withDeadline(this.#wake.promise, () => "an answer");
    }
  }

  get(path: string): Promise<number> {
    this.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    return this.readStatus();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #ending(): Promise<void> {
    while (!this.#hasEnded) await this.#wake.promise;
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
