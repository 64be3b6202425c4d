/**
 * The subscribers and readers of a soak, a process of their own: some stay, some come and go all the time, some stop
 * reading for seconds, some never read; and somebody asks for events and statistics.
 */

import { SeededRandom } from "../../tests/support/seeded-random.ts";
import { fail, listen, tell } from "./inside-child.ts";
import type { SubscribersStart, Truth } from "./messages.ts";
import { readOn } from "./readers.ts";
import { StatsConnection } from "./stats-connection.ts";
import { StatsView } from "./stats-view.ts";

const PATTERNS = ["*", "soak.*", "soak.1*", "soak.07"] as const;
const INTERVALS_MS = [20, 100, 250, 1_000] as const;

const STEADY = 8;
const CHURNING = 16;
const SLOW = 4;
const NEVER_READING = 3;
const READERS = 2;

/** How long one who comes and goes stays, and is away. Sixteen of them connect about 20 times a second. */
const STAY_MS_MAX = 1_500;
const AWAY_MS_MAX = 100;

/** Of ten connections so many begin anew instead of resuming. */
const ANEW_IN_TEN = 3;

const SLOW_READS_MS_MAX = 3_000;
const SLOW_STOPS_MS_MAX = 10_000;

/** About as long as it takes until the operating system holds no more and the node's patience (60 s) is over. */
const NEVER_READS_MS_MIN = 95_000;
const NEVER_READS_MS_MAX = 130_000;

/** Until what is on its way to one who reads again has come. */
const CLOSE_MS_MAX = 10_000;

/** After which a view must be where the truth is. */
const SETTLE_MS_MAX = 60_000;
const SETTLE_POLL_MS = 20;

/** Whoever reads soon finds the reason; after some 16 s Bun cuts the connection, and what was buffered is gone. */
const CLOSED_TOO_SLOW = 4408;
const CLOSED_WITHOUT_A_WORD = 1006;

class Subscribers {
  readonly #random: SeededRandom;
  readonly #settling = Promise.withResolvers<void>();
  readonly #leaving = Promise.withResolvers<void>();
  readonly #workers: Promise<void>[] = [];
  readonly #counts = { open: 0, opened: 0, resumed: 0, frames: 0, closedAsTooSlow: 0, cut: 0, reads: 0 };
  /** Those that have not been ended by us: when one of them closes, the node did it. */
  readonly #connected = new Set<StatsConnection>();
  #isSettling = false;
  #truth: Truth | undefined;
  #compared = 0;

