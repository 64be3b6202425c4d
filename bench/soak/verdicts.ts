/** Whether what a soak saw is as it must be: pure judgement over samples and counts. */

import { areEqual, type Counters, sumOf, wordsOf } from "../../src/load-test/counters.ts";
import { median } from "../statistics.ts";
import type { Published, PublishInterval, SubscribersState } from "./messages.ts";
import type { ProcessState } from "./node-under-test.ts";
import type { SoakPlan } from "./plan.ts";

export interface Sample extends Omit<ProcessState, "cpuSeconds">, PublishInterval {
  readonly atSeconds: number;
  /** Cores in use since the sample before. */
  readonly cpuCores: number;
  /** Processes of the whole machine that want a core: others make latency noise. */
  readonly loadAverage: number;
  /** What the dedup index is reckoned to take. */
  readonly indexBytes: number;
  readonly subscribers: SubscribersState;
}

/** A node's own account, as `GET /stats` gives it. */
export interface Stats extends Counters {
  readonly epoch: string;
  readonly rejected: number;
  readonly topics: Readonly<Record<string, Counters>>;
}

export interface Verdict {
  readonly name: string;
  readonly isGood: boolean;
  readonly says: string;
}

/** Resident memory at its lowest, without the index: last third over first third. What leaks leaks more than this in ten minutes. */
const MEMORY_GROWTH_MAX = 0.15;

/** The log stays below 192 MiB and what is written during one pass, for which this leaves 64 MiB. */
export const WAL_BYTES_MAX = 256 * 2 ** 20;

/** Last third over first third, and so many milliseconds more: on a small machine others make as much difference. */
const LATENCY_GROWTH_MAX = 1;
const LATENCY_SLACK_MS = 20;

/** How many handles more may be open at the end than at the beginning, with nobody connected either time. */
const HANDLES_LEFT_MAX = 4;

/** Sockets of those who come and go make the number waver by so many. */
const HANDLES_GROWTH_MAX = 12;

/** Until somebody has been closed for not reading, with some to spare. */
const TOO_SLOW_SECONDS_MIN = 300;

const STOP_MS_MAX = 10_000;

const MIB = 2 ** 20;

/** Less says nothing about a trend. */
export const TREND_SECONDS_MIN = 60;

/** Verdicts on how the samples of the last third compare with those of the first, both after the warm-up. */
export function judgeSamples(
  samples: readonly Sample[],
  { seconds, warmUpSeconds }: Pick<SoakPlan, "seconds" | "warmUpSeconds">,
): Verdict[] {
  if (seconds < TREND_SECONDS_MIN) return [];
  const judged = samples.filter(({ atSeconds }) => atSeconds > warmUpSeconds);
  const length = Math.max(1, Math.floor(judged.length / 3));
  const thirds = (
    of: (sample: Sample) => number,
    ofThird: (values: readonly number[]) => number = median,
  ): [first: number, last: number] => [
    ofThird(judged.slice(0, length).map(of)),
    ofThird(judged.slice(-length).map(of)),
  ];
  // Memory goes up and down with garbage, the more so where the collector gets little of the processor. What is kept
  // is what is there at the lowest point.
  const memory = thirds(
    ({ residentBytes, indexBytes }) => residentBytes - indexBytes,
    (values) => Math.min(...values),
  );
  const residentPeakBytes = Math.max(...judged.map((sample) => sample.residentPeakBytes));
  const handles = thirds((sample) => sample.handles);
  const walBytesMax = Math.max(...judged.map(({ walBytes }) => walBytes));
  const stalled = judged.filter(({ ack }) => ack === undefined);
  const late = thirds(({ sentLateMsMax }) => sentLateMsMax);
  const latency = (["p50Ms", "p99Ms"] as const).map((name): Verdict => {
    const [first, last] = thirds(({ ack }) => ack?.[name] ?? Number.POSITIVE_INFINITY);
    return {
      name: `ack ${name.slice(0, 3)} is flat`,
      isGood: last <= first * (1 + LATENCY_GROWTH_MAX) + LATENCY_SLACK_MS,
      says:
        `${first.toFixed(1)} ms, then ${last.toFixed(1)} ms; ` +
        `the publishers themselves were late by ${late[0].toFixed(0)} ms at worst, then ${late[1].toFixed(0)}`,
    };
  });
  return [
    {
      name: "memory is flat",
      isGood: memory[1] <= memory[0] * (1 + MEMORY_GROWTH_MAX),
      says:
        `at its lowest without the dedup index ${mib(memory[0])}, then ${mib(memory[1])}; ` +
        `${mib(residentPeakBytes)} at most, with it`,
    },
    {
      name: "handles are flat",
      isGood: handles[1] <= handles[0] + HANDLES_GROWTH_MAX,
      says: `${handles[0]}, then ${handles[1]}`,
    },
    {
      name: "the write-ahead log is bounded",
      isGood: walBytesMax <= WAL_BYTES_MAX,
      says: `${mib(walBytesMax)} at most`,
    },
    ...latency,
    {
      name: "acknowledgements never stop",
      isGood: judged.length > 0 && stalled.length === 0,
      says: `${stalled.length} of ${judged.length} intervals without any`,
    },
  ];
}

