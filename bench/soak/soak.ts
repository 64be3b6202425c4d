/** One soak from start to stop: a node, its publishers and subscribers, samples, and what to think of them. */

import { withDeadline } from "../../tests/support/deadline.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { SoakChild } from "./child.ts";
import { dedupIndexBytes } from "./dedup-index-size.ts";
import type { Published } from "./messages.ts";
import { NodeUnderTest, type ProcessState } from "./node-under-test.ts";
import type { SoakPlan } from "./plan.ts";
import {
  judgeCounts,
  judgeLeftovers,
  judgeRejected,
  judgeSamples,
  judgeStderr,
  judgeStop,
  type Sample,
  type Stats,
  type Stop,
  type Verdict,
} from "./verdicts.ts";

/** A child that says nothing for so long hangs, or the node does. */
const SILENCE_MS_MAX = 120_000;

/** After the last subscriber has gone, until the node's memory and handles are looked at. */
const REST_MS = 3_000;
const REST_MS_MAX = 30_000;
const REST_POLL_MS = 100;

/** Sockets open when the node is told to stop. */
const SOCKETS_AT_STOP = 20;

/** Until it is killed; what is allowed is less. */
const STOP_MS_MAX = 60_000;

export interface SoakResult {
  readonly rate: number;
  readonly before: ProcessState;
  /** With nobody connected any more. */
  readonly after: ProcessState;
  readonly samples: readonly Sample[];
  readonly published: Published;
  readonly verdicts: readonly Verdict[];
}

type Progress = (line: string) => void;

/** What the node takes at most, with the same mix of events, subscribers and readers. In events a second. */
export async function findSaturation(plan: SoakPlan): Promise<number> {
  const folder = makeDataFolder();
  const node = await NodeUnderTest.start(folder, plan.serveFlags);
  const children = startChildren(node, { ...plan, seconds: plan.saturationSeconds }, undefined);
  const rates: number[] = [];
  try {
    const isOver = children.publishers.next("published", SILENCE_MS_MAX + plan.saturationSeconds * 1_000);
    isOver.catch(() => {});
    const sampleCount = Math.floor(plan.saturationSeconds / plan.sampleSeconds);
    for (let i = 0; i < sampleCount; i++) {
      const { interval } = await children.publishers.next("interval", SILENCE_MS_MAX);
      rates.push(interval.eventsPerSecond);
    }
    await isOver;
  } finally {
    await Promise.all([children.publishers.end(), children.subscribers.end()]);
    node.signal("SIGKILL");
    await node.exited;
    removeFolder(folder);
  }
  // The first intervals belong to the compiler.
  return Math.max(...rates.slice(-2));
}

function startChildren(node: NodeUnderTest, plan: SoakPlan, rate: number | undefined) {
  const { seed, seconds, sampleSeconds, oldEventsMax } = plan;
  const { url } = node;
  return {
    publishers: new SoakChild("publishers.ts", { url, seed, seconds, sampleSeconds, rate, oldEventsMax }),
    subscribers: new SoakChild("subscribers.ts", { url, seed }),
  };
}

export async function runSoak(plan: SoakPlan, rate: number, progress: Progress): Promise<SoakResult> {
  const folder = makeDataFolder();
  const node = await NodeUnderTest.start(folder, plan.serveFlags);
  try {
    await Bun.sleep(REST_MS);
    const before = node.state();
    const children = startChildren(node, plan, rate);
    const isOver = children.publishers.next("published", SILENCE_MS_MAX + plan.seconds * 1_000);
    isOver.catch(() => {});
    const samples = await takeSamples(plan, node, children, isOver, progress);
    const { published } = await isOver;

    const stats = await statsOf(node);
    const counts = judgeCounts("counters are exact", stats, published);
    children.subscribers.tell({ type: "settle", truth: { epoch: stats.epoch, topics: stats.topics } });
    const { compared } = await children.subscribers.next("settled", SILENCE_MS_MAX);
    children.subscribers.tell({ type: "leave" });
    await children.subscribers.next("left", SILENCE_MS_MAX);
    await Promise.all([children.publishers.end(), children.subscribers.end()]);

    const after = await restedState(node, before);
    const { stderr } = node;
    const stop = await stopInOrder(node);
    const again = await NodeUnderTest.start(folder, plan.serveFlags);
    const statsAgain = await statsOf(again);
    again.signal("SIGTERM");
    await withDeadline(again.exited, () => "the node to stop again", STOP_MS_MAX);
    const verdicts = [
      counts,
      judgeRejected(stats, published),
      {
        name: "snapshot plus deltas is the truth",
        isGood: true,
        says: `for all ${compared} subscribers, at every frame`,
      },
      ...judgeSamples(samples, plan.warmUpSeconds),
      judgeLeftovers(before, after),
      judgeStop(stop),
      judgeCounts("counters are the same after a restart", statsAgain, published),
      judgeStderr(stderr + node.stderr.slice(stderr.length) + again.stderr),
    ];
    return { rate, before, after, samples, published, verdicts };
  } finally {
    node.signal("SIGKILL");
    await node.exited;
    removeFolder(folder);
  }
}

