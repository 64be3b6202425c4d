/** What a process has used, by the kernel's own account (Linux). */

import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** The thread that a process starts with has the name of its executable: here it has one that says what it is. */
export const MAIN_THREAD = "main";

export interface ProcessUsage {
  readonly cpuSeconds: number;
  /** By the threads' names; threads of one name are added up. */
  readonly threadCpuSeconds: Readonly<Record<string, number>>;
}

/** Of a thread, or of a process with all its threads. */
export interface ProcStat {
  readonly id: number;
  readonly name: string;
  readonly parent: number;
  readonly cpuSeconds: number;
  /** Of a process's children that have ended. */
  readonly endedChildrenCpuSeconds: number;
}

/** A line of /proc/PID/stat or /proc/PID/task/TID/stat (proc_pid_stat(5)). */
export function parseStat(stat: string): ProcStat {
  // The name, in parentheses, may hold blanks and parentheses; it is field 2, the parent 4, utime and stime 14 and 15, the children's 16 and 17.
  const nameEnd = stat.lastIndexOf(")");
  const nameStart = stat.indexOf("(");
  const fields = stat
    .slice(nameEnd + 2)
    .split(" ")
    .map(Number);
  const secondsAt = (field: number): number => (fields[field]! + fields[field + 1]!) / TICKS_PER_SECOND;
  return {
    id: Number(stat.slice(0, nameStart)),
    name: stat.slice(nameStart + 1, nameEnd),
    parent: fields[1]!,
    cpuSeconds: secondsAt(11),
    endedChildrenCpuSeconds: secondsAt(13),
  };
}

/** User and system time of all threads, in steps of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1")).cpuSeconds;
}

/** The same, and of each thread. */
export function usageOf(pid: number): ProcessUsage {
  return { cpuSeconds: cpuSecondsOf(pid), threadCpuSeconds: sumByName(pid, threadsOf(pid)) };
}

export function sumByName(pid: number, threads: readonly ProcStat[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { id, name, cpuSeconds } of threads) {
    const key = id === pid ? MAIN_THREAD : name;
    sums[key] = (sums[key] ?? 0) + cpuSeconds;
  }
  return sums;
}

function threadsOf(pid: number): ProcStat[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((id) => {
    try {
      return [parseStat(readFileSync(`/proc/${pid}/task/${id}/stat`, "latin1"))];
    } catch {
      // It has ended since the folder was read. What it used is still in the account of the process.
      return [];
    }
  });
}

/** What was used from `before` to `after`; what threads used that ended meanwhile is in the sum alone. */
export function usageBetween(before: ProcessUsage, after: ProcessUsage): ProcessUsage {
  const threadCpuSeconds: Record<string, number> = {};
  for (const [name, seconds] of Object.entries(after.threadCpuSeconds)) {
    threadCpuSeconds[name] = Math.max(0, seconds - (before.threadCpuSeconds[name] ?? 0));
  }
  return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, threadCpuSeconds };
}

export function residentBytesOf(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

/** The most that it ever was. */
export function peakResidentBytesOf(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
}
