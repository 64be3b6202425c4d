/** A process that publishes over HTTP with autocannon: a fixed number of requests, so that all are answered. */

import autocannon, { type Result } from "autocannon";
import { EventText } from "./event-text.ts";
import type { LatencySummary } from "./latencies.ts";

export interface HttpLoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly eventsPerRequest: number;
  readonly firstNumber: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface HttpLoadResult {
  /** Requests answered with 200 from first to last, warm-up included. */
  readonly requests: number;
  /** Requests of which no answer was awaited at the end, at most. */
  readonly unansweredMax: number;
  readonly requestsPerSecond: number;
  readonly latency: LatencySummary;
}

/** Requests of one step of the warm-up, a connection. */
const WARM_UP_REQUESTS = 40;

/** How often autocannon looks whether it is done. */
const SAMPLE_MS = 20;

class HttpLoad {
  #number: number;
  #answered = 0;
  readonly #text: EventText;

  constructor(private readonly options: HttpLoadOptions) {
    this.#number = options.firstNumber;
    const isArray = options.eventsPerRequest > 1;
    this.#text = new EventText(options.eventsPerRequest, isArray ? { head: "[", tail: "]" } : NO_ARRAY);
  }

  async run(): Promise<HttpLoadResult> {
    const { connections, warmUpSeconds, seconds } = this.options;
    const warmUntil = performance.now() + warmUpSeconds * 1_000;
    let rate: number;
    do {
      rate = (await this.#send(connections * WARM_UP_REQUESTS)).requestsPerSecond;
    } while (performance.now() < warmUntil);
    const measured = await this.#send(Math.max(connections, Math.round(rate * seconds)));
    return { ...measured, requests: this.#answered, unansweredMax: 0 };
  }

  async #send(amount: number): Promise<{ requestsPerSecond: number; latency: LatencySummary }> {
    const startedAt = performance.now();
    let lastAt = startedAt;
    const run = autocannon({
      url: this.options.url,
      connections: this.options.connections,
      amount,
      sampleInt: SAMPLE_MS,
      requests: [
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          setupRequest: (request) => {
            request.body = this.#text.write(this.#nextNumber);
            return request;
          },
        },
      ],
    });
    run.on("response", () => {
      lastAt = performance.now();
    });
    const result = await run;
    expectAllAccepted(result, amount);
    this.#answered += amount;
    const { p50, p99, max } = result.latency;
    return {
      requestsPerSecond: (amount / (lastAt - startedAt)) * 1_000,
      latency: { p50Ms: p50, p99Ms: p99, maxMs: max },
    };
  }

  readonly #nextNumber = (): number => this.#number++;
}

const NO_ARRAY = { head: "", tail: "" };

function expectAllAccepted(result: Result, amount: number): void {
  if (result["2xx"] === amount && result.non2xx === 0 && result.errors === 0) return;
  throw new Error(
    `of ${amount} requests ${result["2xx"]} were accepted, ${result.non2xx} refused; ${result.errors} errors`,
  );
}

const options = JSON.parse(process.argv[2] ?? "") as HttpLoadOptions;
console.log(JSON.stringify(await new HttpLoad(options).run()));
process.exit(0);
