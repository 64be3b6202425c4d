/** `feeds`: how long an event takes from its publisher to those who follow the feed, many of them at once. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "../bench.ts";
import { runLoad } from "../load-process.ts";
import { startOnefold } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import type { FeedLoadOptions, FeedLoadResult } from "./feed-load.ts";

const LOAD = [process.execPath, join(import.meta.dir, "feed-load.ts")];

const READERS = 1_000;

/** Events that are told in a second, over all readers. */
const DELIVERIES_PER_SECOND = 20_000;

type FeedCase = Pick<FeedLoadOptions, "topics" | "followsAll" | "eventsPerSecond"> & {
  readonly name: string;
};

const CASES: readonly FeedCase[] = [
  { name: "a topic each", topics: READERS, followsAll: false, eventsPerSecond: DELIVERIES_PER_SECOND },
  { name: "fifty to a topic", topics: 20, followsAll: false, eventsPerSecond: DELIVERIES_PER_SECOND / 50 },
  {
    name: "each everything",
    topics: 8,
    followsAll: true,
    eventsPerSecond: DELIVERIES_PER_SECOND / READERS,
  },
];

interface Row extends FeedLoadResult, FeedCase {}

export const feeds: Bench<Row> = {
  name: "feeds",
  title: `The feed of events: ${thousands(READERS)} readers of /ws/events are told ${thousands(DELIVERIES_PER_SECOND)} events/s in all; publisher and readers in one process`,
  async run(options, progress) {
    const rows: Row[] = [];
    for (const feedCase of CASES) {
      progress(feedCase.name);
      rows.push({ ...feedCase, ...(await measure(feedCase, options)) });
    }
    return rows;
  },
  columns: [
    ["readers follow", ({ name }) => name],
    ["published events/s", (row) => thousands(row.eventsPerSecond)],
    ["told events/s", ({ delivered, seconds }) => thousands(delivered / seconds)],
    ["delivery p50 ms", ({ delivery }) => decimals(delivery.p50Ms, 1)],
    ["p99 ms", ({ delivery }) => decimals(delivery.p99Ms, 1)],
    ["p99.9 ms", ({ delivery }) => decimals(delivery.p999Ms, 1)],
    ["max ms", ({ delivery }) => decimals(delivery.maxMs, 0)],
    ["ack p99 ms", ({ ack }) => decimals(ack.p99Ms, 1)],
    ["server CPU %", ({ serverCpuSeconds, seconds }) => decimals((serverCpuSeconds / seconds) * 100, 0)],
    ["load CPU %", ({ loadCpuSeconds, seconds }) => decimals((loadCpuSeconds / seconds) * 100, 0)],
    ["RSS MB", ({ serverResidentBytes }) => thousands(serverResidentBytes / 1e6)],
  ],
};

async function measure(
  { topics, followsAll, eventsPerSecond }: FeedCase,
  { seconds, warmUpSeconds }: BenchOptions,
): Promise<FeedLoadResult> {
  // All readers come from one address.
  const node = await startOnefold(["--max-connections-per-address", String(READERS * 2)]);
  try {
    const { url, pid } = node;
    const options: FeedLoadOptions = {
      ...{ url, serverPid: pid, readers: READERS, topics, followsAll },
      ...{ eventsPerSecond, warmUpSeconds, seconds },
    };
    const result = await runLoad<FeedLoadResult>(LOAD, options);
    await node.expectCounted({ received: result.events, unique: result.events });
    return result;
  } finally {
    await node.stop();
  }
}
