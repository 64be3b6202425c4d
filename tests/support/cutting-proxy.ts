/** A connection that breaks when a test says so: TCP passed on to a node, with everything that can be lost on the way. */

import { connect, createServer, type Socket } from "node:net";

export class CuttingProxy implements AsyncDisposable {
  /** First lines of all requests, as far as they opened a connection. */
  readonly requests: string[] = [];
  /** Acknowledgements that were lost. */
  lostAcknowledgements = 0;
  #losesNextAcknowledgement = false;
  readonly #connections = new Set<Socket>();
  readonly #server = createServer((client) => this.#passOn(client));

  private constructor(private target: number) {}

  /** @param target the node's port. */
  static async to(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get wsUrl(): string {
    return this.url.replace("http:", "ws:");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** New connections go to this port from now on. */
  retarget(port: number): void {
    this.target = port;
  }

  /** Ends every connection as a lost network does, without a closing frame. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  /** The next acknowledgement of the node is not passed on: the connection is cut instead. */
  loseNextAcknowledgement(): void {
    this.#losesNextAcknowledgement = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #passOn(client: Socket): void {
    const upstream = connect(this.target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#connections.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#connections.delete(socket);
        other.destroy();
      });
    }
    client.once("data", (chunk) => this.requests.push(chunk.toString("latin1").split("\r\n")[0]!));
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => {
      if (this.#losesNextAcknowledgement && chunk.includes('{"type":"ack"')) {
        this.#losesNextAcknowledgement = false;
        this.lostAcknowledgements++;
        client.destroy();
      } else client.write(chunk);
    });
  }
}
