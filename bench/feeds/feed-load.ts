/** A process that publishes at a fixed rate and follows the feed of events, so that each delivery is timed by one clock. */

import { ArrivalSchedule } from "../load/arrival-schedule.ts";
import { EventNumbers } from "../load/event-numbers.ts";
import { EventText } from "../load/event-text.ts";
import { Latencies, type LatencySummary } from "../load/latencies.ts";
import { type ServerUsage, startAccount, startOwnAccount } from "../load/load-result.ts";

export interface FeedLoadOptions {
  /** Of the server, `http://host:port`. */
  readonly url: string;
  readonly serverPid: number;
  readonly readers: number;
  /** Events are spread over so many topics. */
  readonly topics: number;
  /** Each reader follows every topic; else the first reader the first topic, and so on, again and again. */
  readonly followsAll: boolean;
  readonly eventsPerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface FeedLoadResult extends ServerUsage {
  /** Sent, warm-up included. */
  readonly events: number;
  /** While it was measured, over all readers. */
  readonly delivered: number;
  readonly seconds: number;
  /** From when an event was sent until a reader had it. */
  readonly delivery: LatencySummary;
  readonly ack: LatencySummary;
  readonly loadCpuSeconds: number;
}

/** Events fall due together, so that a rate of many does not take as many frames. */
const PACE_MS = 5;

/** Connections that are being opened at one time. */
const OPENING_MAX = 64;

const LOOK_MS = 10;

/** The last digits of an event's id are its number, from 0. */
const EVENT_ID = /"event_id":"[^"]{24}(\d{12})"/g;

class FeedLoad {
  readonly #delivery = new Latencies();
  readonly #ack = new Latencies();
  readonly #numbers = new EventNumbers(0, { percent: 0, oldEvents: 0 });
  readonly #failed = Promise.withResolvers<never>();
  readonly #sentAt: Float64Array;
  readonly #frameSentAt: number[] = [];
  readonly #eventsPerFrame: number;
  readonly #frame: EventText;
  readonly #framesPerSecond: number;
  /** By reader, the number of the event that it was told last. */
  readonly #last: number[] = [];
  #answered = 0;
  #isMeasuring = false;
  #delivered = 0;

  constructor(private readonly options: FeedLoadOptions) {
    const { eventsPerSecond, topics, warmUpSeconds, seconds } = options;
    this.#eventsPerFrame = Math.max(1, Math.round((eventsPerSecond * PACE_MS) / 1_000));
    this.#framesPerSecond = eventsPerSecond / this.#eventsPerFrame;
    const text = { head: '{"type":"publish","events":[', tail: "]}" };
    this.#frame = new EventText(this.#eventsPerFrame, text, { topics, payload: "small" });
    this.#sentAt = new Float64Array(Math.ceil(eventsPerSecond * (warmUpSeconds + seconds)) + 1_000);
  }

  async run(): Promise<FeedLoadResult> {
    const { warmUpSeconds, seconds, serverPid } = this.options;
    await this.#openReaders();
    const publisher = await this.#openPublisher();
    const startAt = performance.now();
    const paced = this.#pace(
      publisher,
      new ArrivalSchedule(startAt, this.#framesPerSecond, warmUpSeconds + seconds),
    );
    await this.#unlessFailed(Bun.sleep(warmUpSeconds * 1_000));
    const endAccount = startAccount(serverPid);
    const endOwnAccount = startOwnAccount();
    const measuredFrom = performance.now();
    this.#isMeasuring = true;
    await this.#unlessFailed(paced);
    const usage = { ...endAccount(), loadCpuSeconds: endOwnAccount() };
    const measuredSeconds = (performance.now() - measuredFrom) / 1_000;
    const delivered = this.#delivered;
    await this.#unlessFailed(this.#untilTold());
    return {
      ...usage,
      delivered,
      events: this.#numbers.unique,
      seconds: measuredSeconds,
      delivery: this.#delivery.summary(),
      ack: this.#ack.summary(),
    };
  }

