/** `growth`: whether a node gets slower, fatter or less steady the more it holds, and how soon it is back with all of it. */

import { join } from "node:path";
import type { Bench, Chart } from "../bench.ts";
import { startChild } from "../leftovers.ts";
import { publishChannelUrl } from "../load/channel.ts";
import type { GrowthLoadOptions, GrowthStep } from "../load/growth-load.ts";
import { expectCounted } from "../onefold-node.ts";
import { decimals, thousands } from "../table.ts";
import { GrowingNode } from "./growing-node.ts";
import { EVENTS_PER_FRAME, type GrowthPlan, planGrowth } from "./growth-plan.ts";

const EVENTS_DEFAULT = 5_000_000;

const CONNECTIONS = 4;
/** All of them may be in one commit, and "worst commit" is no less than what that takes. */
const FRAMES_IN_FLIGHT = 16;

/** How long a node that has just started is left alone before its memory is looked at; shorter in a short run. */
const REST_SECONDS_MAX = 1;

const LOAD = [process.execPath, join(import.meta.dir, "..", "load", "growth-load.ts")];

export interface GrowthRow {
  readonly name: string;
  readonly residentBytes: number;
  /** Beside what a node takes that holds nothing. */
  readonly residentBytesPerEvent: number;
  readonly databaseBytes: number;
  readonly step?: Step;
  readonly restart?: Restart;
}

interface Step extends GrowthStep {
  readonly eventsPerSecond: number;
  /** Of the first step's events a second. */
  readonly ofFirst: number;
  readonly serverCpuMicrosecondsPerEvent: number;
  readonly logBytesMax: number;
}

interface Restart {
  readonly endedAfterMs: number;
  readonly healthyAfterMs: number;
}

export const growth: Bench<GrowthRow> = {
  name: "growth",
  title: `Growth: ${EVENTS_PER_FRAME} events a frame, none a duplicate, ${CONNECTIONS} connections, ${FRAMES_IN_FLIGHT} frames in flight; then restarts with all of it`,
  async run({ events = EVENTS_DEFAULT, seconds }, progress) {
    const node = new GrowingNode(Math.min(seconds, REST_SECONDS_MAX) * 1_000);
    try {
      await node.start();
      const emptyBytes = node.residentBytes;
      progress(`${thousands(emptyBytes / 1e6)} MB with no event`);
      const plan = planGrowth(events);
      const rows = await grow(node, plan, emptyBytes, progress);
      return [...rows, ...(await restartThrice(node, plan, emptyBytes, progress))];
    } finally {
      await node.remove();
    }
  },
  columns: [
    ["events", ({ name }) => name],
    ["events/s", ofStep(({ eventsPerSecond }) => thousands(eventsPerSecond))],
    ["of the first", ofStep(({ ofFirst }) => decimals(ofFirst, 2))],
    ["ack p99 ms", ofStep(({ ack }) => decimals(ack.p99Ms, 1))],
    ["ack max ms", ofStep(({ ack }) => decimals(ack.maxMs, 0))],
    ["worst commit ms", ofStep(({ worstGapMs }) => decimals(worstGapMs, 0))],
    ["server CPU µs/event", ofStep((step) => decimals(step.serverCpuMicrosecondsPerEvent, 2))],
    ["server RSS MB", ({ residentBytes }) => thousands(residentBytes / 1e6)],
    ["bytes RSS/event", ({ residentBytesPerEvent }) => decimals(residentBytesPerEvent, 1)],
    ["database MB", ({ databaseBytes }) => thousands(databaseBytes / 1e6)],
    ["WAL max MB", ofStep(({ logBytesMax }) => thousands(logBytesMax / 1e6))],
    ["ended after ms", ({ restart }) => (restart === undefined ? "" : thousands(restart.endedAfterMs))],
    ["healthy after ms", ({ restart }) => (restart === undefined ? "" : thousands(restart.healthyAfterMs))],
  ],
  charts,
};

/** How many there were at the end of it; nothing where it was not run. */
export function eventsOf(rows: readonly GrowthRow[]): number | undefined {
  return rows.findLast(({ step }) => step !== undefined)?.step?.events;
}

function ofStep(cell: (step: Step) => string): (row: GrowthRow) => string {
  return ({ step }) => (step === undefined ? "" : cell(step));
}

