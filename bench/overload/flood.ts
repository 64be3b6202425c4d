/**
 * A process that publishes over HTTP without mercy: many connections, each of which sends its next body as soon as it
 * has an answer, and the same body again where that was a refusal, as publishers do, but without the pause they are told.
 */

import { EventNumbers } from "../load/event-numbers.ts";
import { EventText } from "../load/event-text.ts";
import { Latencies, type LatencySummary } from "../load/latencies.ts";
import { MIX_ALL_NEW } from "../load/load-result.ts";

export interface FloodOptions {
  readonly url: string;
  readonly connections: number;
  readonly eventsPerRequest: number;
  /** Of new events; those below it have been sent. */
  readonly firstNumber: number;
  readonly seconds: number;
}

export interface FloodResult {
  readonly seconds: number;
  readonly acceptedRequests: number;
  /** By status and code. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Refusals that did not say when to come back. */
  readonly refusalsWithoutRetryAfter: number;
  /** From the first byte of a request to its answer. */
  readonly refused: LatencySummary;
  readonly accepted: LatencySummary;
  /** Connections that ended without an answer. */
  readonly lost: number;
}

interface Client {
  readonly body: Buffer;
  sentAt: number;
  /** What of the request has not been written yet. */
  rest: Buffer;
  answer: string;
}

/** Answers are short; the last header is followed by an empty line. */
const HEAD_END = "\r\n\r\n";

class Flood {
  readonly #refused = new Latencies();
  readonly #accepted = new Latencies();
  readonly #refusals: Record<string, number> = {};
  #acceptedRequests = 0;
  #withoutRetryAfter = 0;
  #lost = 0;
  #isEnding = false;
  readonly #numbers: EventNumbers;
  readonly #text: EventText;
  readonly #head: Buffer;

  constructor(private readonly options: FloodOptions) {
    this.#numbers = new EventNumbers(options.firstNumber, MIX_ALL_NEW.duplicates);
    this.#text = new EventText(options.eventsPerRequest, { head: "[", tail: "]" });
    this.#head = Buffer.from(
      `POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${this.#text.byteLength}${HEAD_END}`,
    );
  }

  async run(): Promise<FloodResult> {
    const startedAt = performance.now();
    const clients = Array.from({ length: this.options.connections }, () => this.#connect());
    await Bun.sleep(this.options.seconds * 1_000);
    this.#isEnding = true;
    const seconds = (performance.now() - startedAt) / 1_000;
    // What is on its way is awaited, so that the counts are exact.
    await Promise.all(clients);
    return {
      seconds,
      acceptedRequests: this.#acceptedRequests,
      refusals: this.#refusals,
      refusalsWithoutRetryAfter: this.#withoutRetryAfter,
      refused: this.#refused.summary(),
      accepted: this.#accepted.summary(),
      lost: this.#lost,
    };
  }

  /** Resolves when the connection has ended. */
  async #connect(): Promise<void> {
    const ended = Promise.withResolvers<void>();
    const { hostname, port } = new URL(this.options.url);
    const client: Client = { body: this.#newBody(), sentAt: 0, rest: Buffer.alloc(0), answer: "" };
    await Bun.connect<Client>({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => {
          socket.data = client;
          this.#send(socket);
        },
        drain: (socket) => this.#write(socket),
        data: (socket, bytes) => this.#receive(socket, bytes),
        error: () => {},
        close: () => {
          if (!this.#isEnding || client.sentAt > 0) this.#lost++;
          ended.resolve();
        },
      },
    });
    await ended.promise;
  }

  #newBody(): Buffer {
    return Buffer.concat([this.#head, this.#text.write(this.#numbers.next)]);
  }

  #send(socket: Bun.Socket<Client>): void {
    socket.data.rest = socket.data.body;
    socket.data.sentAt = performance.now();
    this.#write(socket);
  }

  #write(socket: Bun.Socket<Client>): void {
    const { data } = socket;
    if (data.rest.length > 0) data.rest = data.rest.subarray(socket.write(data.rest));
  }

  #receive(socket: Bun.Socket<Client>, bytes: Buffer): void {
    const { data } = socket;
    data.answer += bytes.toString("latin1");
    const headEnd = data.answer.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = Number(/^content-length: (\d+)/im.exec(data.answer)?.[1]);
    if (data.answer.length < headEnd + HEAD_END.length + length) return;
    this.#count(data);
    data.answer = "";
    data.sentAt = 0;
    if (this.#isEnding) socket.end();
    else this.#send(socket);
  }

  #count(client: Client): void {
    const latencyMs = performance.now() - client.sentAt;
    const status = Number(client.answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
    if (status === 200) {
      this.#acceptedRequests++;
      this.#accepted.add(latencyMs);
      this.#text.write(this.#numbers.next).copy(client.body, this.#head.length);
      return;
    }
    const name = `${status} ${/"code":"(\w+)"/.exec(client.answer)?.[1] ?? "?"}`;
    this.#refusals[name] = (this.#refusals[name] ?? 0) + 1;
    if (!/^retry-after: \d+/im.test(client.answer)) this.#withoutRetryAfter++;
    this.#refused.add(latencyMs);
  }
}

const options = JSON.parse(process.argv[2] ?? "") as FloodOptions;
console.log(JSON.stringify(await new Flood(options).run()));
process.exit(0);
