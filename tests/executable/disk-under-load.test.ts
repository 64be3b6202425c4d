/** The disk fills and empties, goes and comes, while both edges publish: everything acknowledged is there, once. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { renameSync } from "node:fs";
import { untilStorage } from "../support/health.ts";
import { NodeProcess } from "../support/node-process.ts";
import {
  httpPublisher,
  Journal,
  keyOf,
  type OutgoingBatch,
  type Publish,
  SocketPublisher,
} from "../support/publisher.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { lacksMounts, SmallDisk } from "../support/small-disk.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

/** `bun run disk` has more. */
const ROUNDS = Number(process.env.ROUNDS ?? 6);

/** The disk is to be filled by the test, and not by the load. */
const DISK_MEBIBYTES = 32 + 2 * ROUNDS;
const ACKNOWLEDGEMENTS_PER_ROUND_MAX = 60;

setDefaultTimeout(120_000 + ROUNDS * 5_000);

/** Publishes over both edges until it is told to stop; a batch that was refused is sent again until it is taken. */
class Load implements AsyncDisposable {
  #isStopped = false;
  #newest = 0;
  readonly #publishing: Promise<unknown>;

  constructor(
    private readonly random: SeededRandom,
    private readonly journal: Journal,
    publishers: readonly Publish[],
  ) {
    this.#publishing = Promise.all(publishers.map((publish) => this.#run(publish)));
  }

  /** Resolves when every answer has come. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#publishing;
  }

  async #run(publish: Publish): Promise<void> {
    while (!this.#isStopped) {
      const batch = this.#next();
      // A turn of the loop in between: a channel that is closed refuses at once, and would leave no time for anything else.
      while (!(await this.journal.publish(publish, batch)) && !this.#isStopped)
        await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** About every fourth event was sent before. */
  #next(): OutgoingBatch {
    return Array.from({ length: 1 + this.random.below(8) }, () => {
      const isNew = this.#newest === 0 || this.random.below(4) > 0;
      const n = isNew ? ++this.#newest : 1 + this.random.below(this.#newest);
      return { topic: `disk.${n % 5}`, event_id: `event-${n}`, payload: { n, text: "x".repeat(n % 70) } };
    });
  }
}

/** One round: makes storage fail, and takes that back. */
interface Trouble {
  begin(): void;
  end(): void;
}

async function publishThrough(trouble: Trouble, data: string, random: SeededRandom): Promise<void> {
  const journal = new Journal();
  await using node = await NodeProcess.start({ data });
  {
    using channel = await SocketPublisher.open(node);
    const publishers = [httpPublisher(node), httpPublisher(node), channel.publish, channel.publish];
    await using _load = new Load(random, journal, publishers);
    for (let round = 0; round < ROUNDS; round++) {
      await journal.untilAcknowledgements(
        journal.acknowledgements + 1 + random.below(ACKNOWLEDGEMENTS_PER_ROUND_MAX),
      );
      trouble.begin();
      await untilStorage(node, "failing");
      trouble.end();
      await untilStorage(node, "ready");
    }
  }
  for (const batch of journal.takeUnacknowledged())
    expect(await journal.publish(httpPublisher(node), batch)).toBeTrue();
  const { unique_processed, received, conflicts } = await node.stats();
  expect(received).toBeGreaterThanOrEqual(journal.counters.received);
  expect({ unique_processed, conflicts }).toEqual({ unique_processed: journal.sent.size, conflicts: 0 });
  expect(await node.stop()).toBe(0);
  using file = new StoredFile(data);
  file.expectToBeConsistent();
  const stored = new Map(file.events().map((event) => [keyOf(event), JSON.parse(event.payload) as unknown]));
  expect([...journal.acknowledged].filter((key) => !stored.has(key))).toEqual([]);
  const sent = new Map([...journal.sent].map(([key, { payload }]) => [key, payload]));
  expect(stored.size).toBe(sent.size);
  expect([...stored].filter(([key, payload]) => !Bun.deepEquals(payload, sent.get(key)))).toEqual([]);
  console.log(`disk: ${ROUNDS} times, ${journal.acknowledgements} acknowledgements, ${stored.size} events`);
}

test.skipIf(lacksMounts())("a disk that fills and has room again, over and over", async () => {
  const random = SeededRandom.printed("disk full");
  using disk = new SmallDisk(DISK_MEBIBYTES);
  const trouble: Trouble = { begin: () => disk.fill(), end: () => disk.empty() };
  await publishThrough(trouble, disk.path, random);
});

test("a data folder that is moved away and back, over and over", async () => {
  const random = SeededRandom.printed("disk gone");
  using folder = new TempFolder();
  const [here, away] = [folder.file("data"), folder.file("elsewhere")];
  const trouble: Trouble = { begin: () => renameSync(here, away), end: () => renameSync(away, here) };
  await publishThrough(trouble, here, random);
});
