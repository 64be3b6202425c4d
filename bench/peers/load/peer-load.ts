/** A process that publishes to a peer as fast as it is answered, a fixed number of requests in flight. */

import { publishFrames } from "../../load/channel.ts";
import { EventNumbers } from "../../load/event-numbers.ts";
import { Latencies } from "../../load/latencies.ts";
import type { Publisher, PublisherOptions } from "../../load/publisher.ts";
import type { Wire } from "../../load/wire.ts";
import { WirePublisher } from "../../load/wire-publisher.ts";
import { WsWire } from "../../load/ws-wire.ts";
import { cpuSecondsOf } from "../../process-usage.ts";
import { cpuSecondsOfTree, residentBytesOfTree } from "../process-tree.ts";
import { scatter } from "./event-ids.ts";
import { HttpWire } from "./http-wire.ts";
import { NatsWire } from "./nats-wire.ts";
import type { PeerLoadOptions, PeerLoadResult } from "./peer-load-options.ts";
import { PostgresqlPublisher } from "./postgresql-publisher.ts";
import { RedisWire } from "./redis-wire.ts";

/** For the answers that are still out when the time is over. */
const END_TIMEOUT_MS = 20_000;

class PeerLoad {
  readonly #numbers = new EventNumbers();
  readonly #latencies = new Latencies();
  readonly #done = Promise.withResolvers<void>();
  #unanswered = 0;
  #requestsAnswered = 0;
  #isMeasuring = false;
  #isEnding = false;

  constructor(private readonly options: PeerLoadOptions) {}

  async run(): Promise<PeerLoadResult> {
    const { connections, eventsPerRequest, serverPid, warmUpSeconds, seconds } = this.options;
    const publishers = Array.from({ length: connections }, (_, i) => this.#makePublisher(i));
    await Promise.all(publishers.map((publisher) => publisher.open()));
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));

    const serverCpu = cpuSecondsOfTree(serverPid);
    const loadCpu = cpuSecondsOf(process.pid);
    const startedAt = performance.now();
    this.#isMeasuring = true;
    await this.#unlessFailed(Bun.sleep(seconds * 1_000));
    this.#isMeasuring = false;
    const measured = {
      events: this.#requestsAnswered * eventsPerRequest,
      seconds: (performance.now() - startedAt) / 1_000,
      serverCpuSeconds: cpuSecondsOfTree(serverPid) - serverCpu,
      loadCpuSeconds: cpuSecondsOf(process.pid) - loadCpu,
      serverResidentBytes: residentBytesOfTree(serverPid),
    };
    this.#isEnding = true;
    const timeout = setTimeout(() => {
      this.#done.reject(new Error(`${this.#unanswered} requests were never answered`));
    }, END_TIMEOUT_MS);
    if (this.#unanswered > 0) await this.#done.promise;
    clearTimeout(timeout);
    for (const publisher of publishers) publisher.close();
    const { received, unique } = this.#numbers;
    return { ...measured, ack: this.#latencies.summary(), sent: { received, unique } };
  }

  #makePublisher(index: number): Publisher {
    const { target, eventsPerRequest, requestsInFlight, ids, firstNumber } = this.options;
    const options: PublisherOptions = {
      requestsInFlight,
      nextNumber: () => {
        const number = firstNumber + this.#numbers.next();
        return ids === "random" ? scatter(number) : number;
      },
      mayPublish: () => {
        if (this.#isEnding) return false;
        this.#unanswered++;
        return true;
      },
      onAnswer: (latencyMs) => this.#answered(latencyMs),
      onFailure: (error) => this.#done.reject(error),
    };
    if (target.protocol === "postgresql") {
      return new PostgresqlPublisher({ ...options, ...target, eventsPerRequest });
    }
    const [wire, port] = this.#wire(target, index);
    return new WirePublisher(wire, { ...options, hostname: "127.0.0.1", port });
  }

  #wire(
    target: Exclude<PeerLoadOptions["target"], { protocol: "postgresql" }>,
    index: number,
  ): [Wire, number] {
    const { eventsPerRequest } = this.options;
    switch (target.protocol) {
      case "websocket":
        return [new WsWire(new URL(target.url), publishFrames(eventsPerRequest)), portOf(target.url)];
      case "http":
        return [new HttpWire(new URL(target.url), eventsPerRequest), portOf(target.url)];
      case "nats":
        return [new NatsWire(target.subject, `c${index}`), target.port];
      case "redis":
        return [new RedisWire(target.scriptSha, eventsPerRequest), target.port];
    }
  }

  #answered(latencyMs: number): void {
    this.#unanswered--;
    if (this.#isMeasuring) {
      this.#latencies.add(latencyMs);
      this.#requestsAnswered++;
    }
    if (this.#isEnding && this.#unanswered === 0) this.#done.resolve();
  }

  async #unlessFailed(wait: Promise<void>): Promise<void> {
    await Promise.race([wait, this.#done.promise]);
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

const options = JSON.parse(process.argv[2] ?? "") as PeerLoadOptions;
console.log(JSON.stringify(await new PeerLoad(options).run()));
process.exit(0);
