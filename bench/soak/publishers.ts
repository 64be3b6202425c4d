/**
 * The publishers of a soak, a process of their own. An open loop: a batch is due at its time whether or not the ones
 * before are answered, and its latency counts from that time, so that a stall costs all who would have come meanwhile.
 */

import { type Counters, countersFrom } from "../../src/load-test/counters.ts";
import { SeededRandom } from "../../tests/support/seeded-random.ts";
import { Latencies } from "../load/latencies.ts";
import { EventMix } from "./event-mix.ts";
import { fail, listen, tell } from "./inside-child.ts";
import type { PublishersStart } from "./messages.ts";
import { EVENTS_PER_BATCH } from "./plan.ts";
import {
  type Answer,
  ChannelConnection,
  HttpConnection,
  type PublishConnection,
} from "./publish-connection.ts";

const CHANNELS = 4;

/** One batch of so many goes over HTTP. */
const HTTP_EVERY = 10;

/** Beside so many batches goes one that must be refused. */
const INVALID_EVERY = 100;

/** Without a rate: batches in flight on each channel, and over HTTP. */
const SATURATING_PER_CHANNEL = 16;
const SATURATING_HTTP = 6;

/** How often is looked which batches are due. */
const PACE_MS = 1;

/** Batches that are due and cannot be sent; beyond it the node is not keeping up at all. */
const BACKLOG_MAX = 200_000;

const SEND_AGAIN_AFTER_MS = 100;

interface Batch {
  readonly text: string;
  readonly dueAt: number;
  /** The number of the first new event that may be in it. */
  readonly firstNumber: number;
}

class Publishers {
  readonly #mix: EventMix;
  readonly #random: SeededRandom;
  readonly #connections: PublishConnection[] = [];
  /** For each connection what is due and has to wait. */
  readonly #backlogs = new Map<PublishConnection, Batch[]>();
  /** In the order they were made; the first is the oldest that is not acknowledged. */
  readonly #pending = new Set<Batch>();
  readonly #sums = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
  #batches = 0;
  #invalidPending = 0;
  #rejected = 0;
  #sentAgain = 0;
  #latencies = new Latencies();
  #acknowledgedInInterval = 0;
  #sentLateMsMax = 0;
  #intervalAt = performance.now();
  #isEnding = false;

  constructor(private readonly options: PublishersStart) {
    this.#random = new SeededRandom(options.seed);
    this.#mix = new EventMix(this.#random, options.oldEventsMax, () => this.#acknowledgedBelow());
  }

