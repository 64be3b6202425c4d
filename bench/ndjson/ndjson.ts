/** `ndjson`: a gigabyte of lines in one request: how fast it goes in, as it is and compressed, and what memory it takes. */

import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { removeFolder } from "../leftovers.ts";
import { MIX_ALL_NEW } from "../load/load-result.ts";
import { type LoadShape, runPublishLoad } from "../load/publish-load.ts";
import { runLoad } from "../load-process.ts";
import { makeDataFolder, startOnefold } from "../onefold-node.ts";
import { peakResidentBytesOf, residentBytesOf } from "../process-usage.ts";
import { dedupIndexBytes } from "../soak/dedup-index-size.ts";
import { decimals, thousands } from "../table.ts";
import { eventsOf, LINES_ENCODINGS, type LinesEncoding, writeLines } from "./lines-file.ts";
import type { LinesLoadOptions, LinesLoadResult } from "./lines-load.ts";

const LOAD = [process.execPath, join(import.meta.dir, "lines-load.ts")];

const BODY_BYTES = 1e9;

const FRAMES: LoadShape = { client: "ws", eventsPerBatch: 1_000, inFlight: 16 };

/** How a row is sent: as lines, or in frames of /ws/publish for as long as the lines took. */
type Way = LinesEncoding | "frames";

export interface NdjsonRow {
  readonly way: Way;
  readonly events: number;
  /** What went over the connection; of frames it is not known. */
  readonly bytes: number | undefined;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
  /** Of the node, before it was sent anything. */
  readonly idleBytes: number;
  readonly peakBytes: number;
}

export const ndjson: Bench<NdjsonRow> = {
  name: "ndjson",
  title: `NDJSON: one request of ${thousands(BODY_BYTES / 1e6)} MB, unless fewer events are asked for, and frames of 1,000 events for as long`,
  async run({ events = eventsOf(BODY_BYTES), warmUpSeconds }, progress) {
    const rows: NdjsonRow[] = [];
    for (const encoding of LINES_ENCODINGS) {
      progress(encoding === "none" ? "lines" : `lines, ${encoding}`);
      rows.push(await measureLines(encoding, events));
    }
    progress("frames");
    rows.push(await measureFrames(rows[0]!.seconds, warmUpSeconds));
    return rows;
  },
  columns: [
    ["", ({ way }) => NAMES[way]],
    ["events", ({ events }) => thousands(events)],
    ["MB sent", ({ bytes }) => (bytes == null ? "" : thousands(bytes / 1e6))],
    ["events/s", (row) => thousands(speedOf(row))],
    ["CPU µs/event", ({ serverCpuSeconds, events }) => decimals((serverCpuSeconds * 1e6) / events, 2)],
    ["load CPU", ({ loadCpuSeconds, events }) => decimals((loadCpuSeconds * 1e6) / events, 2)],
    ["memory MB, idle", ({ idleBytes }) => thousands(idleBytes / 1e6)],
    ["at most over idle", (row) => thousands(overIdle(row) / 1e6)],
    ["of it the dedup index", ({ events }) => thousands(dedupIndexBytes(events) / 1e6)],
  ],
  remarks: (rows) => {
    const frames = rows.find(({ way }) => way === "frames");
    const plain = rows.find(({ way }) => way === "none");
    return rows.flatMap((row) => {
      const other = row.way === "none" ? frames : row.way === "frames" ? undefined : plain;
      if (other === undefined) return [];
      return [`${NAMES[row.way]}: ${decimals(speedOf(row) / speedOf(other), 2)} of ${NAMES[other.way]}.`];
    });
  },
};

const NAMES: Record<Way, string> = {
  none: "lines",
  gzip: "lines, gzip",
  zstd: "lines, zstd",
  frames: "/ws/publish, 1,000 a frame",
};

function speedOf({ events, seconds }: NdjsonRow): number {
  return events / seconds;
}

function overIdle({ peakBytes, idleBytes }: NdjsonRow): number {
  return peakBytes - idleBytes;
}

async function measureLines(encoding: LinesEncoding, events: number): Promise<NdjsonRow> {
  const folder = makeDataFolder();
  try {
    const { path, bytes } = await writeLines(folder, encoding, events);
    const node = await startOnefold();
    try {
      const idleBytes = residentBytesOf(node.pid);
      const options: LinesLoadOptions = {
        url: node.url,
        serverPid: node.pid,
        file: path,
        ...(encoding !== "none" && { encoding }),
      };
      const { seconds, received, serverCpuSeconds, loadCpuSeconds } = await runLoad<LinesLoadResult>(
        LOAD,
        options,
      );
      const peakBytes = peakResidentBytesOf(node.pid);
      await node.expectCounted({ received: events, unique: events });
      const figures = { seconds, serverCpuSeconds, loadCpuSeconds, idleBytes, peakBytes };
      return { way: encoding, events: received, bytes, ...figures };
    } finally {
      await node.stop();
    }
  } finally {
    removeFolder(folder);
  }
}

async function measureFrames(seconds: number, warmUpSeconds: number): Promise<NdjsonRow> {
  const node = await startOnefold();
  try {
    const idleBytes = residentBytesOf(node.pid);
    const load = {
      shape: FRAMES,
      mix: MIX_ALL_NEW,
      warmUpSeconds: Math.min(warmUpSeconds, seconds),
      seconds,
    };
    const result = await runPublishLoad(node, load);
    const peakBytes = peakResidentBytesOf(node.pid);
    await node.expectCounted(result.sent);
    const { events, serverCpuSeconds, loadCpuSeconds } = result;
    const figures = { seconds: result.seconds, serverCpuSeconds, loadCpuSeconds, idleBytes, peakBytes };
    return { way: "frames", events, bytes: undefined, ...figures };
  } finally {
    await node.stop();
  }
}
