/** What a server and all processes that it started have used, by the kernel's own account (Linux). */

import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Of all its threads, and of its children that have ended. */
  readonly cpuSeconds: number;
}

/** Where `/proc/<pid>/stat` says it, counted from the field behind the command's name. */
const PARENT = 1;
const OWN_AND_CHILDREN_TICKS = [11, 12, 13, 14] as const;

export function readStat(pid: number, stat: string): ProcessStat {
  // The command's name, in parentheses, may hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = OWN_AND_CHILDREN_TICKS.reduce((total, field) => total + Number(fields[field]), 0);
  return { pid, parent: Number(fields[PARENT]), cpuSeconds: ticks / TICKS_PER_SECOND };
}

/** The process and its descendants that are alive. */
export function treeOf(root: number, all: readonly ProcessStat[]): readonly ProcessStat[] {
  const children = all.filter(({ parent }) => parent === root);
  return [...all.filter(({ pid }) => pid === root), ...children.flatMap(({ pid }) => treeOf(pid, all))];
}

export function cpuSecondsOfTree(root: number): number {
  return treeOf(root, processes()).reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
}

/**
 * Memory of each process of its own, and what they share once: of mapped files and of shared memory that of the
 * process that has most.
 */
export function residentBytesOfTree(root: number): number {
  let own = 0;
  let files = 0;
  let shared = 0;
  for (const { pid } of treeOf(root, processes())) {
    const status = textOf(`/proc/${pid}/status`) ?? "";
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1_024;
    own += bytes("RssAnon");
    files = Math.max(files, bytes("RssFile"));
    shared = Math.max(shared, bytes("RssShmem"));
  }
  return own + files + shared;
}

function processes(): ProcessStat[] {
  return readdirSync("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? textOf(`/proc/${name}/stat`) : undefined;
    return stat === undefined ? [] : [readStat(Number(name), stat)];
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
