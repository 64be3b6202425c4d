/**
 * Proves over the public API that a running node's counters are what its events say, while others go on publishing.
 *
 * Counters are read before and after all events. Whatever was counted before is among the events that are read, and
 * whatever is read is counted after: so for every topic `before ≤ rows ≤ after`, exactly where nothing moved.
 */

import { randomBytes } from "node:crypto";
import { FINGERPRINT_KEY_BYTES, FINGERPRINT_WORDS, Fingerprinter } from "../events/fingerprint.ts";
import type { OnProgress } from "../progress.ts";
import { DedupIndex } from "../storage/sqlite/dedup-index.ts";
import { type Counters, type NodeAddress, NodeClient, type NodeEvent, type Stats } from "./node-client.ts";

export interface NodeReport {
  readonly events: number;
  readonly topics: number;
  readonly counters: Counters;
  /** Topics that were counted into meanwhile: for these the rows lie between the counters before and after. */
  readonly movedTopics: number;
  /** Set where retention has removed events: then there may be fewer rows than were counted. */
  readonly gap: { readonly from: number; readonly to: number } | undefined;
  readonly differences: readonly string[];
  readonly differenceCount: number;
}

const EVENTS_PER_PAGE = 10_000;

const DIFFERENCES_SHOWN_MAX = 20;

/** An event can be read a moment before the counters tell of it: they are asked again before that is a difference. */
const STATS_TRIES = 20;
const STATS_RETRY_MS = 50;

/** @throws NodeAuditError when the node cannot be asked */
export async function auditNode(node: NodeAddress, onProgress: OnProgress): Promise<NodeReport> {
  const client = new NodeClient(node);
  const before = await client.stats();
  const audit = new NodeAudit(client, before.unique_processed);
  await audit.readAll(onProgress);
  let after = await client.stats();
  for (let tries = 1; tries < STATS_TRIES && audit.isAheadOf(after); tries++) {
    await Bun.sleep(STATS_RETRY_MS);
    after = await client.stats();
  }
  return audit.report(before, after);
}

class NodeAudit {
  readonly #client: NodeClient;
  readonly #eventsExpected: number;
  readonly #rows = new Map<string, number>();
  readonly #index: DedupIndex;
  readonly #fingerprinter = new Fingerprinter(new Uint8Array(randomBytes(FINGERPRINT_KEY_BYTES)));
  readonly #topicIds = new Map<string, number>();
  readonly #words = new Uint32Array(FINGERPRINT_WORDS);
  readonly #differences: string[] = [];
  #differenceCount = 0;
  #events = 0;
  #lastSeq = 0;
  #gap: NodeReport["gap"];

  constructor(client: NodeClient, eventsExpected: number) {
    this.#client = client;
    this.#eventsExpected = eventsExpected;
    this.#index = new DedupIndex(eventsExpected);
  }