  async run(): Promise<void> {
    const { url, seconds, sampleSeconds, rate } = this.options;
    const opening = Array.from({ length: CHANNELS }, () => ChannelConnection.open(url, fail));
    this.#connections.push(...(await Promise.all(opening)), new HttpConnection(url, fail));
    for (const connection of this.#connections) this.#backlogs.set(connection, []);
    const reports = setInterval(() => this.#report(), sampleSeconds * 1_000);
    this.#intervalAt = performance.now();
    if (rate === undefined) this.#saturate();
    else void this.#pace(rate / EVENTS_PER_BATCH);
    await Bun.sleep(seconds * 1_000);
    this.#isEnding = true;
    while (this.#pending.size + this.#invalidPending > 0) await Bun.sleep(PACE_MS);
    clearInterval(reports);
    for (const connection of this.#connections) connection.close();
    const acknowledged = countersFrom((name) => this.#sums[name]);
    const expected = this.#mix.expected();
    const published = { expected, acknowledged, rejected: this.#rejected, sentAgain: this.#sentAgain };
    tell({ type: "published", published });
  }

  async #pace(batchesPerSecond: number): Promise<void> {
    const startedAt = performance.now();
    for (let due = 0; !this.#isEnding; await Bun.sleep(PACE_MS)) {
      const now = performance.now();
      for (; ; due++) {
        const dueAt = startedAt + (due / batchesPerSecond) * 1_000;
        if (dueAt > now) break;
        this.#sentLateMsMax = Math.max(this.#sentLateMsMax, now - dueAt);
        this.#make(this.#nextConnection(), dueAt);
      }
    }
  }

  #saturate(): void {
    for (const connection of this.#connections) {
      const inFlight = connection instanceof HttpConnection ? SATURATING_HTTP : SATURATING_PER_CHANNEL;
      for (let i = 0; i < inFlight; i++) this.#make(connection, performance.now());
    }
  }

  /** What would have to wait for a free request goes over a channel, or it would wait for the client and not the node. */
  #nextConnection(): PublishConnection {
    const http = this.#connections[CHANNELS]!;
    const isForHttp = this.#batches % HTTP_EVERY === 0 && http.unanswered < http.unansweredMax;
    return isForHttp ? http : this.#connections[this.#batches % CHANNELS]!;
  }

  #make(connection: PublishConnection, dueAt: number): void {
    const firstNumber = this.#mix.unique;
    const batch = { text: this.#mix.nextBatch(), dueAt, firstNumber };
    this.#pending.add(batch);
    this.#send(connection, batch);
    if (++this.#batches % INVALID_EVERY === 0) this.#sendInvalid();
  }

  #send(connection: PublishConnection, batch: Batch): void {
    if (connection.unanswered < connection.unansweredMax) {
      connection.send(batch.text, (answer) => this.#answered(connection, batch, answer));
      return;
    }
    const backlog = this.#backlogs.get(connection)!;
    if (backlog.push(batch) > BACKLOG_MAX) fail(`${BACKLOG_MAX} batches wait: the node does not keep up`);
  }

  #answered(connection: PublishConnection, batch: Batch, answer: Answer): void {
    const next = this.#backlogs.get(connection)!.shift();
    if (next !== undefined) this.#send(connection, next);
    if (answer.status === 503 && answer.code !== "outcome_unknown") {
      this.#sentAgain++;
      setTimeout(() => this.#send(connection, batch), SEND_AGAIN_AFTER_MS);
      return;
    }
    if (answer.type !== "ack" && answer.status !== "accepted")
      fail(`a batch was not acknowledged: ${JSON.stringify(answer)}`);
    this.#pending.delete(batch);
    this.#latencies.add(performance.now() - batch.dueAt);
    this.#acknowledgedInInterval += EVENTS_PER_BATCH;
    for (const name of Object.keys(this.#sums) as (keyof Counters)[]) this.#sums[name] += answer[name];
    if (this.options.rate === undefined && !this.#isEnding) this.#make(connection, performance.now());
  }

  #sendInvalid(): void {
    const connection = this.#connections[this.#random.below(this.#connections.length)]!;
    if (connection.unanswered >= connection.unansweredMax) return;
    this.#invalidPending++;
    connection.send(this.#mix.nextInvalid(), (answer) => {
      this.#invalidPending--;
      this.#rejected++;
      if (answer.status !== 400 && answer.status !== 422)
        fail(`an invalid batch was not refused: ${JSON.stringify(answer)}`);
    });
  }

  #acknowledgedBelow(): number {
    for (const { firstNumber } of this.#pending) return firstNumber;
    return this.#mix.unique;
  }

  #report(): void {
    const now = performance.now();
    const interval = {
      eventsPerSecond: (this.#acknowledgedInInterval / (now - this.#intervalAt)) * 1_000,
      ack: this.#acknowledgedInInterval === 0 ? undefined : this.#latencies.summary(),
      sentLateMsMax: this.#sentLateMsMax,
      uniqueEvents: this.#mix.unique,
    };
    this.#latencies = new Latencies();
    this.#acknowledgedInInterval = 0;
    this.#sentLateMsMax = 0;
    this.#intervalAt = now;
    tell({ type: "interval", interval });
  }
}

listen((message) => {
  if (message.type === "start") void new Publishers(message.options as PublishersStart).run();
});
