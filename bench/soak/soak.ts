/** One soak from start to stop: a node, its publishers and subscribers, samples, and what to think of them. */

import { loadavg } from "node:os";
import { withDeadline } from "../../tests/support/deadline.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { median } from "../statistics.ts";
import { SoakChild } from "./child.ts";
import { dedupIndexBytes } from "./dedup-index-size.ts";
import type { Published, PublishInterval } from "./messages.ts";
import { NodeUnderTest, type ProcessState } from "./node-under-test.ts";
import type { SoakPlan } from "./plan.ts";
import {
  judgeCounts,
  judgeLeftovers,
  judgeReconnects,
  judgeRejected,
  judgeSamples,
  judgeStderr,
  judgeStop,
  type Sample,
  type Stats,
  type Stop,
  TREND_SECONDS_MIN,
  type Verdict,
} from "./verdicts.ts";

/** A child that says nothing for so long hangs, or the node does. */
const SILENCE_MS_MAX = 120_000;

/** Rates that the saturation is the median of, in its second half. */
const SATURATION_SAMPLES = 10;

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
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  /** Before anybody connected; and after everybody had gone, unless it came to an end before. */
  readonly before?: ProcessState | undefined;
  readonly after?: ProcessState | undefined;
  readonly published?: Published | undefined;
}

/** What the node takes at most, with the same mix of events, subscribers and readers. In events a second. */
export async function findSaturation(plan: SoakPlan): Promise<number> {
  const folder = makeDataFolder();
  const node = await NodeUnderTest.start(folder, plan.serveFlags);
  const [seconds, sampleSeconds] = [plan.saturationSeconds, plan.saturationSeconds / SATURATION_SAMPLES];
  const children = startChildren(node, { ...plan, seconds, sampleSeconds }, undefined);
  const rates: number[] = [];
  try {
    await untilPublished(children.publishers, seconds, async ({ eventsPerSecond }) => {
      rates.push(eventsPerSecond);
    });
  } finally {
    await Promise.all([children.publishers.end(), children.subscribers.end()]);
    node.signal("SIGKILL");
    await node.exited;
    removeFolder(folder);
  }
  if (rates.length === 0) throw new Error("no rate could be found: --rate takes one");
  // The first half belongs to the compiler.
  return median(rates.slice(Math.floor(rates.length / 2)));
}

/** Follows the publishers until all is acknowledged. @throws Error when they fail, or fall silent. */
async function untilPublished(
  publishers: SoakChild,
  seconds: number,
  onInterval: (interval: PublishInterval) => Promise<void>,
): Promise<Published> {
  const published = publishers.next("published", SILENCE_MS_MAX + seconds * 1_000);
  for (;;) {
    const message = await Promise.race([publishers.next("interval", SILENCE_MS_MAX), published]);
    if (message.type === "published") return message.published;
    await onInterval(message.interval);
  }
}

type Children = ReturnType<typeof startChildren>;

function startChildren(node: NodeUnderTest, plan: SoakPlan, rate: number | undefined) {
  const { seed, seconds, sampleSeconds, oldEventsMax } = plan;
  const { url } = node;
  return {
    publishers: new SoakChild("publishers.ts", { url, seed, seconds, sampleSeconds, rate, oldEventsMax }),
    subscribers: new SoakChild("subscribers.ts", { url, seed }),
  };
}

/** One run; what it has seen stays, also when it comes to an early end. */
export class Soak implements SoakResult {
  readonly samples: Sample[] = [];
  readonly verdicts: Verdict[] = [];
  before: ProcessState | undefined;
  after: ProcessState | undefined;
  published: Published | undefined;
  #stderr = "";

  constructor(
    private readonly plan: SoakPlan,
    readonly rate: number,
    private readonly progress: (line: string) => void,
  ) {}

