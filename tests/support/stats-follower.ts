/** A subscriber of /ws/stats that adds up what it is told, and checks that nothing is missing in between. */

import { expect } from "bun:test";
import { addCounters, type Counters, countersOf, NO_COUNTERS, type Stats } from "./contract.ts";
import { type Closing, type Frame, TestSocket } from "./socket.ts";

export class StatsFollower implements Disposable {
  epoch = "";
  revision = -1;
  totals: Counters = NO_COUNTERS;
  topics = new Map<string, Counters>();
  snapshots = 0;
  deltas = 0;
  readonly #socket: TestSocket | undefined;

  constructor(socket?: TestSocket) {
    this.#socket = socket;
  }

  /** Subscribes and reads the first frame. */
  static async open(wsUrl: string, query = ""): Promise<StatsFollower> {
    const follower = new StatsFollower(await TestSocket.open(`${wsUrl}/ws/stats${query}`));
    follower.take(await follower.socket.next());
    return follower;
  }

  get socket(): TestSocket {
    return this.#socket!;
  }

  get closed(): Promise<Closing> {
    return this.socket.closed;
  }

  /** Follows until this revision is known. */
  async reach({ epoch, revision }: { epoch: string; revision: number }): Promise<void> {
    while (this.epoch !== epoch || this.revision < revision) this.take(await this.socket.next());
  }

  take(frame: Frame): void {
    if (frame.type === "snapshot") {
      this.snapshots++;
      this.totals = countersOf(frame);
      this.topics = new Map(
        Object.entries(frame.topics).map(([name, counters]) => [name, countersOf(counters)]),
      );
    } else {
      expect(frame.type).toBe("delta");
      expect({ epoch: frame.epoch, from: frame.from }).toEqual({ epoch: this.epoch, from: this.revision });
      this.deltas++;
      this.totals = addCounters(this.totals, countersOf(frame));
      for (const [name, more] of Object.entries(frame.topics))
        this.topics.set(name, addCounters(this.topics.get(name) ?? NO_COUNTERS, countersOf(more)));
    }
    this.epoch = frame.epoch;
    this.revision = frame.revision;
    expectToAddUp(this.totals, this.topics.values());
  }

  /** Snapshot plus deltas equals the statistics: the four counters, in all and per topic. */
  expectToEqual(stats: Stats): void {
    expect({ epoch: this.epoch, revision: this.revision }).toEqual({
      epoch: stats.epoch,
      revision: stats.revision,
    });
    expect(this.totals).toEqual(countersOf(stats));
    const topics = Object.entries(stats.topics).map(([name, counters]) => [name, countersOf(counters)]);
    expect(Object.fromEntries(this.topics)).toEqual(Object.fromEntries(topics));
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
  }
}

/** Within any message: the topics sum to the totals, and every event was either processed or dropped. */
export function expectToAddUp(totals: Counters, topics: Iterable<Counters>): void {
  let sum = NO_COUNTERS;
  const faults: Counters[] = [];
  for (const counters of topics) {
    const { received, unique_processed, duplicate_dropped, conflicts } = counters;
    if (received !== unique_processed + duplicate_dropped || conflicts > duplicate_dropped)
      faults.push(counters);
    sum = addCounters(sum, counters);
  }
  expect(faults).toEqual([]);
  expect(totals).toEqual(sum);
}
