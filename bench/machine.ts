/** Where and on what a result was measured. */

import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly bun: string;
  readonly node: string | undefined;
  readonly commit: string | undefined;
  /** Whether the tree held changes that are in no commit. */
  readonly isDirty: boolean;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: release(),
    bun: Bun.version,
    node: outputOf(["node", "--version"]),
    commit: outputOf(["git", "rev-parse", "HEAD"]),
    isDirty: outputOf(["git", "--no-optional-locks", "status", "--porcelain"]) !== "",
  };
}

function outputOf(command: readonly string[]): string | undefined {
  if (Bun.which(command[0]!) === null) return undefined;
  const { stdout, success } = Bun.spawnSync([...command], {
    cwd: join(import.meta.dir, ".."),
    stderr: "ignore",
  });
  return success ? stdout.toString().trim() : undefined;
}
