/** A process that publishes over HTTP with autocannon: a fixed number of requests, so that all are answered. */

import autocannon, { type Result } from "autocannon";
import { EventNumbers } from "./event-numbers.ts";
import { type EventShape, EventText } from "./event-text.ts";
import { Latencies } from "./latencies.ts";
import { type EventMix, type LoadResult, startAccount, startOwnAccount } from "./load-result.ts";

export interface HttpLoadOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly connections: number;
  readonly eventsPerRequest: number;
  readonly mix: EventMix;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Requests of one step of the warm-up, a connection. */
const WARM_UP_REQUESTS = 40;

/** A step of the warm-up has no more events than this. */
const WARM_UP_EVENTS_MAX = 50_000;

/** How often autocannon looks whether it is done. */
const SAMPLE_MS = 20;

class HttpLoad {
  readonly #numbers: EventNumbers;
  readonly #text: EventText;
  readonly #contentType: string;

  constructor(private readonly options: HttpLoadOptions) {
    const { eventsPerRequest, mix } = options;
    this.#numbers = new EventNumbers(mix.firstNumber, mix.duplicates);
    const frame = eventsPerRequest > 1 ? { head: "[", tail: "]" } : NO_ARRAY;
    this.#text = new EventText(eventsPerRequest, frame, mix.shape);
    this.#contentType = contentTypeOf(mix.shape, eventsPerRequest);
  }

  async run(): Promise<LoadResult> {
    const { connections, eventsPerRequest, serverPid, warmUpSeconds, seconds } = this.options;
    const step = Math.min(connections * WARM_UP_REQUESTS, Math.ceil(WARM_UP_EVENTS_MAX / eventsPerRequest));
    const warmUntil = performance.now() + warmUpSeconds * 1_000;
    let rate: number;
    do {
      const amount = Math.max(connections, step);
      rate = amount / (await this.#send(amount, undefined));
    } while (performance.now() < warmUntil);

    const latencies = new Latencies();
    const amount = Math.max(connections, Math.round(rate * seconds));
    const endAccount = startAccount(serverPid);
    const endOwnAccount = startOwnAccount();
    const measuredSeconds = await this.#send(amount, latencies);
    const usage = { ...endAccount(), loadCpuSeconds: endOwnAccount() };
    const { received, unique } = this.#numbers;
    return {
      ...usage,
      sent: { received, unique, unansweredMax: 0 },
      events: amount * eventsPerRequest,
      seconds: measuredSeconds,
      ack: latencies.summary(),
    };
  }

  /** Gives the seconds until the last answer: autocannon itself notices the end late. */
  async #send(amount: number, latencies: Latencies | undefined): Promise<number> {
    const receivedBefore = this.#numbers.received;
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
          headers: { "content-type": this.#contentType },
          setupRequest: (request) => {
            request.body = this.#text.write(this.#numbers.next);
            return request;
          },
        },
      ],
    });
    // Its own histogram counts in whole milliseconds.
    run.on("response", (_client, _status, _bytes, latencyMs) => {
      lastAt = performance.now();
      latencies?.add(latencyMs);
    });
    expectAllAccepted(await run, amount);
    const made = (this.#numbers.received - receivedBefore) / this.options.eventsPerRequest;
    if (made !== amount) throw new Error(`autocannon made ${made} requests and sent ${amount}`);
    return (lastAt - startedAt) / 1_000;
  }
}

function contentTypeOf({ format = "native" }: EventShape, events: number): string {
  if (format === "native") return "application/json";
  return events === 1 ? "application/cloudevents+json" : "application/cloudevents-batch+json";
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
