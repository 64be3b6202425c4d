/**
 * What a node must hold after any number of crashes, worked out from what was sent and what was answered, and held
 * against everything it serves.
 *
 * Every attempt carries an event of its own, so the store itself tells which of the unanswered ones went in. That
 * makes every counter exact: not "at least what was acknowledged", but the sum of the attempts that are in.
 */

import {
  countersOf,
  type EventResult,
  NO_COUNTERS,
  type Stats,
  type StoredEvent,
} from "../support/contract.ts";
import type { NodeProcess } from "../support/node-process.ts";
import { keyOf, type OutgoingEvent, type Publish } from "../support/publisher.ts";
import type { Attempt } from "./traffic.ts";

const PAGE_EVENTS = 10_000;

/** Said of a fault at most so often in one report. */
const FAULTS_NAMED_MAX = 10;

interface OpenAttempt {
  readonly attempt: Attempt;
  results: readonly EventResult[] | undefined;
}

/** What arrived in a topic, apart from what is told by its rows. */
interface Arrivals {
  received: number;
  conflicts: number;
}

export class Account {
  acknowledgements = 0;
  eventsAcknowledged = 0;
  /** Attempts that were never answered, and those among them that went in all the same. */
  unanswered = 0;
  unansweredStored = 0;
  /** Events that were acknowledged and are not there, or not as they were acknowledged. */
  losses = 0;
  /** Since the last `settle`. */
  #open: OpenAttempt[] = [];
  /** Every row that has ever been served, as it was served first. */
  readonly #rows = new Map<string, string>();
  readonly #processed = new Set<string>();
  readonly #variantsStored = new Map<string, Set<string>>();
  readonly #arrivals = new Map<string, Arrivals>();
  #wake = Promise.withResolvers<void>();

  /** Publishes one attempt. @returns whether it was acknowledged. */
  async publish(publish: Publish, attempt: Attempt): Promise<boolean> {
    const open: OpenAttempt = { attempt, results: undefined };
    this.#open.push(open);
    try {
      open.results = (await publish(attempt.events)).results ?? [];
    } catch {
      return false;
    }
    this.acknowledgements++;
    this.eventsAcknowledged += attempt.events.length;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    return true;
  }

  async untilAcknowledgements(count: number): Promise<void> {
    while (this.acknowledgements < count) await this.#wake.promise;
  }

  /** Attempts that were not acknowledged: their publishers send them again. */
  unacknowledged(): Attempt[] {
    return this.#open.filter(({ results }) => results === undefined).map(({ attempt }) => attempt);
  }

  /**
   * Reads all that a node serves, decides which unanswered attempts went in, and compares. Nobody may be publishing.
   * @returns what is wrong, each fault in one sentence.
   */
  async settle(node: NodeProcess): Promise<string[]> {
    const stored = await readAll(node);
    const faults = new Faults();
    this.#compareWithEarlier(stored, faults);
    for (const open of this.#open) this.#take(open, stored, faults);
    this.#open = [];
    for (const [key, event] of stored) {
      if (!this.#variantsStored.get(key)?.has(textOf(event.payload)))
        faults.add(`${key} is stored, but no attempt that went in had it so`);
    }
    this.#compareStats(await node.stats(), stored, faults);
    return faults.sentences();
  }

  #compareWithEarlier(stored: ReadonlyMap<string, StoredEvent>, faults: Faults): void {
    for (const [key, earlier] of this.#rows) {
      const event = stored.get(key);
      if (event !== undefined && JSON.stringify(event) === earlier) continue;
      this.losses++;
      faults.add(`${key} was served before and is ${event === undefined ? "gone" : "another now"}`);
    }
    for (const [key, event] of stored) this.#rows.set(key, JSON.stringify(event));
  }

  #take({ attempt, results }: OpenAttempt, stored: ReadonlyMap<string, StoredEvent>, faults: Faults): void {
    const isIn = stored.has(keyOf(attempt.marker));
    if (results === undefined) {
      this.unanswered++;
      if (!isIn) return;
      this.unansweredStored++;
    } else if (results.length !== attempt.events.length) {
      faults.add(`${attempt.marker.event_id} was answered with ${results.length} results`);
    }
    for (const [i, event] of attempt.events.entries()) {
      const key = keyOf(event);
      const first = stored.get(key);
      if (first === undefined) {
        if (results !== undefined) this.losses++;
        faults.add(`${key} of ${attempt.marker.event_id} is missing; acknowledged: ${results !== undefined}`);
        continue;
      }
      this.#count(event, first);
      const result = results?.[i];
      if (result !== undefined && !isRight(result, event, first)) {
        this.losses++;
        faults.add(`${key} was answered ${JSON.stringify(result)}, but stored is ${JSON.stringify(first)}`);
      }
      if (result?.status !== "processed") continue;
      if (this.#processed.has(key)) faults.add(`${key} was answered as new twice`);
      this.#processed.add(key);
    }
  }

  #count(event: OutgoingEvent, first: StoredEvent): void {
    const arrivals = this.#arrivals.get(event.topic) ?? { received: 0, conflicts: 0 };
    this.#arrivals.set(event.topic, arrivals);
    arrivals.received++;
    const text = textOf(event.payload);
    if (text !== textOf(first.payload)) arrivals.conflicts++;
    const key = keyOf(event);
    this.#variantsStored.set(key, (this.#variantsStored.get(key) ?? new Set()).add(text));
  }