async function grow(
  node: GrowingNode,
  plan: GrowthPlan,
  emptyBytes: number,
  progress: (line: string) => void,
): Promise<GrowthRow[]> {
  const options: GrowthLoadOptions = {
    url: publishChannelUrl(node.url),
    ...plan,
    eventsPerFrame: EVENTS_PER_FRAME,
    connections: CONNECTIONS,
    framesInFlightPerConnection: FRAMES_IN_FLIGHT / CONNECTIONS,
  };
  const rows: GrowthRow[] = [];
  let [cpuSeconds, eventsBefore] = [node.cpuSeconds, 0];
  node.takeLogBytesMax();
  for await (const step of stepsOf(options)) {
    const events = step.events - eventsBefore;
    const eventsPerSecond = events / step.seconds;
    const cpuSecondsNow = node.cpuSeconds;
    const row: GrowthRow = {
      name: thousands(step.events),
      ...sizesOf(node, step.events, emptyBytes),
      step: {
        ...step,
        eventsPerSecond,
        ofFirst: eventsPerSecond / (rows[0]?.step?.eventsPerSecond ?? eventsPerSecond),
        serverCpuMicrosecondsPerEvent: ((cpuSecondsNow - cpuSeconds) / events) * 1e6,
        logBytesMax: node.takeLogBytesMax(),
      },
    };
    [cpuSeconds, eventsBefore] = [cpuSecondsNow, step.events];
    rows.push(row);
    progress(
      `${row.name} events, ${thousands(eventsPerSecond)}/s, worst gap ${step.worstGapMs.toFixed(0)} ms`,
    );
  }
  await expectCounted(node.url, { received: plan.events, unique: plan.events });
  return rows;
}

/** What the load says while it runs, one line a step. @throws Error when it fails. */
async function* stepsOf(options: GrowthLoadOptions): AsyncGenerator<GrowthStep> {
  const load = startChild([...LOAD, JSON.stringify(options)]);
  let rest = "";
  for await (const chunk of load.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as GrowthStep;
  }
  if ((await load.exited) !== 0) throw new Error("the load failed");
}

async function restartThrice(
  node: GrowingNode,
  { events }: GrowthPlan,
  emptyBytes: number,
  progress: (line: string) => void,
): Promise<GrowthRow[]> {
  const rows: GrowthRow[] = [];
  // Killed first: a node that has stopped in order leaves no log to be read.
  for (const { name, signal, isCached } of RESTARTS) {
    progress(`restart ${name}`);
    const endedAfterMs = await node.end(signal);
    if (!isCached) node.forgetCachedFile();
    const restart = { endedAfterMs, healthyAfterMs: await node.start() };
    await expectCounted(node.url, { received: events, unique: events });
    rows.push({ name: `restart ${name}`, ...sizesOf(node, events, emptyBytes), restart });
  }
  return rows;
}

const RESTARTS = [
  { name: "after kill -9", signal: "SIGKILL", isCached: true },
  { name: "after SIGTERM", signal: "SIGTERM", isCached: true },
  { name: "after SIGTERM, file not cached", signal: "SIGTERM", isCached: false },
] as const;

function sizesOf(
  { residentBytes, databaseBytes }: GrowingNode,
  events: number,
  emptyBytes: number,
): Pick<GrowthRow, "residentBytes" | "residentBytesPerEvent" | "databaseBytes"> {
  return { residentBytes, residentBytesPerEvent: (residentBytes - emptyBytes) / events, databaseBytes };
}

function charts(rows: readonly GrowthRow[]): Chart[] {
  const points = (of: (row: GrowthRow, step: Step) => number): [number, number][] =>
    rows.flatMap((row) => (row.step === undefined ? [] : [[row.step.events / 1e6, of(row, row.step)]]));
  const xTitle = "millions of events stored";
  return [
    {
      name: "growth-throughput",
      title: "Throughput over what is stored",
      yTitle: "events/s",
      shape: {
        kind: "lines",
        xTitle,
        lines: [{ name: "onefold", points: points((_, { eventsPerSecond }) => eventsPerSecond) }],
      },
    },
    {
      name: "growth-memory",
      title: "Memory over what is stored",
      yTitle: "MB resident",
      shape: {
        kind: "lines",
        xTitle,
        lines: [{ name: "onefold", points: points(({ residentBytes }) => residentBytes / 1e6) }],
      },
    },
  ];
}
