/** `peers`: onefold beside what one would use instead of it, with the same events and the same question of the disk. */

import { join } from "node:path";
import type { Bench, Chart } from "../bench.ts";
import type { LoadTimes } from "../load/publish-load.ts";
import { runLoad } from "../load-process.ts";
import { decimals, thousands } from "../table.ts";
import { diskBytesOf } from "./disk-usage.ts";
import { fastapi } from "./fastapi.ts";
import { installPeers } from "./install.ts";
import type { PeerLoadOptions, PeerLoadResult } from "./load/peer-load-options.ts";
import { natsAsShipped, natsSynced } from "./nats.ts";
import { onefoldHttp, onefoldWebSocket } from "./onefold.ts";
import type { Peer, RunningPeer, Shape } from "./peer.ts";
import { EXACT, leftOutRow, type MeasuredRow, measuredRow, medianRow, type PeerRow } from "./peer-row.ts";
import { postgresql } from "./postgresql.ts";
import { redisAlways, redisEverySecond } from "./redis.ts";
import { isOnefold, remarksOn, shortLabel } from "./remarks.ts";
import { ALONE } from "./shapes.ts";
import { sqlite } from "./sqlite.ts";

const PEERS: readonly Peer[] = [
  onefoldWebSocket,
  onefoldHttp,
  postgresql,
  redisAlways,
  natsSynced,
  sqlite,
  fastapi,
  redisEverySecond,
  natsAsShipped,
];

const LOAD = [process.execPath, join(import.meta.dir, "load", "peer-load.ts")];

/** One event alone needs less time to be measured than a throughput. */
const ALONE_SHARE = 0.2;

/** The second load of a server has event numbers of its own: far more than the first can use. */
const ALONE_FIRST_NUMBER = 1_000_000_000;

/** In turns, so that a slow minute of the machine strikes all. They share the measured time. */
const ROUNDS = 3;

/** Hardly shorter than for one long round: compilers need it, and an index that is kept sorted is cheap while small. */
const ROUND_WARM_UP_SHARE = 0.75;

interface Entry {
  readonly peer: Peer;
  readonly shape: Shape;
  /** One a round. */
  readonly rows: PeerRow[];
}

export const peers: Bench<PeerRow> = {
  name: "peers",
  title: `onefold and its peers: 8 topics, 20 % recent duplicates, medians of ${ROUNDS} rounds in turns`,
  async run(options, progress) {
    if (options.mayInstall) installPeers();
    const entries = PEERS.flatMap((peer) => peer.shapes.map((shape): Entry => ({ peer, shape, rows: [] })));
    const eachRound: LoadTimes = {
      seconds: options.seconds / ROUNDS,
      warmUpSeconds: options.warmUpSeconds * ROUND_WARM_UP_SHARE,
    };
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { peer, shape, rows } of entries) {
        if (rows.some(({ kind }) => kind === "left out")) continue;
        const { name, setting, request } = peer;
        progress(
          `round ${round}: ${name}, ${setting}, ${shape.eventsPerRequest} a ${request}, ids ${shape.ids}`,
        );
        const row = await measureOrLeaveOut(peer, shape, eachRound);
        if (row.kind === "left out") progress(`${name}, ${setting}: LEFT OUT, ${row.reason}`);
        rows.push(row);
      }
    }
    return saidOnce(
      entries.map(({ rows }) => rows.find(({ kind }) => kind === "left out") ?? medianRow(rows)),
    );
  },
  columns: [
    ["peer", ({ name }) => name],
    ["version", ofMeasured((row) => row.version)],
    ["setting", ({ setting }) => setting],
    ["answer means", ({ durability }) => durability],
    ["events a request", (row) => (row.kind === "measured" ? requestCell(row) : `left out: ${row.reason}`)],
    ["ids", ofMeasured((row) => row.ids)],
    ["connections × in flight", ofMeasured((row) => `${row.connections} × ${row.requestsInFlight}`)],
    ["events/s", ofMeasured((row) => thousands(row.eventsPerSecond))],
    ["server CPU µs/event", ofMeasured((row) => decimals(row.serverCpuMicrosecondsPerEvent, 1))],
    ["ack p50 ms", ofMeasured((row) => decimals(row.ack.p50Ms, 1))],
    ["p99 ms", ofMeasured((row) => decimals(row.ack.p99Ms, 1))],
    ["one alone p50 ms", ofMeasured((row) => decimals(row.alone.p50Ms, 2))],
    ["p99 ms", ofMeasured((row) => decimals(row.alone.p99Ms, 2))],
    ["server RSS MB", ofMeasured((row) => thousands(row.serverResidentBytes / 1e6))],
    ["disk bytes/event", ofMeasured((row) => thousands(row.diskBytesPerStoredEvent))],
    ["after a power cut", ofMeasured((row) => row.powerCut)],
    ["a duplicate is known", ofMeasured((row) => row.duplicates)],
    ["counted", ofMeasured((row) => row.accuracy)],
  ],
  charts: (rows) => [
    chart(
      "peers-synced",
      "Events a second, synced before the answer",
      rows,
      ({ durability }) => durability === "synced",
    ),
    chart(
      "peers-not-synced",
      "Events a second, answered before the sync, beside onefold, which syncs",
      rows,
      (row) => isOnefold(row) || row.durability === "not synced",
    ),
  ],
  remarks: remarksOn,
};