  #compareStats(stats: Stats, stored: ReadonlyMap<string, StoredEvent>, faults: Faults): void {
    const rows = new Map<string, number>();
    for (const { topic } of stored.values()) rows.set(topic, (rows.get(topic) ?? 0) + 1);
    const total = { ...NO_COUNTERS };
    const topics = Object.fromEntries(
      [...this.#arrivals].map(([topic, { received, conflicts }]) => {
        const unique_processed = rows.get(topic) ?? 0;
        const duplicate_dropped = received - unique_processed;
        total.received += received;
        total.unique_processed += unique_processed;
        total.duplicate_dropped += duplicate_dropped;
        total.conflicts += conflicts;
        return [topic, { received, unique_processed, duplicate_dropped, conflicts }];
      }),
    );
    const served = Object.fromEntries(
      Object.entries(stats.topics).map(([topic, counters]) => [topic, countersOf(counters)]),
    );
    if (!Bun.deepEquals(countersOf(stats), total))
      faults.add(`/stats has ${JSON.stringify(countersOf(stats))}, expected ${JSON.stringify(total)}`);
    for (const topic of new Set([...Object.keys(topics), ...Object.keys(served)])) {
      if (Bun.deepEquals(topics[topic], served[topic])) continue;
      faults.add(`${topic} has ${JSON.stringify(served[topic])}, expected ${JSON.stringify(topics[topic])}`);
    }
  }
}

/** Whether an answer and the stored first arrival of its key are about the same event. */
function isRight(
  { status, seq, first_received_at }: EventResult,
  event: OutgoingEvent,
  first: StoredEvent,
): boolean {
  const isSame = textOf(event.payload) === textOf(first.payload);
  return seq === first.seq && first_received_at === first.received_at && isSame === (status !== "conflict");
}

/** The same text for equal payloads, in whatever order their members come back. */
function textOf(payload: unknown): string {
  return JSON.stringify(payload, ["n", "variant", "text"]);
}

/** Every stored event, read page by page. @throws Error when a key is there twice, or a `seq` out of order. */
async function readAll(node: NodeProcess): Promise<Map<string, StoredEvent>> {
  const events = new Map<string, StoredEvent>();
  let seq = 0;
  for (let after = ""; ; ) {
    const page = await node.page(`?limit=${PAGE_EVENTS}${after}`);
    for (const event of page.events) {
      if (events.has(keyOf(event))) throw new Error(`${keyOf(event)} is stored twice`);
      if (event.seq !== seq + 1) throw new Error(`Event ${event.seq} follows event ${seq}`);
      events.set(keyOf(event), event);
      seq = event.seq;
    }
    if (page.next === null) return events;
    after = `&after=${page.next}`;
  }
}

/** The first faults by name, and how many more there are. */
class Faults {
  readonly #named: string[] = [];
  #more = 0;

  add(sentence: string): void {
    if (this.#named.length < FAULTS_NAMED_MAX) this.#named.push(sentence);
    else this.#more++;
  }

  sentences(): string[] {
    return this.#more === 0 ? this.#named : [...this.#named, `and ${this.#more} more`];
  }
}
