/**
 * A process that publishes at a fixed rate whether or not it is answered. A latency counts from when the frame was due
 * and not from when it could be sent, so that a stall costs all who would have come meanwhile.
 */

import { cpuSecondsOf } from "../process-usage.ts";
import { ArrivalSchedule } from "./arrival-schedule.ts";
import { EventText } from "./event-text.ts";
import { Latencies, type TailSummary } from "./latencies.ts";
import { OpenLoopChannel } from "./open-loop-channel.ts";
import { frameHead } from "./ws-frames.ts";

export interface OpenLoopOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly eventsPerSecond: number;
  readonly eventsPerFrame: number;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface OpenLoopResult {
  /** Acknowledged from first to last, warm-up included; every event was new. */
  readonly eventsAcknowledged: number;
  /** Of the frames that were due while it was measured, from then to their acknowledgement. */
  readonly ack: TailSummary;
  /** The same to when the frame was handed to its connection: what of the latency is the client's own. */
  readonly late: TailSummary;
  /** Acknowledged while it was measured, whenever it was due. */
  readonly eventsPerSecond: number;
  /** Refused frames by status and code, warm-up included. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Seconds after the last frame was due until all were answered. */
  readonly drainSeconds: number;
  readonly serverCpuMicrosecondsPerEvent: number;
}

/** How often is looked what is due. */
const PACE_MS = 1;

class OpenLoopLoad {
  readonly #frame: EventText;
  readonly #ack = new Latencies();
  readonly #late = new Latencies();
  readonly #refusals: Record<string, number> = {};
  readonly #failed = Promise.withResolvers<never>();
  readonly #channels: OpenLoopChannel[];
  #events = 0;
  #framesSent = 0;
  #framesAnswered = 0;
  #framesAcknowledged = 0;
  #acknowledgedMeanwhile = 0;
  #measureFrom = Number.POSITIVE_INFINITY;
  #measureUntil = Number.POSITIVE_INFINITY;

  constructor(private readonly options: OpenLoopOptions) {
    const { eventsPerFrame, connections, url } = options;
    const text = { head: '{"type":"publish","events":[', tail: "]}" };
    const { byteLength } = new EventText(eventsPerFrame, text);
    const head = frameHead(byteLength).toString("latin1") + text.head;
    this.#frame = new EventText(eventsPerFrame, { head, tail: text.tail });
    const channelOptions = {
      url: new URL(url),
      makeFrame: () => this.#frame.write(() => this.#events++),
      onAnswer: this.#answered.bind(this),
      onFailure: this.#failed.reject,
    };
    this.#channels = Array.from({ length: connections }, () => new OpenLoopChannel(channelOptions));
  }

  async run(): Promise<OpenLoopResult> {
    const { eventsPerSecond, eventsPerFrame, warmUpSeconds, seconds, serverPid } = this.options;
    await Promise.all(this.#channels.map((channel) => channel.open()));
    const startAt = performance.now();
    this.#measureFrom = startAt + warmUpSeconds * 1_000;
    this.#measureUntil = this.#measureFrom + seconds * 1_000;
    const schedule = new ArrivalSchedule(startAt, eventsPerSecond / eventsPerFrame, warmUpSeconds + seconds);
    const cpuSeconds = cpuSecondsOf(serverPid);
    await Promise.race([this.#pace(schedule), this.#failed.promise]);
    const dueUntil = performance.now();
    await Promise.race([this.#untilAnswered(), this.#failed.promise]);
    for (const channel of this.#channels) channel.close();
    const eventsAcknowledged = this.#framesAcknowledged * eventsPerFrame;
    return {
      eventsAcknowledged,
      ack: this.#ack.summary(),
      late: this.#late.summary(),
      eventsPerSecond: (this.#acknowledgedMeanwhile * eventsPerFrame) / seconds,
      refusals: this.#refusals,
      drainSeconds: (performance.now() - dueUntil) / 1_000,
      serverCpuMicrosecondsPerEvent: ((cpuSecondsOf(serverPid) - cpuSeconds) / eventsAcknowledged) * 1e6,
    };
  }

  async #pace(schedule: ArrivalSchedule): Promise<void> {
    for (; !schedule.isOver; await Bun.sleep(PACE_MS)) {
      const now = performance.now();
      for (let dueAt = schedule.takeDue(now); dueAt !== undefined; dueAt = schedule.takeDue(now)) {
        if (this.#isMeasured(dueAt)) this.#late.add(now - dueAt);
        this.#channels[this.#framesSent++ % this.#channels.length]!.send(dueAt);
      }
      for (const channel of this.#channels) channel.flush();
    }
  }

  async #untilAnswered(): Promise<void> {
    while (this.#framesAnswered < this.#framesSent) await Bun.sleep(PACE_MS);
  }

  #isMeasured(at: number): boolean {
    return at >= this.#measureFrom && at < this.#measureUntil;
  }

  #answered(dueAt: number, now: number, refusal: string | undefined): void {
    this.#framesAnswered++;
    if (refusal !== undefined) {
      const { status, code } = JSON.parse(refusal) as { status: number; code: string };
      const key = `${status} ${code}`;
      this.#refusals[key] = (this.#refusals[key] ?? 0) + 1;
      return;
    }
    this.#framesAcknowledged++;
    if (this.#isMeasured(dueAt)) this.#ack.add(now - dueAt);
    if (this.#isMeasured(now)) this.#acknowledgedMeanwhile++;
  }
}

const options = JSON.parse(process.argv[2] ?? "") as OpenLoopOptions;
console.log(JSON.stringify(await new OpenLoopLoad(options).run()));
process.exit(0);
