/** Real input: GitHub's webhooks, delivered at least once, through a crash in the middle. */

import { expect, setDefaultTimeout, test } from "bun:test";
import definitions from "@octokit/webhooks-examples";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import {
  httpPublisher,
  Journal,
  keyOf,
  type OutgoingBatch,
  type OutgoingEvent,
  type Publish,
  SocketPublisher,
} from "../support/publisher.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { StatsFollower } from "../support/stats-follower.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const HTTP_CONNECTIONS = 3;
const CHANNELS = 2;
const FRAMES_IN_FLIGHT = 4;

/** Every example as a delivery with an id of its own. */
const deliveries: readonly OutgoingEvent[] = (
  definitions as readonly { name: string; examples: readonly unknown[] }[]
).flatMap(({ name, examples }) =>
  examples.map((payload, i) => ({ topic: `github.${name}`, event_id: `delivery-${name}-${i}`, payload })),
);

/** Everything once and a random third once more, in random order. */
function deliverAtLeastOnce(random: SeededRandom): OutgoingEvent[] {
  const redelivered = random.shuffled(deliveries).slice(0, Math.ceil(deliveries.length / 3));
  return random.shuffled([...deliveries, ...redelivered]);
}

/** Delivers from several connections of both kinds at once, until the queue is empty or the node is gone. */
async function deliver(node: NodeProcess, journal: Journal, queue: OutgoingEvent[]): Promise<void> {
  const channels = await Promise.all(Array.from({ length: CHANNELS }, () => SocketPublisher.open(node)));
  const publishers: Publish[] = [
    ...Array.from({ length: HTTP_CONNECTIONS }, () => httpPublisher(node)),
    ...channels.flatMap(({ publish }) => Array.from({ length: FRAMES_IN_FLIGHT }, () => publish)),
  ];
  const next = (): OutgoingBatch | undefined => {
    const event = queue.shift();
    return event === undefined ? undefined : [event];
  };
  await Promise.all(publishers.map((publish) => journal.publishAll(publish, next)));
  for (const channel of channels) channel[Symbol.dispose]();
}

async function expectEveryPayloadBack(node: NodeProcess): Promise<void> {
  for (const { topic, event_id, payload } of deliveries) {
    const stored = await node.find(topic, event_id);
    expect({ topic, event_id, isEqual: Bun.deepEquals(stored?.payload, payload, true) }).toEqual({
      topic,
      event_id,
      isEqual: true,
    });
  }
}

async function deliverUntilKilled(
  node: NodeProcess,
  journal: Journal,
  queue: OutgoingEvent[],
): Promise<StatsFollower> {
  const follower = await StatsFollower.open(node.wsUrl, "?topics=github.*&interval=20");
  const delivering = deliver(node, journal, queue);
  await journal.untilAcknowledgements(Math.floor(deliveries.length / 2));
  await node.kill9();
  await delivering;
  for await (const frame of follower.socket.frames()) follower.take(frame);
  return follower;
}

test("GitHub's webhooks survive redelivery and kill -9: each payload comes back equal, each is counted once", async () => {
  const random = SeededRandom.printed("webhooks");
  using folder = new TempFolder();
  const journal = new Journal();
  const queue = deliverAtLeastOnce(random);
  const arrivals = queue.length;

  await using first = await NodeProcess.start({ data: folder.path });
  using before = await deliverUntilKilled(first, journal, queue);
  expect(queue.length).toBeGreaterThan(0);
  expect(before.totals.received).toBeLessThanOrEqual(arrivals - queue.length);

  await using second = await NodeProcess.start({ data: folder.path });
  const resume = `&epoch=${before.epoch}&revision=${before.revision}`;
  using follower = await StatsFollower.open(second.wsUrl, `?topics=github.*&interval=20${resume}`);
  expect(follower.snapshots).toBe(1);
  expect(follower.epoch).not.toBe(before.epoch);
  expect(follower.totals.unique_processed).toBeGreaterThanOrEqual(journal.acknowledged.size);

  await deliver(second, journal, [...journal.takeUnacknowledged().flat(), ...queue]);
  expect(journal.acknowledged.size).toBe(deliveries.length);
  const stats = await second.stats();
  expect(stats).toMatchObject({ unique_processed: deliveries.length, conflicts: 0, rejected: 0 });
  await follower.reach(stats);
  follower.expectToEqual(stats);
  await expectEveryPayloadBack(second);

  expect(await second.stop()).toBe(0);
  using file = new StoredFile(folder.path);
  file.expectToBeConsistent();
  expect(new Set(file.events().map(keyOf))).toEqual(new Set(deliveries.map(keyOf)));
  expect(file.counters().reduce((sum, { received }) => sum + received, 0)).toBe(stats.received);
});

test("a redelivery is a duplicate and never a conflict, however its JSON is spelt", async () => {
  await using node = await NodeProcess.start();
  await node.publish(deliveries);
  const respelt = deliveries.map(
    ({ topic, event_id, payload }) =>
      `{"topic":${JSON.stringify(topic)},"payload":${JSON.stringify(reversed(payload), null, 2)},"id":"${event_id}"}`,
  );
  const again = await node.publish(`[${respelt.join(",\n")}]`);
  expect(again).toMatchObject({ duplicate_dropped: deliveries.length, unique_processed: 0, conflicts: 0 });
});

/** The same value with the members of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
