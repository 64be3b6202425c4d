/**
 * A process that publishes at a fixed rate whether or not it is answered. A latency counts from when the frame was due
 * and not from when it could be sent, so that a stall costs all who would have come meanwhile.
 */

import { ArrivalSchedule } from "./arrival-schedule.ts";
import { publishFrames } from "./channel.ts";
import type { Commit } from "./delivery.ts";
import { EventNumbers } from "./event-numbers.ts";
import type { EventText } from "./event-text.ts";
import { Latencies } from "./latencies.ts";
import { type SentEvents, startAccount } from "./load-result.ts";
import type { OpenLoopOptions, OpenLoopResult } from "./open-loop.ts";
import { OpenLoopChannel } from "./open-loop-channel.ts";
import { wallMs } from "./wall-clock.ts";

/** How often is looked what is due. */
const PACE_MS = 1;

class OpenLoopLoad {
  readonly #numbers: EventNumbers;
  readonly #frame: EventText;
  readonly #ack = new Latencies();
  readonly #late = new Latencies();
  readonly #commits: Commit[] = [];
  readonly #refusals: Record<string, number> = {};
  readonly #failed = Promise.withResolvers<never>();
  readonly #channels: OpenLoopChannel[];
  #framesSent = 0;
  #framesAnswered = 0;
  #framesAcknowledged = 0;
  #acknowledgedMeanwhile = 0;
  #measureFrom = Number.POSITIVE_INFINITY;
  #measureUntil = Number.POSITIVE_INFINITY;

  constructor(private readonly options: OpenLoopOptions) {
    const { eventsPerFrame, connections, url, mix } = options;
    this.#numbers = new EventNumbers(mix.firstNumber, mix.duplicates);
    this.#frame = publishFrames(eventsPerFrame, mix.shape);
    const channelOptions = {
      url: new URL(url),
      makeFrame: () => this.#frame.write(this.#numbers.next),
      onAnswer: this.#answered.bind(this),
      onFailure: this.#failed.reject,
    };
    this.#channels = Array.from({ length: connections }, () => new OpenLoopChannel(channelOptions));
  }

  async run(): Promise<OpenLoopResult> {
    const { eventsPerSecond, eventsPerFrame, warmUpSeconds, seconds } = this.options;
    await Promise.all(this.#channels.map((channel) => channel.open()));
    const startAt = performance.now();
    this.#measureFrom = startAt + warmUpSeconds * 1_000;
    this.#measureUntil = this.#measureFrom + seconds * 1_000;
    const schedule = new ArrivalSchedule(startAt, eventsPerSecond / eventsPerFrame, warmUpSeconds + seconds);
    const metered = this.#meter();
    await this.#unlessFailed(this.#pace(schedule));
    const dueUntil = performance.now();
    const usage = await metered;
    await this.#unlessFailed(this.#untilAnswered());
    for (const channel of this.#channels) channel.close();
    return {
      sent: this.#acknowledgedEvents(),
      ack: this.#ack.summary(),
      late: this.#late.summary(),
      eventsPerSecond: (this.#acknowledgedMeanwhile * eventsPerFrame) / seconds,
      refusals: this.#refusals,
      drainSeconds: (performance.now() - dueUntil) / 1_000,
      ...usage,
      commits: this.#commits,
    };
  }

  /** What the server uses while it is measured. */
  async #meter(): Promise<Pick<OpenLoopResult, "serverCpuSeconds" | "fromMs" | "toMs">> {
    const { warmUpSeconds, seconds, serverPid } = this.options;
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));
    const endAccount = startAccount(serverPid);
    const fromMs = wallMs();
    await this.#unlessFailed(Bun.sleep(seconds * 1_000));
    const { serverCpuSeconds } = endAccount();
    return { serverCpuSeconds, fromMs, toMs: wallMs() };
  }

  /** An interval keeps time where a chain of sleeps would be late by what each turn takes. */
  async #pace(schedule: ArrivalSchedule): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = setInterval(() => {
      this.#sendDue(schedule);
      if (schedule.isOver) over.resolve();
    }, PACE_MS);
    await over.promise;
    clearInterval(timer);
  }

  #sendDue(schedule: ArrivalSchedule): void {
    const now = performance.now();
    for (let dueAt = schedule.takeDue(now); dueAt !== undefined; dueAt = schedule.takeDue(now)) {
      if (this.#isMeasured(dueAt)) this.#late.add(now - dueAt);
      this.#channels[this.#framesSent++ % this.#channels.length]!.send(dueAt);
    }
    for (const channel of this.#channels) channel.flush();
  }

  async #untilAnswered(): Promise<void> {
    while (this.#framesAnswered < this.#framesSent) await Bun.sleep(PACE_MS);
  }

  async #unlessFailed<T>(wait: Promise<T>): Promise<T> {
    return await Promise.race([wait, this.#failed.promise]);
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
    const { eventsPerFrame, wantsCommits = false } = this.options;
    this.#framesAcknowledged++;
    if (wantsCommits) this.#commits.push([this.#framesAcknowledged * eventsPerFrame, wallMs()]);
    if (this.#isMeasured(dueAt)) this.#ack.add(now - dueAt);
    if (this.#isMeasured(now)) this.#acknowledgedMeanwhile++;
  }

  #acknowledgedEvents(): SentEvents {
    const received = this.#framesAcknowledged * this.options.eventsPerFrame;
    const refused = this.#numbers.received - received;
    return { received, unique: this.#numbers.unique - refused, unansweredMax: 0 };
  }
}

const options = JSON.parse(process.argv[2] ?? "") as OpenLoopOptions;
console.log(JSON.stringify(await new OpenLoopLoad(options).run()));
process.exit(0);
