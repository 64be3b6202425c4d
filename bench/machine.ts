/** Where and on what a result was measured. */

import { statSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./onefold-node.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Processes that wanted a core in the last minute, before the bench began: others make the figures noise. */
  readonly loadAverage: number;
  readonly kernel: string;
  readonly bun: string;
  readonly node: string | undefined;
  /** Of the tree; what was measured is the executable, which may be older. */
  readonly commit: string | undefined;
  /** Whether the tree held changes that are in no commit. */
  readonly isDirty: boolean;
  readonly executableBuiltAt: string | undefined;
}

/** What benches write is no change to what they measure. */
const MADE_HERE = [":!bench/results", ":!bench/charts", ":!bench/README.md"];

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    loadAverage: loadavg()[0]!,
    kernel: release(),
    bun: Bun.version,
    node: outputOf(["node", "--version"]),
    commit: outputOf(["git", "rev-parse", "HEAD"]),
    isDirty:
      outputOf(["git", "--no-optional-locks", "status", "--porcelain", "--", ".", ...MADE_HERE]) !== "",
    executableBuiltAt: statSync(EXECUTABLE, { throwIfNoEntry: false })?.mtime.toISOString(),
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

export function machineLine(machine: Machine): string {
  const { cpu, cores, loadAverage, kernel, bun, commit, isDirty, executableBuiltAt } = machine;
  const code =
    commit === undefined ? "no commit" : `commit ${commit.slice(0, 7)}${isDirty ? " with changes" : ""}`;
  return `${cpu}, ${cores} cores, load before ${loadAverage.toFixed(1)}, Linux ${kernel}, Bun ${bun}, ${code}, built ${executableBuiltAt ?? "never"}`;
}
