/** Requests with keys, sent again until they are answered while their node is killed: each is counted once, and has one answer. */

import { expect, test } from "bun:test";
import { KeyedTraffic } from "../../crash/keyed-traffic.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { StoredFile } from "../../support/stored-file.ts";
import { TempFolder } from "../../support/temp-folder.ts";

/** `CRASH_KILLS` says how many; `bun run crash` sets it to 200. */
const KILLS = Number(process.env.CRASH_KILLS ?? 8);

const ANSWERS_PER_LIFE_MAX = 120;

const TIMEOUT_MS_PER_KILL = 20_000;

test(
  `kill -9 ${KILLS} times under requests with keys: each is counted exactly once, and every answer to it is the same`,
  async () => {
    const random = SeededRandom.printed("crash with keys");
    using folder = new TempFolder();
    const traffic = new KeyedTraffic(random);
    for (let kill = 0; kill < KILLS; kill++) {
      await using node = await NodeProcess.start({ data: folder.path });
      const publishing = traffic.publishUntilGone(node);
      await traffic.untilAnswers(1 + random.below(ANSWERS_PER_LIFE_MAX));
      await node.kill9();
      await publishing;
    }
    await using node = await NodeProcess.start({ data: folder.path });
    await traffic.settle(node);
    const { received, unique_processed } = await node.stats();
    expect({ received, unique_processed }).toEqual({
      received: traffic.eventsAnswered,
      unique_processed: traffic.ids.size,
    });
    const { requests, lost, lostButStored, replays } = traffic;
    console.log(JSON.stringify({ kills: KILLS, requests: requests.length, lost, lostButStored, replays }));
    expect(replays).toBePositive();
    expect(lost).toBePositive();
    expect(await node.stop()).toBe(0);
    using file = new StoredFile(folder.path);
    file.expectToBeConsistent();
  },
  60_000 + KILLS * TIMEOUT_MS_PER_KILL,
);
