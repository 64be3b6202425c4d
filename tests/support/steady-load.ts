/** Publishers that never stop and resend what was not acknowledged, and the longest time that no acknowledgement came. */

import type { Acceptance, Problem } from "./contract.ts";
import { withDeadline } from "./deadline.ts";
import type { NodeProcess } from "./node-process.ts";

export interface LoadOptions {
  readonly connections: number;
  readonly eventsPerBody: number;
  readonly payloadCharacters: number;
}

const DEFAULTS: LoadOptions = { connections: 4, eventsPerBody: 50, payloadCharacters: 4_000 };

export class SteadyLoad implements AsyncDisposable {
  /** Events that were acknowledged; each was new. */
  events = 0;
  acknowledgements = 0;
  /** Codes of the problems that came instead of acknowledgements. */
  readonly refusals: string[] = [];
  readonly #node: NodeProcess;
  readonly #options: LoadOptions;
  readonly #payload: string;
  readonly #running: Promise<void>;
  #isStopping = false;
  #newest = 0;
  #lastAt = performance.now();
  #longestGapMs = 0;
  #wake = Promise.withResolvers<void>();

  constructor(node: NodeProcess, options: Partial<LoadOptions> = {}) {
    this.#node = node;
    this.#options = { ...DEFAULTS, ...options };
    this.#payload = "x".repeat(this.#options.payloadCharacters);
    const lanes = Array.from({ length: this.#options.connections }, () => this.#publishAll());
    this.#running = Promise.all(lanes).then(() => {});
    this.#running.catch(() => {});
  }

  /** Milliseconds without an acknowledgement, at most, since it was last asked. */
  takeLongestGapMs(): number {
    const gap = Math.max(this.#longestGapMs, performance.now() - this.#lastAt);
    this.#longestGapMs = 0;
    return gap;
  }

  /** Looks after every answer. */
  async until(isReached: () => boolean, what: string): Promise<void> {
    while (!isReached()) {
      await withDeadline(Promise.race([this.#wake.promise, this.#running]), () => what);
    }
  }

  async acknowledged(more: number): Promise<void> {
    const target = this.acknowledgements + more;
    await this.until(() => this.acknowledgements >= target, `${more} more acknowledgements`);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await this.#running.catch(() => {});
  }

  async #publishAll(): Promise<void> {
    while (!this.#isStopping) {
      const body = JSON.stringify(Array.from({ length: this.#options.eventsPerBody }, () => this.#event()));
      while (!(await this.#isAcknowledged(body)));
    }
  }

  async #isAcknowledged(body: string): Promise<boolean> {
    const response = await this.#node.post(body);
    const answer = (await response.json()) as Acceptance & Problem;
    if (response.status === 200) this.#count(answer);
    else this.refusals.push(answer.code);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    return response.status === 200;
  }

  #count({ unique_processed }: Acceptance): void {
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt);
    this.#lastAt = now;
    this.events += unique_processed;
    this.acknowledgements++;
  }

  #event() {
    const n = ++this.#newest;
    return { topic: `load.${n % 5}`, event_id: String(n), payload: this.#payload };
  }
}