async function takeSamples(
  plan: SoakPlan,
  node: NodeUnderTest,
  { publishers, subscribers }: ReturnType<typeof startChildren>,
  isOver: Promise<unknown>,
  progress: Progress,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  let { cpuSeconds } = node.state();
  let cpuAt = startedAt;
  let hasEnded = false;
  const ended = isOver.then(() => {
    hasEnded = true;
    return undefined;
  });
  for (;;) {
    const message = await Promise.race([publishers.next("interval", SILENCE_MS_MAX), ended]);
    if (message === undefined || hasEnded) return samples;
    subscribers.tell({ type: "report" });
    const { state: subscribersState } = await subscribers.next("state", SILENCE_MS_MAX);
    const now = performance.now();
    const state = node.state();
    const cpuCores = (state.cpuSeconds - cpuSeconds) / ((now - cpuAt) / 1_000);
    ({ cpuSeconds } = state);
    cpuAt = now;
    const known = Math.min(message.interval.uniqueEvents, plan.rememberedEvents);
    const sample: Sample = {
      atSeconds: (now - startedAt) / 1_000,
      ...state,
      ...message.interval,
      cpuCores,
      indexBytes: dedupIndexBytes(known),
      subscribers: subscribersState,
    };
    samples.push(sample);
    progress(lineOf(sample));
  }
}

function lineOf(sample: Sample): string {
  const { atSeconds, eventsPerSecond, ack, residentBytes, indexBytes, handles, walBytes, cpuCores } = sample;
  const { open, opened, closedAsTooSlow } = sample.subscribers;
  const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return (
    `${atSeconds.toFixed(0).padStart(5)} s  ${eventsPerSecond.toFixed(0)} events/s  ` +
    `ack ${ack?.p50Ms.toFixed(1)} / ${ack?.p99Ms.toFixed(0)} / ${ack?.maxMs.toFixed(0)} ms  ` +
    `${mb(residentBytes)} MiB (index ${mb(indexBytes)})  ${handles} handles  WAL ${mb(walBytes)} MiB  ` +
    `${cpuCores.toFixed(2)} cores  ${open} subscribers of ${opened}, ${closedAsTooSlow} too slow`
  );
}

async function statsOf({ url }: NodeUnderTest): Promise<Stats> {
  const response = await fetch(`${url}/stats`);
  if (!response.ok) throw new Error(`GET /stats answered ${response.status}`);
  return (await response.json()) as Stats;
}

/** When the sockets are gone, or it is clear that they will not. */
async function restedState(node: NodeUnderTest, before: ProcessState): Promise<ProcessState> {
  await Bun.sleep(REST_MS);
  const deadline = performance.now() + REST_MS_MAX;
  while (node.state().sockets > before.sockets && performance.now() < deadline) await Bun.sleep(REST_POLL_MS);
  return node.state();
}

/** Tells the node to stop while sockets are open. */
async function stopInOrder(node: NodeUnderTest): Promise<Stop> {
  const sockets = Array.from({ length: SOCKETS_AT_STOP }, () => openSocket(node.url));
  await Promise.all(sockets.map(({ opened }) => withDeadline(opened, () => "a socket to open")));
  const startedAt = performance.now();
  node.signal("SIGTERM");
  const exited = withDeadline(node.exited, () => "the node to stop", STOP_MS_MAX);
  const exitCode = await exited.catch(() => undefined);
  const ms = performance.now() - startedAt;
  if (exitCode === undefined) node.signal("SIGKILL");
  await node.exited;
  const closing = sockets.map(({ closed }) => withDeadline(closed, () => "a socket to close"));
  return { ms, exitCode, codes: await Promise.all(closing) };
}

function openSocket(url: string): { opened: Promise<void>; closed: Promise<number> } {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/stats`);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  socket.onmessage = () => opened.resolve();
  socket.onclose = ({ code }) => closed.resolve(code);
  return { opened: opened.promise, closed: closed.promise };
}
