/** Somebody who looks on while others publish: asks for health all the time, and follows the counters. */

import { withDeadline } from "../../tests/support/deadline.ts";

/** Between an answer and the next question. */
const HEALTH_PAUSE_MS = 10;

/** The shortest that a feed takes: a gap between two deltas is the node's, and not the interval's. */
const FEED_INTERVAL_MS = 20;

export interface Seen {
  readonly healthAnswers: number;
  readonly healthMsMax: number;
  /** What health said, and how often: `200 ready`. */
  readonly healthStates: Readonly<Record<string, number>>;
  /** Bodies and frames that waited to be committed, at most. */
  readonly waitingMax: number;
  readonly deltas: number;
  readonly deltaGapMsMax: number;
}

interface Health {
  readonly checks: { readonly storage: string; readonly waiting_publishes: number };
}

interface StatsFrame {
  readonly type: string;
  readonly received: number;
}

export class Bystander {
  readonly #url: string;
  readonly #feed: WebSocket;
  readonly #greeted = Promise.withResolvers<void>();
  readonly #asking: Promise<void>;
  readonly #states: Record<string, number> = {};
  #isEnding = false;
  #healthAnswers = 0;
  #healthMsMax = 0;
  #waitingMax = 0;
  #deltas = 0;
  #deltaAt: number | undefined;
  #deltaGapMsMax = 0;
  #received = 0;
  #awaited: { received: number; reached: () => void } | undefined;

  private constructor(url: string) {
    this.#url = url;
    this.#feed = new WebSocket(`${url.replace("http", "ws")}/ws/stats?interval=${FEED_INTERVAL_MS}`);
    this.#feed.onmessage = ({ data }) => this.#follow(JSON.parse(data as string) as StatsFrame);
    this.#asking = this.#ask();
    this.#asking.catch(this.#greeted.reject);
  }

  /** Resolves with one whose feed has begun. */
  static async follow(url: string): Promise<Bystander> {
    const bystander = new Bystander(url);
    await withDeadline(bystander.#greeted.promise, () => "the first snapshot");
    return bystander;
  }

  /** @throws Error unless the deltas arrive at so many events: they must add up to what was acknowledged. */
  async leave(received: number): Promise<Seen> {
    const arrived = new Promise<void>((reached) => {
      this.#awaited = { received, reached };
      this.#arrive();
    });
    await withDeadline(arrived, () => `the deltas to add up to ${received}; they do to ${this.#received}`);
    this.#isEnding = true;
    this.#feed.close();
    await this.#asking;
    return {
      healthAnswers: this.#healthAnswers,
      healthMsMax: this.#healthMsMax,
      healthStates: this.#states,
      waitingMax: this.#waitingMax,
      deltas: this.#deltas,
      deltaGapMsMax: this.#deltaGapMsMax,
    };
  }

  #follow({ type, received }: StatsFrame): void {
    this.#received += received;
    if (type === "delta") {
      const now = performance.now();
      this.#deltas++;
      this.#deltaGapMsMax = Math.max(this.#deltaGapMsMax, now - (this.#deltaAt ?? now));
      this.#deltaAt = now;
    }
    this.#greeted.resolve();
    this.#arrive();
  }

  #arrive(): void {
    if (this.#received === this.#awaited?.received) this.#awaited.reached();
  }

  async #ask(): Promise<void> {
    for (; !this.#isEnding; await Bun.sleep(HEALTH_PAUSE_MS)) {
      const askedAt = performance.now();
      const response = await fetch(`${this.#url}/health`);
      const { checks } = (await response.json()) as Health;
      this.#healthMsMax = Math.max(this.#healthMsMax, performance.now() - askedAt);
      this.#healthAnswers++;
      this.#waitingMax = Math.max(this.#waitingMax, checks.waiting_publishes);
      const state = `${response.status} ${checks.storage}`;
      this.#states[state] = (this.#states[state] ?? 0) + 1;
    }
  }
}
