/** Somebody who asks a node for its health all the time, and looks at its memory from outside. */

import { Latencies, type LatencySummary } from "../load/latencies.ts";
import { residentBytesOf } from "../process-usage.ts";
import type { ServerProcess } from "../server-process.ts";

/** Between an answer and the next question. */
const PAUSE_MS = 10;

export interface Watched {
  /** Of both questions. */
  readonly latency: LatencySummary;
  /** What /health/live and /health/ready answered, and how often: `live 200`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly residentBytesMax: number;
}

export class Watcher {
  readonly #latencies = new Latencies();
  readonly #answers: Record<string, number> = {};
  readonly #asking: Promise<void>;
  #residentBytesMax = 0;
  #isEnding = false;

  constructor(private readonly server: ServerProcess) {
    this.#asking = this.#ask();
  }

  async leave(): Promise<Watched> {
    this.#isEnding = true;
    await this.#asking;
    return {
      latency: this.#latencies.summary(),
      answers: this.#answers,
      residentBytesMax: this.#residentBytesMax,
    };
  }

  async #ask(): Promise<void> {
    for (; !this.#isEnding; await Bun.sleep(PAUSE_MS)) {
      for (const what of ["live", "ready"]) {
        const askedAt = performance.now();
        const response = await fetch(`${this.server.url}/health/${what}`);
        await response.bytes();
        this.#latencies.add(performance.now() - askedAt);
        const answer = `${what} ${response.status}`;
        this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
      }
      this.#residentBytesMax = Math.max(this.#residentBytesMax, residentBytesOf(this.server.pid));
    }
  }
}
