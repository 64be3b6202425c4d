/** What the process takes of the machine, as far as the system tells. */

import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";

const MICROSECONDS_PER_SECOND = 1_000_000;

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / MICROSECONDS_PER_SECOND;
}

export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** Undefined where there is no /proc. */
export function openFiles(folder = "/proc/self/fd"): number | undefined {
  try {
    // Since Linux 6.2 it is the size of the folder; going through ten thousand entries takes 10 ms.
    const { size } = statSync(folder);
    // One of them is the folder that is being read.
    return size > 0 ? size : readdirSync(folder).length - 1;
  } catch {
    return undefined;
  }
}

/** How many it may have; undefined where there is no /proc, or no limit. */
export function openFilesMax(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Whether no more files and connections can be opened: only trying tells, where there is no /proc as well. */
export function isOutOfFiles(): boolean {
  try {
    closeSync(openSync("/", "r"));
    return false;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === "EMFILE" || code === "ENFILE";
  }
}
