/** The figures of a load, per event and per second, and their medians over rounds. */

import { median } from "../statistics.ts";
import { type LatencySummary, medianSummary } from "./latencies.ts";
import type { LoadResult } from "./load-result.ts";
import type { LoadTimes } from "./publish-load.ts";

export interface Figures {
  readonly eventsPerSecond: number;
  readonly ack: LatencySummary;
  readonly serverCpuMicrosecondsPerEvent: number;
  readonly threadCpuMicrosecondsPerEvent: Readonly<Record<string, number>>;
  readonly loadCpuMicrosecondsPerEvent: number;
  readonly serverResidentBytes: number;
}

export function figuresOf(result: LoadResult): Figures {
  const { events, seconds, ack, serverResidentBytes } = result;
  const perEvent = (cpuSeconds: number): number => (cpuSeconds / events) * 1e6;
  return {
    eventsPerSecond: events / seconds,
    ack,
    serverCpuMicrosecondsPerEvent: perEvent(result.serverCpuSeconds),
    threadCpuMicrosecondsPerEvent: Object.fromEntries(
      Object.entries(result.serverThreadCpuSeconds).map(([name, cpuSeconds]) => [name, perEvent(cpuSeconds)]),
    ),
    loadCpuMicrosecondsPerEvent: perEvent(result.loadCpuSeconds),
    serverResidentBytes,
  };
}

/** Of each figure the median; a thread that a round does not know has used nothing in it. */
export function medianFigures(rounds: readonly Figures[]): Figures {
  const of = (figure: (round: Figures) => number): number => median(rounds.map(figure));
  const threads = new Set(rounds.flatMap((round) => Object.keys(round.threadCpuMicrosecondsPerEvent)));
  return {
    eventsPerSecond: of((round) => round.eventsPerSecond),
    ack: medianSummary(rounds.map(({ ack }) => ack)),
    serverCpuMicrosecondsPerEvent: of((round) => round.serverCpuMicrosecondsPerEvent),
    threadCpuMicrosecondsPerEvent: Object.fromEntries(
      [...threads].map((name) => [name, of((round) => round.threadCpuMicrosecondsPerEvent[name] ?? 0)]),
    ),
    loadCpuMicrosecondsPerEvent: of((round) => round.loadCpuMicrosecondsPerEvent),
    serverResidentBytes: of((round) => round.serverResidentBytes),
  };
}

export const ROUNDS = 3;

/** Later rounds find a server that is warm; the client is a new process each time, and autocannon much JavaScript. */
const CLIENT_WARM_UP_SHARE = { ws: 0.25, wrk: 0.25, autocannon: 1, none: 0.25 } as const;

/** The measured time is divided among the rounds. */
export function roundTimes(
  { warmUpSeconds, seconds }: LoadTimes,
  client: keyof typeof CLIENT_WARM_UP_SHARE,
): readonly LoadTimes[] {
  return Array.from({ length: ROUNDS }, (_, round) => ({
    warmUpSeconds: round === 0 ? warmUpSeconds : warmUpSeconds * CLIENT_WARM_UP_SHARE[client],
    seconds: seconds / ROUNDS,
  }));
}
