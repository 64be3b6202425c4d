/** `slow-disk`: what publishers and onlookers notice of a disk whose syncs are slow, and of one that hangs for seconds. */

import { lacksSystemFaults, slowSyncs } from "../../tests/support/system-faults.ts";
import type { Bench, BenchOptions } from "../bench.ts";
import type { LatencySummary } from "../load/latencies.ts";
import { MIX_ALL_NEW, MIX_DEFAULT } from "../load/load-result.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { type LoadShape, runPublishLoad } from "../load/publish-load.ts";
import { startOnefold } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import { Bystander, type Seen } from "./bystander.ts";

/** 0 is the disk as it is, under the same tracer. */
const DELAYS_MS = [0, 1, 5, 20] as const;

const SHAPE: LoadShape = { client: "ws", eventsPerBatch: 100, inFlight: 32 };

/** The sync that hangs, of the thread that commits; those before it are of the start and of the first moments. */
const HANGING_SYNC = 50;

/** An open loop, for who arrives while the disk hangs does not wait for those before. */
const HANG_EVENTS_PER_SECOND = 20_000;
const HANG_EVENTS_PER_FRAME = 10;
/** So many that the queue of the node is full before their frames in flight are. */
const HANG_CONNECTIONS = 16;
/** Less than the default of 64 MiB, which would be full only after a quarter of a minute. */
const HANG_QUEUE_BYTES = 4 * 2 ** 20;

/** How long the load goes on beside the hanging itself, of which most comes after it. */
const AROUND_HANG_SECONDS = 1;

interface Row extends Seen {
  readonly name: string;
  readonly eventsPerSecond: number;
  readonly ack: LatencySummary;
  /** Frames by status and code. */
  readonly refusals: Readonly<Record<string, number>>;
}

export const slowDisk: Bench<Row> = {
  name: "slow-disk",
  title: `Slow disk: every sync takes longer by so much (${SHAPE.eventsPerBatch} events a frame, ${SHAPE.inFlight} frames in flight); one hangs (${thousands(HANG_EVENTS_PER_SECOND)} events/s in an open loop, a queue of ${HANG_QUEUE_BYTES / 2 ** 20} MiB)`,
  async run(options, progress) {
    if (lacksSystemFaults()) {
      progress("!!! LEFT OUT: syncs are slowed down by strace, which is missing or may not trace here");
      return [];
    }
    const rows: Row[] = [];
    for (const delayMs of DELAYS_MS) {
      progress(`${delayMs} ms more a sync`);
      rows.push(await measureSlow(delayMs, options));
    }
    progress(`one sync of ${options.seconds} s`);
    rows.push(await measureHang(options));
    return rows;
  },
  columns: [
    ["sync", ({ name }) => name],
    ["events/s", ({ eventsPerSecond }) => thousands(eventsPerSecond)],
    ["ack p50 ms", ({ ack }) => decimals(ack.p50Ms, 1)],
    ["p99 ms", ({ ack }) => decimals(ack.p99Ms, 1)],
    ["p99.9 ms", ({ ack }) => decimals(ack.p999Ms, 1)],
    ["max ms", ({ ack }) => thousands(ack.maxMs)],
    ["refused frames", ({ refusals }) => counted(refusals)],
    ["waiting at most", ({ waitingMax }) => thousands(waitingMax)],
    ["health said", ({ healthStates }) => counted(healthStates)],
    ["health max ms", ({ healthMsMax }) => decimals(healthMsMax, 0)],
    ["deltas", ({ deltas }) => thousands(deltas)],
    ["longest between ms", ({ deltaGapMsMax }) => thousands(deltaGapMsMax)],
  ],
};

function counted(times: Readonly<Record<string, number>>): string {
  const entries = Object.entries(times).map(([what, n]) => `${thousands(n)} × ${what}`);
  return entries.length === 0 ? "none" : entries.join(", ");
}

async function measureSlow(delayMs: number, { seconds, warmUpSeconds }: BenchOptions): Promise<Row> {
  const node = await startOnefold([], slowSyncs(delayMs));
  try {
    const bystander = await Bystander.follow(node.url);
    const load = { shape: SHAPE, mix: MIX_DEFAULT, warmUpSeconds, seconds };
    const { ack, events, seconds: measuredSeconds, sent } = await runPublishLoad(node, load);
    await node.expectCounted(sent);
    const seen = await bystander.leave(sent.received);
    expectSlowed(ack.p50Ms, delayMs);
    const name = delayMs === 0 ? "as it is" : `${delayMs} ms more`;
    return { name, eventsPerSecond: events / measuredSeconds, ack, refusals: {}, ...seen };
  } finally {
    await node.stop();
  }
}

async function measureHang({ seconds }: BenchOptions): Promise<Row> {
  const flags = ["--max-queue-bytes", `${HANG_QUEUE_BYTES}`];
  const node = await startOnefold(flags, slowSyncs(seconds * 1_000, HANGING_SYNC));
  try {
    const bystander = await Bystander.follow(node.url);
    const result = await runOpenLoop(node, {
      eventsPerSecond: HANG_EVENTS_PER_SECOND,
      eventsPerFrame: HANG_EVENTS_PER_FRAME,
      connections: HANG_CONNECTIONS,
      mix: MIX_ALL_NEW,
      warmUpSeconds: 0,
      seconds: seconds + AROUND_HANG_SECONDS,
    });
    const { ack, sent, eventsPerSecond, refusals } = result;
    await node.expectCounted(sent);
    const seen = await bystander.leave(sent.received);
    expectSlowed(ack.maxMs, seconds * 1_000);
    return { name: `one of ${seconds} s`, eventsPerSecond, ack, refusals, ...seen };
  } finally {
    await node.stop();
  }
}

/** @throws Error where nothing was slowed down: the figures would be of another disk. */
function expectSlowed(latencyMs: number, delayMs: number): void {
  // What was never acknowledged has no latency, and is no number.
  if (!(latencyMs >= delayMs))
    throw new Error(`with syncs of ${delayMs} ms acknowledgements took ${latencyMs} ms`);
}
