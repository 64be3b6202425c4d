/** `peers-fan-out`: one message to a thousand subscribers, by onefold's `/ws/stats` and by an MQTT broker. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "../../bench.ts";
import { freePort } from "../../free-port.ts";
import { removeFolder } from "../../leftovers.ts";
import { SMALL_EVENTS } from "../../load/event-text.ts";
import { runLoad } from "../../load-process.ts";
import { makeDataFolder, startOnefold } from "../../onefold-node.ts";
import { decimals, thousands } from "../../table.ts";
import { installPeers } from "../install.ts";
import { NOISE_SHARE } from "../remarks.ts";
import { notInstalled, startProgram, versionOf } from "../server-program.ts";
import type { FanOutResult } from "./fan-out-load.ts";
import type { FanOutOptions, FeedTarget } from "./feed.ts";

const SUBSCRIBERS = 1_000;
const INTERVAL_MS = 100;
const PROGRAM = "mosquitto";
const LOAD = [process.execPath, join(import.meta.dir, "fan-out-load.ts")];

interface Row {
  readonly name: string;
  readonly version: string;
  /** What a message means, by the settings. */
  readonly meaning: string;
  readonly result: FanOutResult | undefined;
}

export const peersFanOut: Bench<Row> = {
  name: "peers-fan-out",
  title: `Fan-out beside Mosquitto: ${SUBSCRIBERS} subscribers, a message every ${INTERVAL_MS} ms, of the same size`,
  async run(options, progress) {
    if (options.mayInstall) installPeers();
    progress("onefold");
    const onefold = await runOnefold(options);
    const obstacle = notInstalled(PROGRAM);
    if (obstacle !== undefined) {
      progress(`Mosquitto: LEFT OUT, ${obstacle}`);
      return [
        onefold,
        { name: "Mosquitto", version: "–", meaning: `left out: ${obstacle}`, result: undefined },
      ];
    }
    progress("Mosquitto");
    return [onefold, await runMosquitto(options, onefold.result!.messageBytes)];
  },
  columns: [
    ["server", ({ name }) => name],
    ["version", ({ version }) => version],
    ["a message is", ({ meaning }) => meaning],
    ["bytes", ofResult(({ messageBytes }) => thousands(messageBytes))],
    ["deliveries/s", ofResult(({ deliveries, seconds }) => thousands(deliveries / seconds))],
    ["lost", ofResult(({ deliveries, expectedDeliveries }) => thousands(expectedDeliveries - deliveries))],
    ["since publishing p50 ms", ofResult(({ sincePublishing }) => decimals(sincePublishing.p50Ms, 1))],
    ["p99 ms", ofResult(({ sincePublishing }) => decimals(sincePublishing.p99Ms, 1))],
    ["since the first delivery p50 ms", ofResult(({ sinceFirst }) => decimals(sinceFirst.p50Ms, 1))],
    ["p99 ms", ofResult(({ sinceFirst }) => decimals(sinceFirst.p99Ms, 1))],
    ["server CPU %", ofResult((result) => decimals((100 * result.serverCpuSeconds) / result.seconds, 1))],
    ["server CPU µs/delivery", ofResult((result) => decimals(cpuMicroseconds(result), 2))],
    ["server RSS MB", ofResult(({ serverResidentBytes }) => thousands(serverResidentBytes / 1e6))],
  ],
  remarks: ([onefold, peer]) => {
    if (onefold?.result === undefined || peer?.result === undefined) return [];
    const compare = (name: string, ours: number, theirs: number): string => {
      const [least, most] = [Math.min(ours, theirs), Math.max(ours, theirs)];
      if (least >= most * (1 - NOISE_SHARE)) return `In ${name}, both are alike: ${decimals(ours, 1)}.`;
      const best = ours < theirs ? onefold.name : peer.name;
      return `In ${name}, ${best} is better: ${decimals(least, 1)}, the other ${decimals(most, 1)}.`;
    };
    const [ours, theirs] = [onefold.result, peer.result];
    return [
      compare(
        "milliseconds from publishing to half of the deliveries",
        ours.sincePublishing.p50Ms,
        theirs.sincePublishing.p50Ms,
      ),
      compare(
        "milliseconds from the first delivery to 99 % of them",
        ours.sinceFirst.p99Ms,
        theirs.sinceFirst.p99Ms,
      ),
      compare("microseconds of CPU a delivery", cpuMicroseconds(ours), cpuMicroseconds(theirs)),
    ];
  },
};

async function runOnefold(options: BenchOptions): Promise<Row> {
  const node = await startOnefold();
  try {
    const result = await load({ protocol: "stats", url: node.url }, node.pid, options);
    const events = result.publications * SMALL_EVENTS.topics;
    await node.expectCounted({ received: events, unique: events });
    const { version } = (await (await fetch(`${node.url}/health`)).json()) as { version: string };
    const meaning = "what was counted, synced, at most every 20 ms; summed up for who is slow";
    return { name: "onefold, /ws/stats", version, meaning, result };
  } finally {
    await node.stop();
  }
}

async function runMosquitto(options: BenchOptions, messageBytes: number): Promise<Row> {
  const folder = makeDataFolder();
  const port = freePort();
  const configuration = join(folder, "mosquitto.conf");
  // As root it would become a user that may not look into the folder.
  const user = process.getuid?.() === 0 ? "user root\n" : "";
  await Bun.write(configuration, `listener ${port} 127.0.0.1\nallow_anonymous true\n${user}`);
  const server = await startProgram([PROGRAM, "-c", configuration], { port, folder });
  try {
    const result = await load({ protocol: "mqtt", port, messageBytes }, server.pid, options);
    const meaning = "passed on at QoS 0, not stored; dropped for who is slow";
    return { name: "Mosquitto", version: versionOf([PROGRAM, "-h"]), meaning, result };
  } finally {
    await server.stop();
    removeFolder(folder);
  }
}

function load(target: FeedTarget, serverPid: number, options: BenchOptions): Promise<FanOutResult> {
  const all: FanOutOptions = {
    ...options,
    target,
    serverPid,
    subscribers: SUBSCRIBERS,
    intervalMs: INTERVAL_MS,
  };
  return runLoad<FanOutResult>(LOAD, all);
}

function ofResult(cell: (result: FanOutResult) => string): (row: Row) => string {
  return ({ result }) => (result === undefined ? "–" : cell(result));
}

function cpuMicroseconds({ serverCpuSeconds, deliveries }: FanOutResult): number {
  return (serverCpuSeconds / deliveries) * 1e6;
}
