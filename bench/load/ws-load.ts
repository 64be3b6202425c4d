/** A process that publishes over WebSocket as fast as it is answered, a fixed number of frames in flight. */

import { publishFrames } from "./channel.ts";
import { EventNumbers } from "./event-numbers.ts";
import type { EventText } from "./event-text.ts";
import { Latencies } from "./latencies.ts";
import { type EventMix, type LoadResult, MIX_DEFAULT, startAccount, startOwnAccount } from "./load-result.ts";
import { WirePublisher } from "./wire-publisher.ts";
import { WsWire } from "./ws-wire.ts";

export interface WsLoadOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly framesInFlightPerConnection: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly mix?: EventMix;
  /** So many new events at least are sent before the warm-up. */
  readonly fillEvents?: number;
  /** The server sends back what it gets, and no acknowledgement. */
  readonly isEcho?: boolean;
}

export type WsLoadResult = LoadResult;

class WsLoad {
  readonly #numbers: EventNumbers;
  readonly #frame: EventText;
  readonly #latencies = new Latencies();
  readonly #filled = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  #unanswered = 0;
  #eventsAcknowledged = 0;
  #isMeasuring = false;
  #isEnding = false;

  constructor(private readonly options: WsLoadOptions) {
    const { eventsPerFrame, mix = MIX_DEFAULT } = options;
    this.#numbers = new EventNumbers(mix.firstNumber, mix.duplicates);
    this.#frame = publishFrames(eventsPerFrame, mix.shape);
  }

  async run(): Promise<LoadResult> {
    const { connections, serverPid, warmUpSeconds, seconds, fillEvents = 0 } = this.options;
    const publishers = Array.from({ length: connections }, () => this.#makePublisher());
    await Promise.all(publishers.map((publisher) => publisher.open()));
    if (fillEvents > 0) await this.#unlessFailed(this.#filled.promise);
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));

    const endAccount = startAccount(serverPid);
    const endOwnAccount = startOwnAccount();
    const startedAt = performance.now();
    this.#isMeasuring = true;
    await this.#unlessFailed(Bun.sleep(seconds * 1_000));
    this.#isMeasuring = false;
    const measured = {
      events: this.#eventsAcknowledged,
      seconds: (performance.now() - startedAt) / 1_000,
      loadCpuSeconds: endOwnAccount(),
      ...endAccount(),
    };
    this.#isEnding = true;
    await this.#done.promise;
    for (const publisher of publishers) publisher.close();
    const { received, unique } = this.#numbers;
    return { ...measured, ack: this.#latencies.summary(), sent: { received, unique, unansweredMax: 0 } };
  }

  #makePublisher(): WirePublisher {
    const { url, framesInFlightPerConnection, isEcho } = this.options;
    const address = new URL(url);
    return new WirePublisher(new WsWire(address, this.#frame, isEcho), {
      hostname: address.hostname,
      port: Number(address.port),
      requestsInFlight: framesInFlightPerConnection,
      nextNumber: this.#numbers.next,
      mayPublish: () => this.#mayPublish(),
      onAnswer: (latencyMs) => this.#acknowledge(latencyMs),
      onFailure: (error) => this.#done.reject(error),
    });
  }

  #mayPublish(): boolean {
    if (this.#numbers.unique >= (this.options.fillEvents ?? 0)) this.#filled.resolve();
    if (this.#isEnding) return false;
    this.#unanswered++;
    return true;
  }

  #acknowledge(latencyMs: number): void {
    this.#unanswered--;
    if (this.#isMeasuring) {
      this.#latencies.add(latencyMs);
      this.#eventsAcknowledged += this.options.eventsPerFrame;
    }
    if (this.#isEnding && this.#unanswered === 0) this.#done.resolve();
  }

  async #unlessFailed(wait: Promise<void>): Promise<void> {
    await Promise.race([wait, this.#done.promise]);
  }
}

const options = JSON.parse(process.argv[2] ?? "") as WsLoadOptions;
console.log(JSON.stringify(await new WsLoad(options).run()));
process.exit(0);