  async readAll(onProgress: OnProgress): Promise<void> {
    for (let after: string | null = "0"; after !== null; ) {
      const page = await this.#client.page(after, EVENTS_PER_PAGE);
      if (page.gap !== undefined) this.#gap = { from: this.#gap?.from ?? page.gap.from, to: page.gap.to };
      for (const event of page.events) {
        const twin = this.#see(event);
        if (twin !== undefined) await twin;
      }
      after = page.next;
      onProgress({ done: this.#events, total: Math.max(this.#events, this.#eventsExpected), unit: "events" });
    }
  }

  /** Whether more was read than these counters tell of. */
  isAheadOf(stats: Stats): boolean {
    return [...this.#rows].some(([topic, rows]) => rows > (stats.topics[topic]?.unique_processed ?? 0));
  }

  report(before: Stats, after: Stats): NodeReport {
    let movedTopics = 0;
    for (const [topic, counters] of Object.entries(after.topics)) {
      const earlier = before.topics[topic] ?? { received: 0, unique_processed: 0 };
      if (earlier.received !== counters.received) movedTopics++;
      this.#compare(topic, earlier.unique_processed, counters);
    }
    for (const topic of this.#rows.keys())
      if (after.topics[topic] === undefined)
        this.#differ(`There are events of topic ${topic}, but no counters.`);
    this.#expectSums(after);
    if (before.epoch !== after.epoch)
      this.#differ("The node was started again meanwhile: verify it once more.");
    const { received, unique_processed, duplicate_dropped, conflicts } = after;
    return {
      events: this.#events,
      topics: after.topic_count,
      counters: { received, unique_processed, duplicate_dropped, conflicts },
      movedTopics,
      gap: this.#gap,
      differences: this.#differences,
      differenceCount: this.#differenceCount,
    };
  }

  #compare(topic: string, uniqueBefore: number, counters: Counters): void {
    const { received, unique_processed: unique, duplicate_dropped: duplicates, conflicts } = counters;
    const rows = this.#rows.get(topic) ?? 0;
    if (received !== unique + duplicates)
      this.#differ(
        `Topic ${topic}: received ${received} is not unique ${unique} + duplicates ${duplicates}.`,
      );
    if (conflicts > duplicates)
      this.#differ(`Topic ${topic}: there are ${conflicts} conflicts, but ${duplicates} duplicates.`);
    if (rows > unique) this.#differ(`Topic ${topic}: there are ${rows} events, but ${unique} were counted.`);
    if (rows < uniqueBefore && this.#gap === undefined)
      this.#differ(`Topic ${topic}: there are ${rows} events, but ${uniqueBefore} were counted before.`);
  }

  #expectSums(stats: Stats): void {
    const topics = Object.values(stats.topics);
    for (const name of ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const) {
      const sum = topics.reduce((total, counters) => total + counters[name], 0);
      if (sum !== stats[name]) this.#differ(`${name} is ${stats[name]} in all, the topics' sum is ${sum}.`);
    }
    if (topics.length !== stats.topic_count)
      this.#differ(`topic_count is ${stats.topic_count}, but there are ${topics.length} topics.`);
  }

  /** @returns something to wait for in the rare case that the node has to be asked again. */
  #see(event: NodeEvent): Promise<void> | undefined {
    const { seq, topic, event_id: eventId, scope = "" } = event;
    if (seq <= this.#lastSeq) {
      this.#differ(`Event ${seq} comes after event ${this.#lastSeq}.`);
      return undefined;
    }
    this.#lastSeq = seq;
    this.#events++;
    this.#rows.set(topic, (this.#rows.get(topic) ?? 0) + 1);
    const words = this.#words;
    this.#fingerprinter.write(this.#topicId(topic), scope, eventId, words, 0);
    const [low, high] = [words[0]!, words[1]!];
    const candidates: number[] = [];
    for (let other = this.#index.first(low, high); other > 0; other = this.#index.next(high))
      candidates.push(other);
    this.#index.insert(low, high, seq);
    return candidates.length === 0 ? undefined : this.#compareKeys(candidates, event);
  }

  async #compareKeys(candidates: readonly number[], event: NodeEvent): Promise<void> {
    for (const other of candidates) {
      if (await this.#hasKey(other, event))
        this.#differ(`Events ${other} and ${event.seq} have the same key.`);
    }
  }

  /** Two keys in 2^64 share a fingerprint: only the key itself tells. */
  async #hasKey(seq: number, { topic, event_id: eventId, scope }: NodeEvent): Promise<boolean> {
    const { events } = await this.#client.page(seq - 1, 1);
    const [other] = events;
    return other?.seq === seq && other.topic === topic && other.event_id === eventId && other.scope === scope;
  }

  #topicId(topic: string): number {
    const known = this.#topicIds.get(topic);
    if (known !== undefined) return known;
    this.#topicIds.set(topic, this.#topicIds.size + 1);
    return this.#topicIds.size;
  }

  #differ(difference: string): void {
    if (this.#differenceCount++ < DIFFERENCES_SHOWN_MAX) this.#differences.push(difference);
  }
}
