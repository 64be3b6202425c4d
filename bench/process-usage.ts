/** What a process has used, by the kernel's own account (Linux). */

import { readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of all threads, in steps of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command's name, in parentheses, may hold blanks; utime and stime are fields 14 and 15, it is field 2.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}
