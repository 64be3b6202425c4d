/** The load test: sends what was planned, so many batches at once, and says what came of it, acknowledged and counted. */

import { areEqual, type Counters, countersOfTopics, differenceOf, sumOf, wordsOf } from "./counters.ts";
import { type Batch, batchesOf, type LoadShape } from "./load-plan.ts";
import { LoadError, type NodeAddress, TryAgain } from "./node-answer.ts";
import { openPublisher, type Publisher, type Transport } from "./publisher.ts";

export interface LoadOptions {
  readonly node: NodeAddress;
  readonly via: Transport;
  /** Publishers, each with one batch on its way. */
  readonly concurrency: number;
  readonly shape: LoadShape;
  /** Called after every acknowledgement with the number of events acknowledged so far. */
  readonly onProgress: (events: number) => void;
}

export interface LoadResult {
  /** By how much the node's counters moved on the topics of this run. */
  readonly moved: Counters;
  readonly seconds: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** A sentence that says in what the counts are not exact. */
  readonly difference: string | undefined;
}

/** A batch that the node does not take for so long is given up. */
const ATTEMPTS_MAX = 30;

/** @throws LoadError */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { node, via, concurrency, shape } = options;
  const before = await countersOfTopics(node, shape.topics);
  const publishers = await Promise.all(Array.from({ length: concurrency }, () => openPublisher(node, via)));
  const run = new LoadRun(options);
  const startedAt = performance.now();
  await Promise.all(publishers.map((publisher) => run.work(publisher)));
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const publisher of publishers) publisher.close();
  const moved = differenceOf(await countersOfTopics(node, shape.topics), before);
  const difference = differenceBetween(shape, run.acknowledged, moved);
  return { moved, seconds, latencyMs: run.latencyMs(), difference };
}

class LoadRun {
  acknowledged: Counters = sumOf([]);
  readonly #latenciesMs: number[] = [];
  /** Shared by all publishers: each takes the next batch that nobody has taken. */
  readonly #batches: Iterator<Batch, undefined>;

  constructor(private readonly options: LoadOptions) {
    this.#batches = batchesOf(options.shape);
  }

  async work(publisher: Publisher): Promise<void> {
    for (let next = this.#batches.next(); !next.done; next = this.#batches.next()) {
      const startedAt = performance.now();
      const counters = await publishUntilTaken(publisher, next.value);
      this.#latenciesMs.push(performance.now() - startedAt);
      this.acknowledged = sumOf([this.acknowledged, counters]);
      this.options.onProgress(this.acknowledged.received);
    }
  }

  latencyMs(): { p50: number; p99: number } {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
    return { p50: at(0.5), p99: at(0.99) };
  }
}

async function publishUntilTaken(publisher: Publisher, { text }: Batch): Promise<Counters> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await publisher.publish(text);
    } catch (error) {
      if (!(error instanceof TryAgain)) throw error;
      if (attempt === ATTEMPTS_MAX) {
        throw new LoadError(`The node did not take a batch ${ATTEMPTS_MAX} times: ${error.message}`);
      }
      await Bun.sleep(error.afterMs);
    }
  }
}

/** The acknowledgements must count what was sent, and the node's counters must have moved by the same. */
function differenceBetween(
  { events, duplicates }: LoadShape,
  acknowledged: Counters,
  moved: Counters,
): string | undefined {
  const sent: Counters = {
    received: events,
    unique_processed: events - duplicates,
    duplicate_dropped: duplicates,
    conflicts: 0,
  };
  if (!areEqual(acknowledged, sent)) {
    return `The node acknowledged ${wordsOf(acknowledged)}, but what was sent is ${wordsOf(sent)}.`;
  }
  if (!areEqual(moved, acknowledged)) {
    return (
      `The node's counters moved by ${wordsOf(moved)}, but it acknowledged ${wordsOf(acknowledged)}: ` +
      "if something else publishes to the same topics, give this run its own with --topic-prefix."
    );
  }
  return undefined;
}