  async #openReaders(): Promise<void> {
    const { readers } = this.options;
    const next = async (): Promise<void> => {
      while (this.#last.length < readers) await this.#openReader(this.#last.length);
    };
    await this.#unlessFailed(Promise.all(Array.from({ length: OPENING_MAX }, next)));
  }

  /** Resolves when the reader has been answered: from then on it is told what comes. */
  async #openReader(reader: number): Promise<void> {
    const { url, topics, followsAll } = this.options;
    const topic = reader % topics;
    this.#last.push(followsAll ? -1 : topic - topics);
    const query = followsAll
      ? ""
      : `?topics=orders-${String(topic).padStart(String(topics - 1).length, "0")}`;
    const socket = await this.#open(`${url.replace("http", "ws")}/ws/events${query}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => {
      if ((data as string).startsWith('{"type":"pong"')) resolve();
      else this.#told(reader, data as string);
    };
    socket.send('{"type":"ping"}');
    await promise;
  }

  /** @throws Error, over all, where an event is told twice, or one that should come before it was not. */
  #told(reader: number, frame: string): void {
    const { topics, followsAll } = this.options;
    const now = performance.now();
    const step = followsAll ? 1 : topics;
    let last = this.#last[reader]!;
    for (const [, digits] of frame.matchAll(EVENT_ID)) {
      const number = Number(digits);
      if (number !== last + step) {
        this.#failed.reject(new Error(`reader ${reader} was told event ${number} after ${last}`));
        return;
      }
      last = number;
      if (!this.#isMeasuring) continue;
      this.#delivery.add(now - this.#sentAt[number]!);
      this.#delivered++;
    }
    this.#last[reader] = last;
  }

  async #openPublisher(): Promise<WebSocket> {
    const socket = await this.#open(`${this.options.url.replace("http", "ws")}/ws/publish`);
    socket.onmessage = ({ data }) => this.#receiveAnswer(data as string);
    return socket;
  }

  #receiveAnswer(frame: string): void {
    if (frame.startsWith('{"type":"hello"')) return;
    if (!frame.startsWith('{"type":"ack"')) this.#failed.reject(new Error(`a publish was answered ${frame}`));
    const latencyMs = performance.now() - this.#frameSentAt[this.#answered++]!;
    if (this.#isMeasuring) this.#ack.add(latencyMs);
  }

  async #open(address: string): Promise<WebSocket> {
    const socket = new WebSocket(address);
    const opened = Promise.withResolvers<void>();
    socket.onopen = () => opened.resolve();
    socket.onclose = ({ code }) => this.#failed.reject(new Error(`a socket was closed with ${code}`));
    await this.#unlessFailed(opened.promise);
    return socket;
  }

  async #pace(publisher: WebSocket, schedule: ArrivalSchedule): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = setInterval(() => {
      const now = performance.now();
      while (schedule.takeDue(now) !== undefined) {
        const frame = this.#frame.write(() => {
          const number = this.#numbers.next();
          this.#sentAt[number] = now;
          return number;
        });
        this.#frameSentAt.push(now);
        publisher.send(frame.toString("latin1"));
      }
      if (schedule.isOver) over.resolve();
    }, PACE_MS);
    await over.promise;
    clearInterval(timer);
  }

  async #untilTold(): Promise<void> {
    const { topics, followsAll } = this.options;
    const newest = this.#numbers.unique - 1;
    const reach = followsAll ? 1 : topics;
    while (this.#last.some((last) => last + reach <= newest)) await Bun.sleep(LOOK_MS);
  }

  async #unlessFailed<T>(wait: Promise<T>): Promise<T> {
    return await Promise.race([wait, this.#failed.promise]);
  }
}

const options = JSON.parse(process.argv[2] ?? "") as FeedLoadOptions;
console.log(JSON.stringify(await new FeedLoad(options).run()));
process.exit(0);
