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

/** What was sent and acknowledged. */
export interface Sent {
  readonly received: number;
  readonly unique: number;
  /** New events beyond these that may have been taken: sent, but their answer was not awaited. */
  readonly unansweredMax?: number;
}

export interface OnefoldNode extends ServerProcess {
  /** Where its data is. */
  readonly folder: string;
  /** @throws Error unless the node has counted exactly what was sent, and no conflict. */
  expectCounted(sent: Sent): Promise<void>;
}

/** @param flags of `serve`, beside its port and its data. */
export async function startOnefold(flags: readonly string[] = []): Promise<OnefoldNode> {
  const folder = makeDataFolder();
  const server = await startServer([EXECUTABLE, "serve", "--port", "0", "--data", folder, ...flags]);
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

async function expectCounted(url: string, { received, unique, unansweredMax = 0 }: Sent): Promise<void> {
  const stats = (await (await fetch(`${url}/stats`)).json()) as Record<string, number>;
  const extra = stats.received! - received;
  const expected = {
    received: received + Math.min(Math.max(extra, 0), unansweredMax),
    unique_processed: unique + extra,
    duplicate_dropped: received - unique,
    conflicts: 0,
    rejected: 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    if (stats[name] !== value) throw new Error(`wrong count: ${name} is ${stats[name]}, not ${value}`);
  }
}
