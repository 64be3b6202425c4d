/** `start`: how soon a node is healthy over an empty folder, and what it takes up while nobody asks anything. */

import type { Bench } from "./bench.ts";
import { removeFolder } from "./leftovers.ts";
import { makeDataFolder } from "./onefold-node.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-usage.ts";
import { median } from "./statistics.ts";
import { decimals, thousands } from "./table.ts";
import { startTimed } from "./timed-start.ts";

const STARTS = 10;

/** How long a node is left alone before it counts as idle. */
const IDLE_MS = 1_000;

const START_TIMEOUT_MS = 10_000;

interface Start {
  readonly healthyAfterMs: number;
  readonly idleResidentBytes: number;
  readonly idleCpuShare: number;
}

interface Row {
  readonly starts: readonly Start[];
}

export const start: Bench<Row> = {
  name: "start",
  title: `Start over an empty folder: medians of ${STARTS}; idle for ${IDLE_MS / 1_000} s`,
  async run(_options, progress) {
    progress(`${STARTS} starts`);
    const starts: Start[] = [];
    for (let i = 0; i < STARTS; i++) starts.push(await startOnce());
    return [{ starts }];
  },
  columns: [
    ["healthy after ms", (row) => decimals(median(healthyAfter(row)), 0)],
    ["worst ms", (row) => decimals(Math.max(...healthyAfter(row)), 0)],
    ["idle RSS MB", ({ starts }) => thousands(median(starts.map((s) => s.idleResidentBytes)) / 1e6)],
    ["idle CPU %", ({ starts }) => decimals(median(starts.map((s) => s.idleCpuShare)) * 100, 1)],
  ],
};

function healthyAfter({ starts }: Row): number[] {
  return starts.map(({ healthyAfterMs }) => healthyAfterMs);
}

async function startOnce(): Promise<Start> {
  const folder = makeDataFolder();
  const { process: node, healthyAfterMs } = await startTimed(folder, START_TIMEOUT_MS);
  try {
    const cpuSeconds = cpuSecondsOf(node.pid);
    await Bun.sleep(IDLE_MS);
    const idleCpuShare = (cpuSecondsOf(node.pid) - cpuSeconds) / (IDLE_MS / 1_000);
    return { healthyAfterMs, idleResidentBytes: residentBytesOf(node.pid), idleCpuShare };
  } finally {
    node.kill("SIGTERM");
    await node.exited;
    removeFolder(folder);
  }
}
