/** A process that publishes a given number of new events, as fast as they are answered, and reports in steps. */

import { AckGaps } from "./ack-gaps.ts";
import { publishFrames } from "./channel.ts";
import type { EventText } from "./event-text.ts";
import { Latencies, type LatencySummary } from "./latencies.ts";
import { WirePublisher } from "./wire-publisher.ts";
import { WsWire } from "./ws-wire.ts";

export interface GrowthLoadOptions {
  readonly url: string;
  readonly events: number;
  /** Events between two reports. Both numbers are multiples of the events of a frame. */
  readonly eventsPerStep: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly framesInFlightPerConnection: number;
}

/** One line of the output. */
export interface GrowthStep {
  /** Acknowledged since the beginning. */
  readonly events: number;
  /** Of this step. */
  readonly seconds: number;
  readonly ack: LatencySummary;
  /** The longest time in which nothing was acknowledged. */
  readonly worstGapMs: number;
}

class GrowthLoad {
  readonly #frame: EventText;
  readonly #gaps = new AckGaps();
  readonly #done = Promise.withResolvers<void>();
  #latencies = new Latencies();
  #sent = 0;
  #acknowledged = 0;
  #stepAt = 0;

  constructor(private readonly options: GrowthLoadOptions) {
    this.#frame = publishFrames(options.eventsPerFrame);
  }

  async run(): Promise<void> {
    const publishers = Array.from({ length: this.options.connections }, () => this.#makePublisher());
    this.#stepAt = performance.now();
    await Promise.all(publishers.map((publisher) => publisher.open()));
    await this.#done.promise;
    for (const publisher of publishers) publisher.close();
  }

  #makePublisher(): WirePublisher {
    const url = new URL(this.options.url);
    return new WirePublisher(new WsWire(url, this.#frame), {
      hostname: url.hostname,
      port: Number(url.port),
      requestsInFlight: this.options.framesInFlightPerConnection,
      nextNumber: () => this.#sent++,
      mayPublish: () => this.#mayPublish(),
      onAnswer: (latencyMs) => this.#acknowledge(latencyMs),
      onFailure: (error) => this.#done.reject(error),
    });
  }

  #mayPublish(): boolean {
    if (this.#sent >= this.options.events) return false;
    this.#gaps.sent(performance.now());
    return true;
  }

  #acknowledge(latencyMs: number): void {
    const { events, eventsPerFrame, eventsPerStep } = this.options;
    const now = performance.now();
    this.#acknowledged += eventsPerFrame;
    this.#latencies.add(latencyMs);
    this.#gaps.acknowledged(now, this.#sent - this.#acknowledged);
    if (this.#acknowledged % eventsPerStep === 0 || this.#acknowledged === events) this.#report(now);
    if (this.#acknowledged === events) this.#done.resolve();
  }

  #report(now: number): void {
    const step: GrowthStep = {
      events: this.#acknowledged,
      seconds: (now - this.#stepAt) / 1_000,
      ack: this.#latencies.summary(),
      worstGapMs: this.#gaps.takeWorstMs(),
    };
    process.stdout.write(`${JSON.stringify(step)}\n`);
    this.#latencies = new Latencies();
    this.#stepAt = now;
  }
}

const options = JSON.parse(process.argv[2] ?? "") as GrowthLoadOptions;
await new GrowthLoad(options).run();
process.exit(0);
