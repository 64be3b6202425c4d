/** How many files and connections a process started here may have open. */

import { readFileSync } from "node:fs";

/** `ulimit -n`: what a process started from here begins with. */
export function openFilesMax(): number {
  return openFilesMaxIn(readFileSync("/proc/self/limits", "latin1"));
}

/** @param limits As in /proc/PID/limits. */
export function openFilesMaxIn(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
