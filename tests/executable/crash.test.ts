/** After kill -9 every acknowledged event is there, once, and sending the rest again settles it. */

import { expect, test } from "bun:test";
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
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

const KILLS = 10;
const HTTP_PUBLISHERS = 4;
const CHANNELS = 2;
const FRAMES_IN_FLIGHT = 8;
const PAGE_EVENTS = 10_000;

/** Batches of new events and, about every third event, one that was sent before. */
class Load {
  #newest = 0;
  constructor(private readonly random: SeededRandom) {}

  readonly next = (): OutgoingBatch => Array.from({ length: 1 + this.random.below(20) }, () => this.#event());

  #event(): OutgoingBatch[number] {
    const isNew = this.#newest === 0 || this.random.below(3) > 0;
    const n = isNew ? ++this.#newest : 1 + this.random.below(this.#newest);
    return { topic: `crash.${n % 7}`, event_id: `event-${n}`, payload: { n, text: "ü".repeat(n % 50) } };
  }
}

/** Publishes over both edges at once, and kills the node after so many acknowledgements. */
async function publishUntilKilled(
  node: NodeProcess,
  journal: Journal,
  load: Load,
  acknowledgements: number,
): Promise<void> {
  const channels = await Promise.all(Array.from({ length: CHANNELS }, () => SocketPublisher.open(node)));
  const publishers: Publish[] = [
    ...Array.from({ length: HTTP_PUBLISHERS }, () => httpPublisher(node)),
    ...channels.flatMap(({ publish }) => Array.from({ length: FRAMES_IN_FLIGHT }, () => publish)),
  ];
  const publishing = publishers.map((publish) => journal.publishAll(publish, load.next));
  await journal.untilAcknowledgements(journal.acknowledgements + acknowledgements);
  await node.kill9();
  await Promise.all(publishing);
}

/** Every stored event, read page by page. */
async function readAll(node: NodeProcess): Promise<Map<string, unknown>> {
  const events = new Map<string, unknown>();
  let after = "";
  for (;;) {
    const page = await node.page(`?limit=${PAGE_EVENTS}${after}`);
    for (const event of page.events) {
      expect(events.has(keyOf(event))).toBeFalse();
      events.set(keyOf(event), event.payload);
    }
    if (page.next === null) return events;
    after = `&after=${page.next}`;
  }
}

async function expectNothingLost(node: NodeProcess, journal: Journal): Promise<void> {
  const stored = await readAll(node);
  const lost = [...journal.acknowledged].filter((key) => !stored.has(key));
  expect(lost).toEqual([]);
  const invented = [...stored.keys()].filter((key) => !journal.sent.has(key));
  expect(invented).toEqual([]);
  const changed = [...stored].filter(
    ([key, payload]) => !Bun.deepEquals(payload, journal.sent.get(key)!.payload),
  );
  expect(changed).toEqual([]);
  const { unique_processed, received, conflicts } = await node.stats();
  expect(unique_processed).toBe(stored.size);
  expect(received).toBeGreaterThanOrEqual(journal.counters.received);
  expect(conflicts).toBe(0);
}

test(`kill -9 under load, ${KILLS} times: nothing acknowledged is lost, nothing is there twice, sending again settles the rest`, async () => {
  const random = SeededRandom.printed("crash");
  using folder = new TempFolder();
  const journal = new Journal();
  const load = new Load(random);
  for (let kill = 1; kill <= KILLS; kill++) {
    await using node = await NodeProcess.start({ data: folder.path });
    await expectNothingLost(node, journal);
    const unacknowledged = journal.takeUnacknowledged();
    for (const batch of unacknowledged) expect(await journal.publish(httpPublisher(node), batch)).toBeTrue();
    expect((await node.stats()).unique_processed).toBe(journal.sent.size);
    await publishUntilKilled(node, journal, load, 20 + random.below(200));
  }
  await using node = await NodeProcess.start({ data: folder.path });
  await expectNothingLost(node, journal);
  for (const batch of journal.takeUnacknowledged()) await journal.publish(httpPublisher(node), batch);
  expect((await readAll(node)).size).toBe(journal.sent.size);
  expect(await node.stop()).toBe(0);
  using file = new StoredFile(folder.path);
  file.expectToBeConsistent();
  expect(file.events()).toHaveLength(journal.sent.size);
  console.log(
    `crash: ${journal.acknowledgements} acknowledgements, ${journal.sent.size} events, ${KILLS} kills`,
  );
}, 120_000);
