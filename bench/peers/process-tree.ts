/** What a server and all processes that it started have used, by the kernel's own account (Linux). */

import { readdirSync, readFileSync } from "node:fs";
import { type ProcStat, parseStat } from "../process-usage.ts";
import { sum } from "../statistics.ts";

/** The process and its descendants that are alive. */
export function treeOf(root: number, all: readonly ProcStat[]): readonly ProcStat[] {
  const children = all.filter(({ parent }) => parent === root);
  return [...all.filter(({ id }) => id === root), ...children.flatMap(({ id }) => treeOf(id, all))];
}

export function cpuSecondsIn(tree: readonly ProcStat[]): number {
  return sum(tree.map(({ cpuSeconds, endedChildrenCpuSeconds }) => cpuSeconds + endedChildrenCpuSeconds));
}

export function cpuSecondsOfTree(root: number): number {
  return cpuSecondsIn(treeOf(root, processes()));
}

/**
 * Memory of each process of its own, and what they share once: of mapped files and of shared memory that of the
 * process that has most.
 */
export function residentBytesOfTree(root: number): number {
  let own = 0;
  let files = 0;
  let shared = 0;
  for (const { id } of treeOf(root, processes())) {
    const status = textOf(`/proc/${id}/status`) ?? "";
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1_024;
    own += bytes("RssAnon");
    files = Math.max(files, bytes("RssFile"));
    shared = Math.max(shared, bytes("RssShmem"));
  }
  return own + files + shared;
}

function processes(): ProcStat[] {
  return readdirSync("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? textOf(`/proc/${name}/stat`) : undefined;
    return stat === undefined ? [] : [parseStat(stat)];
  });
}

/** Undefined when the process ended a moment ago. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
