/** Every file that a released version has left is opened by this one, which answers what was answered then. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { addCounters, type Counters, countersOf, NO_COUNTERS, type Stats } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { ENDINGS, FIXTURES_FOLDER, makeFixture, readFixture, unpackFixture } from "./fixture.ts";
import { expectEverythingKnown, expectSameAnswers, type Recording, readAnswers } from "./recording.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const FIXTURE_BYTES_MAX = 200 * 1024;

const released = readdirSync(FIXTURES_FOLDER).filter((name) => name.endsWith(".tar.gz"));

const archives: Record<string, () => Promise<Uint8Array>> = Object.fromEntries([
  ...released.map((name) => [name, async () => readFixture(name)]),
  // So that the command is known to work when the next release needs it.
  ...ENDINGS.map((ending) => [`today's, ${ending}`, async () => (await makeFixture(ending)).archive]),
]);

/** What counting everything once more adds: nothing is new. */
function countersOfResending({ deliveries }: Recording): Counters {
  return deliveries
    .map(({ answer }) => JSON.parse(answer) as Counters)
    .map(({ received, conflicts }) => ({
      received,
      unique_processed: 0,
      duplicate_dropped: received,
      conflicts,
    }))
    .reduce(addCounters, NO_COUNTERS);
}

/** Publishes what is new, to a topic of then and to one of its own. */
async function publishNews(node: NodeProcess, lastSeq: number, round: string): Promise<void> {
  for (const [i, topic] of ["orders.0", `news.${round}`].entries()) {
    expect(await node.publish({ topic, event_id: `news ${round}`, payload: round })).toMatchObject({
      status: "processed",
      seq: lastSeq + 1 + i,
    });
  }
}

test("there is a fixture of each ending, and all are small", () => {
  for (const ending of ENDINGS)
    expect(released.some((name) => name.endsWith(`-${ending}.tar.gz`))).toBeTrue();
  for (const name of released)
    expect(Bun.file(join(FIXTURES_FOLDER, name)).size).toBeLessThan(FIXTURE_BYTES_MAX);
});

describe.each(Object.keys(archives))("%s:", (name) => {
  test("answers are as they were, every id is known, new events are taken, and a restart changes nothing", async () => {
    using folder = new TempFolder();
    const then = await unpackFixture(await archives[name]!(), folder.path);
    const { unique_processed, ...counters } = JSON.parse(then.stats) as Stats;
    let expected = countersOf({ unique_processed, ...counters });
    {
      await using node = await NodeProcess.start({ data: folder.path });
      expectSameAnswers(await readAnswers(node), then);
      await expectEverythingKnown(node, then.deliveries);
      expected = addCounters(expected, countersOfResending(then));
      expect(countersOf(await node.stats())).toEqual(expected);
      await publishNews(node, unique_processed, "first");
      expect(await node.stop()).toBe(0);
    }
    await using node = await NodeProcess.start({ data: folder.path });
    expected = addCounters(expected, { ...NO_COUNTERS, received: 2, unique_processed: 2 });
    expect(countersOf(await node.stats())).toEqual(expected);
    expect((await node.page("?topic=news.first")).events).toMatchObject([{ event_id: "news first" }]);
    await expectEverythingKnown(node, then.deliveries);
    expected = addCounters(expected, countersOfResending(then));
    await publishNews(node, unique_processed + 2, "second");
    expected = addCounters(expected, { ...NO_COUNTERS, received: 2, unique_processed: 2 });
    expect(countersOf(await node.stats())).toEqual(expected);
    expect(await node.stop()).toBe(0);
    using file = new StoredFile(folder.path);
    file.expectToBeConsistent();
    expect(file.events()).toHaveLength(unique_processed + 4);
  });
});
