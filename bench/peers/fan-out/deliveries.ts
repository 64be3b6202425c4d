/** When each publication was made, and how long after it each subscriber had it. */

import { Latencies, type LatencySummary } from "../../load/latencies.ts";

interface Publication {
  readonly at: number;
  readonly isMeasured: boolean;
  firstDeliveryAt: number | undefined;
}

export class Deliveries {
  readonly #publications: Publication[] = [];
  readonly #sincePublishing = new Latencies();
  readonly #sinceFirst = new Latencies();
  /** How many messages of those that are measured came to a subscriber. */
  count = 0;

  /** @returns Its ordinal, from 0. */
  published(at: number, isMeasured: boolean): number {
    return this.#publications.push({ at, isMeasured, firstDeliveryAt: undefined }) - 1;
  }

  /** @throws Error for what was never published. */
  delivered(publication: number, at: number): void {
    const known = this.#publications[publication];
    if (known === undefined) throw new Error(`${publication} was delivered and never published`);
    known.firstDeliveryAt ??= at;
    if (!known.isMeasured) return;
    this.count++;
    this.#sincePublishing.add(at - known.at);
    this.#sinceFirst.add(at - known.firstDeliveryAt);
  }

  get sincePublishing(): LatencySummary {
    return this.#sincePublishing.summary();
  }

  get sinceFirst(): LatencySummary {
    return this.#sinceFirst.summary();
  }
}