  constructor(private readonly options: SubscribersStart) {
    this.#random = new SeededRandom(options.seed);
    const views = Array.from({ length: STEADY }, (_, i) => viewOf(i));
    this.#workers.push(...views.map((view) => this.#connectAndSettle(view)));
    for (let i = 0; i < CHURNING; i++) this.#workers.push(this.#comeAndGo(viewOf(i)));
    for (let i = 0; i < SLOW; i++) this.#workers.push(this.#readSlowly(new StatsView("*", INTERVALS_MS[i]!)));
    for (let i = 0; i < NEVER_READING; i++) this.#workers.push(this.#neverRead(i));
    for (let i = 0; i < READERS; i++) {
      const random = new SeededRandom(options.seed + i + 1);
      this.#workers.push(
        readOn(
          options.url,
          random,
          () => this.#isSettling,
          () => this.#counts.reads++,
        ),
      );
    }
  }

  get state() {
    return this.#counts;
  }

  /** Everybody connects once more and arrives at the truth. */
  async settle(truth: Truth): Promise<number> {
    this.#truth = truth;
    this.#isSettling = true;
    this.#settling.resolve();
    const everybody = STEADY + CHURNING + SLOW;
    while (this.#compared < everybody) await Bun.sleep(SETTLE_POLL_MS);
    return this.#compared;
  }

  async leave(): Promise<void> {
    this.#leaving.resolve();
    await Promise.all(this.#workers);
  }

  async #comeAndGo(view: StatsView): Promise<void> {
    while (!this.#isSettling) {
      const connection = this.#connect(view);
      await this.#sleep(this.#random.below(STAY_MS_MAX));
      this.#end(connection);
      await this.#sleep(this.#random.below(AWAY_MS_MAX));
    }
    await this.#connectAndSettle(view);
  }

  async #readSlowly(view: StatsView): Promise<void> {
    const connection = this.#connect(view);
    while (!this.#isSettling) {
      connection.pause();
      await this.#sleep(this.#random.below(SLOW_STOPS_MS_MAX));
      connection.resume();
      await this.#sleep(this.#random.below(SLOW_READS_MS_MAX));
    }
    await this.#arrive(view);
    this.#end(connection);
  }

  /** Every other one reads at last, and finds out that it was closed; the others end without ever having looked. */
  async #neverRead(ordinal: number): Promise<void> {
    while (!this.#isSettling) {
      const connection = this.#connect(new StatsView("*", INTERVALS_MS[0]), { mayBeClosed: true });
      connection.pause();
      await this.#sleep(NEVER_READS_MS_MIN + this.#random.below(NEVER_READS_MS_MAX - NEVER_READS_MS_MIN));
      if (!this.#isSettling && ordinal % 2 === 0) {
        connection.resume();
        const code = await Promise.race([connection.closed, Bun.sleep(CLOSE_MS_MAX)]);
        if (code === CLOSED_TOO_SLOW) this.#counts.closedAsTooSlow++;
        else if (code === CLOSED_WITHOUT_A_WORD) this.#counts.cut++;
        else if (code !== undefined) fail(`who did not read was closed with ${code}`);
      }
      this.#end(connection);
    }
  }

  async #connectAndSettle(view: StatsView): Promise<void> {
    const connection = this.#connect(view);
    await this.#arrive(view);
    this.#end(connection);
  }

  /** Waits until the truth is known and the view shows it, then until everybody leaves. */
  async #arrive(view: StatsView): Promise<void> {
    await this.#settling.promise;
    const deadline = performance.now() + SETTLE_MS_MAX;
    for (let difference = view.differenceFrom(this.#truth!); difference !== undefined; ) {
      if (performance.now() > deadline) fail(`a subscriber did not arrive at the truth: ${difference}`);
      await Bun.sleep(SETTLE_POLL_MS);
      difference = view.differenceFrom(this.#truth!);
    }
    this.#compared++;
    await this.#leaving.promise;
  }

  #connect(view: StatsView, { mayBeClosed = false } = {}): StatsConnection {
    const resumes = this.#random.below(10) >= ANEW_IN_TEN;
    const query = view.query({ resumes });
    const isResuming = query.includes("revision=");
    const url = new URL(`${this.options.url}/ws/stats?${query}`);
    let isFirst = true;
    const connection = new StatsConnection(url, (text) => {
      const { type } = view.take(text);
      this.#counts.frames++;
      if (isFirst && isResuming) {
        if (type !== "delta") fail(`a subscriber that resumed at ${query} was sent a ${type}`);
        this.#counts.resumed++;
      }
      isFirst = false;
    });
    this.#counts.opened++;
    this.#counts.open++;
    this.#connected.add(connection);
    void connection.closed.then((code) => {
      this.#counts.open--;
      if (this.#connected.has(connection) && !mayBeClosed) fail(`a subscriber was closed with ${code}`);
    });
    return connection;
  }

  #end(connection: StatsConnection): void {
    this.#connected.delete(connection);
    connection.destroy();
  }

  /** Cut short when the end comes. */
  async #sleep(ms: number): Promise<void> {
    await Promise.race([Bun.sleep(ms), this.#settling.promise]);
  }
}

function viewOf(ordinal: number): StatsView {
  const pattern = PATTERNS[ordinal % PATTERNS.length]!;
  return new StatsView(pattern, INTERVALS_MS[Math.floor(ordinal / PATTERNS.length) % INTERVALS_MS.length]!);
}

let subscribers: Subscribers | undefined;
listen((message) => {
  if (message.type === "start") subscribers = new Subscribers(message.options);
  else if (message.type === "report") tell({ type: "state", state: subscribers!.state });
  else if (message.type === "settle")
    void subscribers!.settle(message.truth).then((compared) => tell({ type: "settled", compared }));
  else void subscribers!.leave().then(() => tell({ type: "left" }));
});
