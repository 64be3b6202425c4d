/**
 * A process that publishes over WebSocket at a fixed rate. An open loop: a frame is due at its time, whether or not
 * those before it are answered, and its latency counts from that time.
 */

import { cpuSecondsOf } from "../process-usage.ts";
import type { Commit } from "./delivery.ts";
import { EventNumbers } from "./event-numbers.ts";
import { EventText } from "./event-text.ts";
import { Latencies, type LatencySummary } from "./latencies.ts";
import { PublishChannel } from "./publish-channel.ts";
import { wallMs } from "./wall-clock.ts";
import { frameHead } from "./ws-frames.ts";

export interface SteadyLoadOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly eventsPerSecond: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface SteadyLoadResult {
  readonly sent: { readonly received: number; readonly unique: number };
  /** What was acknowledged while it was measured. */
  readonly eventsPerSecond: number;
  readonly ack: LatencySummary;
  /** How late frames were sent, by this process and by what it waited for. */
  readonly sentLate: LatencySummary;
  readonly serverCpuSeconds: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** One for each acknowledged frame, in the order of their acknowledgements. */
  readonly commits: readonly Commit[];
}

/** Below what a node allows; frames beyond it wait here, and the rate is not reached. */
const FRAMES_IN_FLIGHT_PER_CONNECTION = 256;

/** How often is looked which frames are due. */
const PACE_MS = 1;

/** A channel and when the frames were due that it has not had answered, oldest first. */
interface Lane {
  readonly channel: PublishChannel;
  readonly dueAt: number[];
}

class SteadyLoad {
  readonly #numbers = new EventNumbers();
  readonly #text: EventText;
  readonly #ack = new Latencies();
  readonly #late = new Latencies();
  readonly #commits: Commit[] = [];
  readonly #done = Promise.withResolvers<void>();
  readonly #lanes: Lane[] = [];
  #startedAt = 0;
  /** Frames that were sent. */
  #sent = 0;
  #acknowledged = 0;
  #isMeasuring = false;
  #isEnding = false;

  constructor(private readonly options: SteadyLoadOptions) {
    const { eventsPerFrame } = options;
    const text = { head: '{"type":"publish","events":[', tail: "]}" };
    const { byteLength } = new EventText(eventsPerFrame, text);
    const head = frameHead(byteLength).toString("latin1") + text.head;
    this.#text = new EventText(eventsPerFrame, { head, tail: text.tail });
  }

  async run(): Promise<SteadyLoadResult> {
    const { connections, serverPid, warmUpSeconds, seconds, eventsPerFrame } = this.options;
    for (let i = 0; i < connections; i++) this.#lanes.push(this.#makeLane());
    for (const { channel } of this.#lanes) await channel.open();
    this.#startedAt = performance.now();
    const pace = setInterval(() => this.#sendDue(), PACE_MS);
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));

    const serverCpu = cpuSecondsOf(serverPid);
    const fromMs = wallMs();
    const acknowledged = this.#acknowledged;
    this.#isMeasuring = true;
    await this.#unlessFailed(Bun.sleep(seconds * 1_000));
    this.#isMeasuring = false;
    const toMs = wallMs();
    const serverCpuSeconds = cpuSecondsOf(serverPid) - serverCpu;
    const events = (this.#acknowledged - acknowledged) * eventsPerFrame;
    clearInterval(pace);
    this.#isEnding = true;
    if (this.#acknowledged === this.#sent) this.#done.resolve();
    await this.#done.promise;
    for (const { channel } of this.#lanes) channel.close();
    const { received, unique } = this.#numbers;
    return {
      sent: { received, unique },
      eventsPerSecond: events / ((toMs - fromMs) / 1_000),
      ack: this.#ack.summary(),
      sentLate: this.#late.summary(),
      serverCpuSeconds,
      fromMs,
      toMs,
      commits: this.#commits,
    };
  }

  #makeLane(): Lane {
    const dueAt: number[] = [];
    const channel = new PublishChannel({
      url: new URL(this.options.url),
      framesInFlight: FRAMES_IN_FLIGHT_PER_CONNECTION,
      frameBytes: this.#text.byteLength,
      writeFrame: (target, offset) => this.#writeFrame(dueAt, target, offset),
      onAck: () => this.#acknowledge(dueAt),
      onFailure: (error) => this.#done.reject(error),
    });
    return { channel, dueAt };
  }

  #sendDue(): void {
    for (let i = 0; i < this.#lanes.length && this.#isDue(); i++) {
      // In turns, so that the channels carry the same.
      this.#lanes[(this.#sent + i) % this.#lanes.length]!.channel.pump();
    }
  }

  #dueAtOf(frame: number): number {
    const { eventsPerFrame, eventsPerSecond } = this.options;
    return this.#startedAt + (frame * eventsPerFrame * 1_000) / eventsPerSecond;
  }

  #isDue(): boolean {
    return this.#startedAt > 0 && !this.#isEnding && this.#dueAtOf(this.#sent) <= performance.now();
  }

  #writeFrame(dueAt: number[], target: Buffer, offset: number): boolean {
    if (!this.#isDue()) return false;
    const due = this.#dueAtOf(this.#sent++);
    if (this.#isMeasuring) this.#late.add(performance.now() - due);
    dueAt.push(due);
    this.#text.write(this.#numbers.next).copy(target, offset);
    return true;
  }

  #acknowledge(dueAt: number[]): void {
    this.#commits.push([++this.#acknowledged * this.options.eventsPerFrame, wallMs()]);
    const due = dueAt.shift()!;
    if (this.#isMeasuring) this.#ack.add(performance.now() - due);
    if (this.#isEnding && this.#acknowledged === this.#sent) this.#done.resolve();
  }

  async #unlessFailed(wait: Promise<void>): Promise<void> {
    await Promise.race([wait, this.#done.promise]);
  }
}

const options = JSON.parse(process.argv[2] ?? "") as SteadyLoadOptions;
console.log(JSON.stringify(await new SteadyLoad(options).run()));
process.exit(0);