/** Some resume, and who reads nothing is closed: otherwise the soak has not tried what it is for. */
export function judgeReconnects(samples: readonly Sample[], { seconds }: Pick<SoakPlan, "seconds">): Verdict {
  const { opened = 0, resumed = 0, closedAsTooSlow = 0, cut = 0 } = samples.at(-1)?.subscribers ?? {};
  return {
    name: "subscribers resume, and who never reads is closed",
    isGood: resumed > 0 && (seconds < TOO_SLOW_SECONDS_MIN || closedAsTooSlow + cut > 0),
    says: `${opened} connections, ${resumed} resumed, ${closedAsTooSlow} closed with 4408, ${cut} found cut`,
  };
}

/** Off by one fails. */
export function judgeCounts(name: string, stats: Stats, published: Published): Verdict {
  const sent = sumOf(Object.values(published.expected));
  const differing = Object.entries(published.expected).filter(([topic, expected]) => {
    const counted = stats.topics[topic];
    return counted === undefined || !areEqual(counted, expected);
  });
  const isGood =
    areEqual(sent, stats) &&
    areEqual(published.acknowledged, stats) &&
    differing.length === 0 &&
    Object.keys(stats.topics).length === Object.keys(published.expected).length;
  const says = isGood
    ? wordsOf(stats)
    : `sent ${wordsOf(sent)}; acknowledged ${wordsOf(published.acknowledged)}; counted ${wordsOf(stats)}; ` +
      `topics that differ: ${differing.map(([topic]) => topic).join(", ") || "none"}`;
  return { name, isGood, says };
}

export function judgeRejected(stats: Stats, { rejected }: Published): Verdict {
  const isGood = stats.rejected === rejected;
  return { name: "what was refused is counted so", isGood, says: `${stats.rejected} of ${rejected}` };
}

/** What is left when everybody has gone. */
export function judgeLeftovers(before: ProcessState, after: ProcessState): Verdict {
  return {
    name: "handles are given back",
    isGood: after.handles <= before.handles + HANDLES_LEFT_MAX && after.sockets <= before.sockets,
    says:
      `${before.handles} (${before.sockets} sockets) before, ${after.handles} (${after.sockets}) after; ` +
      `memory ${mib(before.residentBytes)}, then ${mib(after.residentBytes)}, index included`,
  };
}

export function judgeStop({ ms, exitCode, codes }: Stop): Verdict {
  const others = codes.filter((code) => code !== 1012);
  return {
    name: "SIGTERM ends it in order",
    isGood: ms <= STOP_MS_MAX && exitCode === 0 && others.length === 0,
    says: `${Math.round(ms)} ms, exit code ${exitCode}, ${codes.length - others.length} of ${codes.length} sockets closed with 1012`,
  };
}

export interface Stop {
  readonly ms: number;
  readonly exitCode: number | undefined;
  /** With which the sockets that were open have been closed. */
  readonly codes: readonly number[];
}

export function judgeStderr(stderr: string): Verdict {
  const text = stderr.trim();
  return {
    name: "nothing unexpected is said",
    isGood: text === "",
    says: text === "" ? "stderr is empty" : text.slice(0, 2_000),
  };
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
