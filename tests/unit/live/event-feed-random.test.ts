/** Whatever happens in whatever order, each reader of the feed is told every event after its position, once. */

import { describe, expect, test } from "bun:test";
import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { StorageFault } from "../../../src/storage/storage-fault.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { FeedBench, type FeedClient } from "./feed-bench.ts";
import type { FakeEvent } from "./feed-store.ts";

const TOPICS = ["orders.a", "orders.b", "pay", "pay.x", "logs", "rare"];
const PATTERNS: readonly (readonly string[])[] = [
  [],
  ["*"],
  ["orders.*"],
  ["pay"],
  ["pay*", "rare"],
  ["rare"],
  ["nothing"],
  ["logs", "orders.a"],
];

interface Audited {
  readonly client: FeedClient;
  readonly after: number;
  readonly patterns: readonly string[];
}

/** One history of a few hundred steps. */
class FeedHistory {
  readonly #random: SeededRandom;
  readonly #bench: FeedBench;
  /** Everything that was ever stored. */
  readonly #all: FakeEvent[] = [];
  readonly #open: Audited[] = [];
  readonly #gone: Audited[] = [];
  /** Commits that the feed has not been told of. */
  #notices: (() => void)[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    // Every other history has little room for what is not read.
    const unreadBytesMax = this.#random.below(2) === 0 ? 2_000 : 1_000_000;
    this.#bench = new FeedBench({ unreadBytesMax, ringEventsMax: 1 + this.#random.below(60) });
  }

  async play(steps: number): Promise<void> {
    // More than are sent to in one turn.
    for (let i = this.#random.below(40); i > 0; i--) this.#arrive();
    for (let step = 0; step < steps; step++) await this.#step();
    this.#tellAll();
    for (const { client } of this.#open) this.#read(client, true);
    await this.#bench.settle();
    await this.#bench.advance(5_000);
    await this.#bench.settle();
    for (const audited of this.#open) this.#audit(audited, this.#bench.store.newest);
    for (const audited of this.#gone) this.#audit(audited, audited.client.position);
  }

  async #step(): Promise<void> {
    const { below } = this.#bound();
    const { store } = this.#bench;
    const kind = below(100);
    if (kind < 30) this.#commit();
    else if (kind < 45) this.#notices.shift()?.();
    else if (kind < 65)
      store.answer(below(store.asked.length + 1), below(3) === 0 ? 1 + below(5) : undefined);
    else if (kind < 68)
      store.fail(new StorageFault("the disk reports an error"), below(store.asked.length + 1));
    else if (kind < 78) this.#arrive();
    else if (kind < 82) this.#leave();
    else if (kind < 90) this.#toggleReading();
    else if (kind < 94) this.#prune();
    else if (kind < 95) this.#reopen();
    else await this.#bench.advance(below(40));
    if (below(2) === 0) await this.#bench.runTasks(below(5));
  }

  #bound() {
    return { below: (limit: number): number => this.#random.below(limit) };
  }

  #commit(): void {
    const { store } = this.#bench;
    const topics = Array.from(
      { length: 1 + this.#random.below(this.#random.below(10) === 0 ? 400 : 6) },
      () => TOPICS[this.#random.below(this.#random.below(4) === 0 ? TOPICS.length : 2)]!,
    );
    const before = store.newest;
    this.#notices.push(this.#bench.append(...topics));
    this.#all.push(...topics.map((topic, i) => ({ topic, seq: before + 1 + i })));
    if (this.#random.below(2) === 0) this.#tellAll();
  }

  #tellAll(): void {
    for (const notice of this.#notices.splice(0)) notice();
  }

  #arrive(): void {
    const patterns = PATTERNS[this.#random.below(PATTERNS.length)]!;
    const newest = this.#bench.feed.newest ?? 0;
    const returning = this.#random.below(2) === 0 ? this.#gone.at(-1) : undefined;
    const after = returning?.client.position ?? this.#random.below(newest + 1);
    const asked = this.#random.below(3) === 0 ? "latest" : after;
    const client = this.#bench.subscribe(patterns, asked);
    this.#open.push({ client, patterns, after: asked === "latest" ? newest : after });
  }

  #leave(): void {
    const [audited] = this.#open.splice(this.#random.below(this.#open.length + 1), 1);
    if (audited === undefined) return;
    this.#bench.feed.unsubscribe(audited.client);
    this.#gone.push(audited);
  }

  #toggleReading(): void {
    const audited = this.#open[this.#random.below(this.#open.length + 1)];
    if (audited !== undefined) this.#read(audited.client, !audited.client.reads);
  }

  #read(client: FeedClient, reads: boolean): void {
    client.reads = reads;
    if (reads) client.bufferedBytes = 0;
  }

  #prune(): void {
    const topic = TOPICS[this.#random.below(TOPICS.length)]!;
    this.#bench.store.prune(topic, this.#random.below(this.#bench.store.newest + 1));
  }

  /** After an outcome that is not known: what the feed was not told of is stored all the same. */
  #reopen(): void {
    this.#notices = [];
    for (const { topic } of this.#all)
      if (!this.#bench.topics.includes(topic)) this.#bench.topics.push(topic);
    this.#bench.open();
  }

  #audit({ client, after, patterns }: Audited, through: number): void {
    expect(client.isTooSlow).toBe(false);
    expect(client.fault).toBeUndefined();
    const wanted = new TopicPatterns(patterns);
    const told = new Set(client.seqs);
    for (const { seq, topic } of this.#all) {
      if (seq <= after || seq > through || !wanted.matches(topic)) continue;
      const isInGap = client.gaps.some(({ from, to }) => seq >= from && seq <= to);
      const isGone = seq <= (this.#bench.store.prunedThrough.get(topic) ?? 0);
      if (!told.has(seq))
        expect({ seq, topic, isInGap, isGone }).toMatchObject({ isInGap: true, isGone: true });
    }
    if (client.seqs.length > 0) expect(client.seqs[0]).toBeGreaterThan(after);
  }
}

describe("in histories of commits, pauses, pruning, failing reads and reopening", () => {
  const { seed } = SeededRandom.printed("the feed of events");
  const runs = Number(process.env.RUNS ?? 60);
  test("every reader is told what its patterns cover after its position, once, in order, or within a gap", async () => {
    for (let run = 0; run < runs; run++) {
      try {
        await new FeedHistory(seed + run).play(300);
      } catch (error) {
        throw new Error(`in the history of SEED=${seed + run} RUNS=1`, { cause: error });
      }
    }
  }, 120_000);
});
