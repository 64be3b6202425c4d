/** A process that subscribes many times, publishes in a fixed rhythm, and says when everybody had it. */

import type { LatencySummary } from "../../load/latencies.ts";
import { cpuSecondsOfTree, residentBytesOfTree } from "../process-tree.ts";
import { Deliveries } from "./deliveries.ts";
import type { FanOutOptions, Feed } from "./feed.ts";
import { MqttFeed } from "./mqtt-feed.ts";
import { StatsFeed } from "./stats-feed.ts";

export interface FanOutResult {
  /** In all, warm-up included. */
  readonly publications: number;
  readonly expectedDeliveries: number;
  readonly deliveries: number;
  readonly messageBytes: number;
  readonly seconds: number;
  readonly sincePublishing: LatencySummary;
  readonly sinceFirst: LatencySummary;
  readonly serverCpuSeconds: number;
  readonly serverResidentBytes: number;
}

/** What has not come by then is lost. */
const LAST_DELIVERY_MS = 1_000;

async function run(options: FanOutOptions): Promise<FanOutResult> {
  const { target, serverPid, subscribers, intervalMs, warmUpSeconds, seconds } = options;
  const failed = Promise.withResolvers<never>();
  const feed: Feed =
    target.protocol === "stats"
      ? new StatsFeed(new URL(target.url), failed.reject)
      : new MqttFeed(target.port, target.messageBytes, failed.reject);
  const deliveries = new Deliveries();
  for (let i = 0; i < subscribers; i++) {
    await feed.subscribe((publication) => deliveries.delivered(publication, performance.now()));
  }

  let isMeasuring = false;
  let publications = 0;
  let measured = 0;
  const rhythm = setInterval(() => {
    publications++;
    if (isMeasuring) measured++;
    feed.publish(deliveries.published(performance.now(), isMeasuring));
  }, intervalMs);
  const wait = (ms: number): Promise<void> => Promise.race([Bun.sleep(ms), failed.promise]);
  await wait(warmUpSeconds * 1_000);
  const serverCpu = cpuSecondsOfTree(serverPid);
  const startedAt = performance.now();
  isMeasuring = true;
  await wait(seconds * 1_000);
  clearInterval(rhythm);
  const figures = {
    seconds: (performance.now() - startedAt) / 1_000,
    serverCpuSeconds: cpuSecondsOfTree(serverPid) - serverCpu,
    serverResidentBytes: residentBytesOfTree(serverPid),
  };
  await wait(LAST_DELIVERY_MS);
  return {
    ...figures,
    publications,
    expectedDeliveries: measured * subscribers,
    deliveries: deliveries.count,
    messageBytes: feed.messageBytes,
    sincePublishing: deliveries.sincePublishing,
    sinceFirst: deliveries.sinceFirst,
  };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as FanOutOptions)));
process.exit(0);