/** A peer that is missing is left out once, in however many shapes it would have been measured. */
function saidOnce(rows: readonly PeerRow[]): readonly PeerRow[] {
  const isSame = (a: PeerRow, b: PeerRow): boolean =>
    a.kind === "left out" && b.kind === "left out" && a.name === b.name && a.setting === b.setting;
  return rows.filter((row, i) => !rows.slice(0, i).some((before) => isSame(before, row)));
}

/** A peer that is missing or fails is said to be left out and does not end the bench; onefold must not. */
async function measureOrLeaveOut(peer: Peer, shape: Shape, options: LoadTimes): Promise<PeerRow> {
  const obstacle = peer.obstacle();
  if (obstacle !== undefined) return leftOutRow(peer, obstacle);
  try {
    return await measure(peer, shape, options);
  } catch (error) {
    if (isOnefold(peer)) throw error;
    return leftOutRow(peer, `it failed: ${error instanceof Error ? error.message : error}`);
  }
}

async function measure(peer: Peer, shape: Shape, options: LoadTimes): Promise<MeasuredRow> {
  const running = await peer.start();
  try {
    const diskBytesBefore = diskBytesOf(running.folder);
    const loaded = await load(running, { ...shape, ...options, firstNumber: 0 });
    const alone = await load(running, {
      ...ALONE,
      ids: shape.ids,
      warmUpSeconds: options.warmUpSeconds * ALONE_SHARE,
      seconds: options.seconds * ALONE_SHARE,
      firstNumber: ALONE_FIRST_NUMBER,
    });
    const row = measuredRow(peer, shape, {
      load: loaded,
      alone,
      diskBytes: diskBytesOf(running.folder) - diskBytesBefore,
      counted: await running.counted(),
      version: running.version,
    });
    if (isOnefold(row) && row.accuracy !== EXACT) throw new Error(`wrong count: ${row.accuracy}`);
    return row;
  } finally {
    await running.stop();
  }
}

function load(
  { pid, target }: RunningPeer,
  options: Shape & LoadTimes & { firstNumber: number },
): Promise<PeerLoadResult> {
  const all: PeerLoadOptions = { ...options, target, serverPid: pid };
  return runLoad<PeerLoadResult>(LOAD, all);
}

function ofMeasured(cell: (row: MeasuredRow) => string): (row: PeerRow) => string {
  return (row) => (row.kind === "measured" ? cell(row) : "–");
}

function requestCell({ eventsPerRequest, request }: MeasuredRow): string {
  return `${thousands(eventsPerRequest)} a ${request}`;
}

function chart(
  name: string,
  title: string,
  rows: readonly PeerRow[],
  isIn: (row: MeasuredRow) => boolean,
): Chart {
  const shown = rows.filter((row) => row.kind === "measured").filter(isIn);
  return {
    name,
    title,
    yTitle: "events/s",
    shape: {
      kind: "bars",
      labels: shown.map(shortLabel),
      series: [{ name: "events/s", values: shown.map(({ eventsPerSecond }) => eventsPerSecond) }],
    },
  };
}