  async run(): Promise<SoakResult> {
    const folder = makeDataFolder({ mayBeInMemory: this.plan.seconds < TREND_SECONDS_MIN });
    try {
      await this.#withNode(folder, (node) => this.#load(node));
      await this.#withNode(folder, (node) => this.#lookAgain(node));
      this.verdicts.push(judgeStderr(this.#stderr));
    } catch (error) {
      const says = `${error instanceof Error ? error.message : error}\n${this.#stderr}`.trim();
      this.verdicts.push({ name: "it ran to its end", isGood: false, says });
    } finally {
      removeFolder(folder);
    }
    const { rate, samples, verdicts, before, after, published } = this;
    return { rate, samples, verdicts, before, after, published };
  }

  async #withNode(folder: string, work: (node: NodeUnderTest) => Promise<void>): Promise<void> {
    const node = await NodeUnderTest.start(folder, this.plan.serveFlags);
    try {
      await work(node);
    } finally {
      node.signal("SIGKILL");
      await node.exited;
      this.#stderr += node.stderr;
    }
  }

  async #load(node: NodeUnderTest): Promise<void> {
    await Bun.sleep(REST_MS);
    this.before = node.state();
    const children = startChildren(node, this.plan, this.rate);
    try {
      const published = await this.#publishAndSample(node, children);
      this.published = published;
      const stats = await statsOf(node);
      this.verdicts.push(
        judgeCounts("counters are exact", stats, published),
        judgeRejected(stats, published),
      );
      this.verdicts.push(await settle(children.subscribers, stats));
      this.verdicts.push(...judgeSamples(this.samples, this.plan), judgeReconnects(this.samples, this.plan));
    } finally {
      await Promise.all([children.publishers.end(), children.subscribers.end()]);
    }
    this.after = await restedState(node, this.before);
    this.verdicts.push(judgeLeftovers(this.before, this.after));
    this.verdicts.push(judgeStop(await stopInOrder(node)));
  }

  /** What was acknowledged is there when the node comes back. */
  async #lookAgain(node: NodeUnderTest): Promise<void> {
    const stats = await statsOf(node);
    this.verdicts.push(judgeCounts("counters are the same after a restart", stats, this.published!));
    node.signal("SIGTERM");
    await withDeadline(node.exited, () => "the node to stop again", STOP_MS_MAX);
  }

  #publishAndSample(node: NodeUnderTest, { publishers, subscribers }: Children): Promise<Published> {
    const startedAt = performance.now();
    let [at, { cpuSeconds }] = [startedAt, node.state()];
    return untilPublished(publishers, this.plan.seconds, async (interval) => {
      subscribers.tell({ type: "report" });
      const { state: subscribersState } = await subscribers.next("state", SILENCE_MS_MAX);
      const now = performance.now();
      const state = node.state();
      const sample: Sample = {
        atSeconds: (now - startedAt) / 1_000,
        ...state,
        ...interval,
        loadAverage: loadavg()[0]!,
        cpuCores: (state.cpuSeconds - cpuSeconds) / ((now - at) / 1_000),
        indexBytes: dedupIndexBytes(Math.min(interval.uniqueEvents, this.plan.rememberedEvents)),
        subscribers: subscribersState,
      };
      [at, cpuSeconds] = [now, state.cpuSeconds];
      this.samples.push(sample);
      this.progress(lineOf(sample));
    });
  }
}

/** Everybody arrives at the truth, and leaves. @throws Error when somebody does not. */
async function settle(subscribers: SoakChild, { epoch, topics }: Stats): Promise<Verdict> {
  subscribers.tell({ type: "settle", truth: { epoch, topics } });
  const { compared } = await subscribers.next("settled", SILENCE_MS_MAX);
  subscribers.tell({ type: "leave" });
  await subscribers.next("left", SILENCE_MS_MAX);
  const says = `for all ${compared} subscribers, and every frame followed from the one before`;
  return { name: "snapshot plus deltas is the truth", isGood: true, says };
}

function lineOf(sample: Sample): string {
  const { atSeconds, eventsPerSecond, ack, residentBytes, indexBytes, handles, walBytes, cpuCores } = sample;
  const { open, opened, closedAsTooSlow, cut } = sample.subscribers;
  const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return (
    `${atSeconds.toFixed(0).padStart(5)} s  ${eventsPerSecond.toFixed(0)} events/s  ` +
    `ack ${ack?.p50Ms.toFixed(1)} / ${ack?.p99Ms.toFixed(0)} / ${ack?.maxMs.toFixed(0)} ms  ` +
    `${mb(residentBytes)} MiB (index ${mb(indexBytes)})  ${handles} handles  WAL ${mb(walBytes)} MiB  ` +
    `${cpuCores.toFixed(2)} cores  ${open} subscribers of ${opened}, ${closedAsTooSlow + cut} too slow`
  );
}

async function statsOf({ url }: NodeUnderTest): Promise<Stats> {
  const response = await fetch(`${url}/stats`, { keepalive: false });
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
