/** A publisher has one batch on its way at a time: over HTTP in a request each, over WebSocket on one channel. */

import { type Counters, readCounters } from "./counters.ts";
import {
  ANSWER_TIMEOUT_MS,
  ask,
  credentialsFor,
  LoadError,
  type NodeAddress,
  parseAnswer,
  type Refusal,
  refusalError,
  refusedChannel,
} from "./node-answer.ts";

export interface Publisher {
  /**
   * @param events a JSON array.
   * @returns what the acknowledgement counts.
   * @throws TryAgain when nothing was stored; LoadError
   */
  publish(events: string): Promise<Counters>;
  close(): void;
}

export const TRANSPORTS = ["http", "ws"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** @throws LoadError when a channel cannot be opened. */
export function openPublisher(node: NodeAddress, via: Transport): Promise<Publisher> {
  return via === "ws" ? WsPublisher.open(node) : Promise.resolve(new HttpPublisher(node));
}

class HttpPublisher implements Publisher {
  constructor(private readonly node: NodeAddress) {}

  async publish(events: string): Promise<Counters> {
    const headers = { "content-type": "application/json" };
    const response = await ask(this.node, "/publish", { method: "POST", headers, body: events });
    const answer = parseAnswer(await response.text());
    if (response.status === 200) return readCounters(answer);
    const refusal = { ...(answer as Partial<Refusal> | null), status: response.status };
    throw refusalError(refusal, response.headers.get("retry-after"));
  }

  close(): void {}
}

class WsPublisher implements Publisher {
  readonly #socket: WebSocket;
  /** Waits for the next frame. */
  #next = Promise.withResolvers<string>();

  private constructor(private readonly node: NodeAddress) {
    const headers = credentialsFor(node);
    this.#socket = new WebSocket(`${node.url.replace(/^http/, "ws")}/ws/publish`, { headers });
    this.#socket.onmessage = ({ data }) => this.#next.resolve(String(data));
    this.#socket.onclose = ({ code, reason }) => this.#fail(`was closed (${code} ${reason})`);
  }

  static async open(node: NodeAddress): Promise<WsPublisher> {
    const publisher = new WsPublisher(node);
    const hello = (await publisher.#answer()) as { type?: unknown } | null;
    if (hello?.type === "hello") return publisher;
    if (hello?.type === "error") throw new LoadError(refusedChannel(hello as Refusal));
    throw new LoadError("What answers there is no onefold node: its publish channel does not say hello.");
  }

  async publish(events: string): Promise<Counters> {
    this.#socket.send(events);
    const answer = (await this.#answer()) as { readonly type?: unknown } | null;
    if (answer?.type === "ack") return readCounters(answer);
    throw refusalError(answer as Refusal);
  }

  close(): void {
    this.#socket.close();
  }

  async #answer(): Promise<unknown> {
    const timer = setTimeout(
      () => this.#fail(`gave no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds`),
      ANSWER_TIMEOUT_MS,
    );
    try {
      const text = await this.#next.promise;
      this.#next = Promise.withResolvers();
      return parseAnswer(text);
    } finally {
      clearTimeout(timer);
    }
  }

  #fail(what: string): void {
    this.#next.promise.catch(() => {});
    this.#next.reject(new LoadError(`The publish channel of ${this.node.url} ${what}.`));
  }
}
