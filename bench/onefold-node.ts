/** The executable under test: started on a free port over an empty folder, its counters checked at the end. */

import { existsSync, mkdirSync, mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { keepFolder, removeFolder } from "./leftovers.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const ROOT = join(import.meta.dir, "..");
export const EXECUTABLE = join(ROOT, "dist", "onefold");

/** Beside the repository's own data, and like it not under version control. */
const DATA_PARENT = join(ROOT, "data");

/** TMPFS_MAGIC of linux/magic.h: a file system in memory has no syncs to wait for. */
const TMPFS = 0x01021994;

/** What was sent. */
export interface Sent {
  /** Acknowledged. */
  readonly received: number;
  /** Different events in all that were made. */
  readonly unique: number;
  /** Events that were made beyond those acknowledged: their answer was not awaited, so they may have been taken. */
  readonly unansweredMax?: number;
}

export interface OnefoldNode extends ServerProcess {
  /** Where its data is. */
  readonly folder: string;
  /** @throws Error unless the node has counted exactly what was sent, and no conflict. */
  expectCounted(sent: Sent): Promise<void>;
}

/**
 * @param flags of `serve`, beside its port and its data.
 * @param tracer goes before the command, and becomes the node.
 */
export async function startOnefold(
  flags: readonly string[] = [],
  tracer: readonly string[] = [],
): Promise<OnefoldNode> {
  const folder = makeDataFolder();
  const serve = [EXECUTABLE, "serve", "--port", "0", "--data", folder, ...flags];
  const server = await startServer([...tracer, ...serve]);
  return {
    ...server,
    folder,
    expectCounted: (sent) => expectCounted(server.url, sent),
    stop: async () => {
      await server.stop();
      removeFolder(folder);
    },
  };
}

/** An empty folder on a real disk. The caller removes it, at the latest the end of the bench. */
export function makeDataFolder({ mayBeInMemory = false } = {}): string {
  if (!existsSync(EXECUTABLE)) throw new Error("dist/onefold is missing: bun run build");
  mkdirSync(DATA_PARENT, { recursive: true });
  if (!mayBeInMemory && statfsSync(DATA_PARENT).type === TMPFS) {
    throw new Error(`${DATA_PARENT} is in memory; a bench needs a disk`);
  }
  const folder = mkdtempSync(join(DATA_PARENT, "bench-"));
  keepFolder(folder);
  return folder;
}

/** @throws Error where the counts are not right. */
export async function expectCounted(url: string, sent: Sent): Promise<void> {
  const stats = (await (await fetch(`${url}/stats`)).json()) as Record<keyof CountedStats, number>;
  const fault = faultOfCounts(sent, stats);
  if (fault !== undefined) throw new Error(`wrong count: ${fault}`);
}

export interface CountedStats {
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
  readonly rejected: number;
}

/** What a node has counted wrong, or nothing. Where every answer was awaited each counter has one right value. */
export function faultOfCounts(
  { received, unique, unansweredMax = 0 }: Sent,
  stats: CountedStats,
): string | undefined {
  const missing = received + unansweredMax - stats.received;
  const bounds: Record<keyof CountedStats, readonly [min: number, max: number]> = {
    received: [received, received + unansweredMax],
    // An event that did not arrive is one different event less at most.
    unique_processed: [unique - missing, Math.min(unique, stats.received)],
    duplicate_dropped: [stats.received - stats.unique_processed, stats.received - stats.unique_processed],
    conflicts: [0, 0],
    rejected: [0, 0],
  };
  for (const [name, [min, max]] of Object.entries(bounds)) {
    const value = stats[name as keyof CountedStats];
    if (value < min || value > max)
      return `${name} is ${value}, not ${min === max ? min : `${min} to ${max}`}`;
  }
  return undefined;
}
