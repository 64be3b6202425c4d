/** A process that publishes over WebSocket as fast as it is answered, a fixed number of frames in flight. */

import { cpuSecondsOf, residentBytesOf } from "../process-usage.ts";
import { EventNumbers } from "./event-numbers.ts";
import { EventText } from "./event-text.ts";
import { Latencies, type TailSummary } from "./latencies.ts";
import { PublishChannel } from "./publish-channel.ts";
import { frameHead } from "./ws-frames.ts";

export interface WsLoadOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly framesInFlightPerConnection: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Every event is new, in place of 20 % duplicates. */
  readonly isAllNew?: boolean;
}

export interface WsLoadResult {
  /** What was sent from first to last, warm-up included; all of it was acknowledged. */
  readonly sent: { readonly received: number; readonly unique: number };
  /** What was acknowledged while it was measured. */
  readonly events: number;
  readonly seconds: number;
  readonly ack: TailSummary;
  readonly serverCpuSeconds: number;
  readonly serverResidentBytes: number;
  readonly loadCpuSeconds: number;
}

class WsLoad {
  readonly #numbers: EventNumbers;
  readonly #frame: EventText;
  readonly #latencies = new Latencies();
  readonly #done = Promise.withResolvers<void>();
  #unanswered = 0;
  #eventsAcknowledged = 0;
  #isMeasuring = false;
  #isEnding = false;

  constructor(private readonly options: WsLoadOptions) {
    const { eventsPerFrame, isAllNew = false } = options;
    this.#numbers = new EventNumbers(!isAllNew);
    const text = { head: '{"type":"publish","events":[', tail: "]}" };
    const { byteLength } = new EventText(eventsPerFrame, text);
    const head = frameHead(byteLength).toString("latin1") + text.head;
    this.#frame = new EventText(eventsPerFrame, { head, tail: text.tail });
  }

  async run(): Promise<WsLoadResult> {
    const { connections, serverPid, warmUpSeconds, seconds } = this.options;
    const channels = Array.from({ length: connections }, () => this.#makeChannel());
    await Promise.all(channels.map((channel) => channel.open()));
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));

    const serverCpu = cpuSecondsOf(serverPid);
    const loadCpu = cpuSecondsOf(process.pid);
    const startedAt = performance.now();
    this.#isMeasuring = true;
    await this.#unlessFailed(Bun.sleep(seconds * 1_000));
    this.#isMeasuring = false;
    const measured = {
      events: this.#eventsAcknowledged,
      seconds: (performance.now() - startedAt) / 1_000,
      serverCpuSeconds: cpuSecondsOf(serverPid) - serverCpu,
      loadCpuSeconds: cpuSecondsOf(process.pid) - loadCpu,
      serverResidentBytes: residentBytesOf(serverPid),
    };
    this.#isEnding = true;
    await this.#done.promise;
    for (const channel of channels) channel.close();
    const { received, unique } = this.#numbers;
    return { ...measured, ack: this.#latencies.summary(), sent: { received, unique } };
  }

  #makeChannel(): PublishChannel {
    return new PublishChannel({
      url: new URL(this.options.url),
      framesInFlight: this.options.framesInFlightPerConnection,
      frameBytes: this.#frame.byteLength,
      writeFrame: (target, offset) => this.#writeFrame(target, offset),
      onAck: (latencyMs) => this.#acknowledge(latencyMs),
      onFailure: (error) => this.#done.reject(error),
    });
  }

  #writeFrame(target: Buffer, offset: number): boolean {
    if (this.#isEnding) return false;
    this.#unanswered++;
    this.#frame.write(this.#numbers.next).copy(target, offset);
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
