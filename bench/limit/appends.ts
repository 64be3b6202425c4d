/** What bun:sqlite can append: rows like a node's in synced commits, and nothing else. Measured in a process of its own. */

import { join } from "node:path";
import { removeFolder } from "../leftovers.ts";
import type { LatencySummary } from "../load/latencies.ts";
import { runLoad } from "../load-process.ts";
import { makeDataFolder } from "../onefold-node.ts";

export interface AppendOptions {
  readonly file: string;
  readonly rowsPerCommit: number;
  /** Who copies the log back: every thousandth page the connection that commits, as SQLite does by itself, or nobody. */
  readonly checkpoints: "in commits" | "none";
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface AppendResult {
  readonly rows: number;
  /** In transactions; what it takes to make the rows is not counted. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly commit: LatencySummary;
  readonly residentBytes: number;
}

const CHILD = [process.execPath, join(import.meta.dir, "append-rows.ts")];

export async function measureAppends(options: Omit<AppendOptions, "file">): Promise<AppendResult> {
  const folder = makeDataFolder();
  try {
    const file = join(folder, "rows.db");
    return await runLoad<AppendResult>(CHILD, { file, ...options } satisfies AppendOptions);
  } finally {
    removeFolder(folder);
  }
}
