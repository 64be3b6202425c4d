/** What a soak does, as its command line says it. */

import { join } from "node:path";
import { parseArgs } from "node:util";

/** Topics of the load: enough that a delta is some kilobytes, so that whoever does not read falls behind soon. */
export const TOPIC_COUNT = 40;
export const TOPICS = Array.from({ length: TOPIC_COUNT }, (_, i) => `soak.${String(i).padStart(2, "0")}`);

export const EVENTS_PER_BATCH = 10;

/** Share of saturation at which the node is kept. */
const LOAD_SHARE = 0.5;

/** Between two samples; in a very short run more often, so that there are some. */
const SAMPLE_SECONDS = 5;
const SAMPLES_MIN = 4;

const SATURATION_SECONDS = 10;

/**
 * Not judged: until then the node fills what has a limit (the latest events, 75 s of deltas to resume from) and the
 * compiler settles. In a short run a third.
 */
const WARM_UP_SECONDS = 90;
const WARM_UP_SHARE_MAX = 1 / 3;

/** Old duplicates are drawn from this many latest events. */
const OLD_EVENTS_MAX = 1_000_000;

export interface SoakPlan {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly sampleSeconds: number;
  readonly saturationSeconds: number;
  readonly seed: number;
  /** Events a second; undefined when saturation decides. */
  readonly rate: number | undefined;
  readonly loadShare: number;
  readonly serveFlags: readonly string[];
  /** Events that the node remembers, as its retention says. */
  readonly rememberedEvents: number;
  /** Duplicates are drawn from among the latest so many, which the node still knows. */
  readonly oldEventsMax: number;
  readonly drawsChart: boolean;
  /** The folder of `results/soak.json` and `charts/soak.svg`. */
  readonly into: string;
}

/** @throws Error when an argument makes no sense. */
export function readPlan(args: readonly string[]): SoakPlan {
  const { values } = parseArgs({
    args: joined(args),
    options: {
      minutes: { type: "string", default: "10" },
      seconds: { type: "string" },
      seed: { type: "string" },
      rate: { type: "string" },
      "serve-flags": { type: "string", default: "" },
      chart: { type: "boolean", default: false },
      into: { type: "string", default: join(import.meta.dir, "..") },
    },
  });
  const seconds =
    values.seconds === undefined
      ? positive("minutes", values.minutes) * 60
      : positive("seconds", values.seconds);
  const serveFlags = values["serve-flags"].split(/\s+/).filter((flag) => flag !== "");
  const retained = /(?:^| )--retain-events[ =](\d+)/.exec(serveFlags.join(" "))?.[1];
  const rememberedEvents = retained === undefined ? Number.POSITIVE_INFINITY : Number(retained);
  return {
    seconds,
    warmUpSeconds: Math.min(WARM_UP_SECONDS, seconds * WARM_UP_SHARE_MAX),
    sampleSeconds: Math.min(SAMPLE_SECONDS, seconds / SAMPLES_MIN),
    saturationSeconds: Math.min(SATURATION_SECONDS, seconds),
    seed: values.seed === undefined ? randomSeed() : positive("seed", values.seed),
    rate: values.rate === undefined ? undefined : positive("rate", values.rate),
    loadShare: LOAD_SHARE,
    serveFlags,
    rememberedEvents,
    oldEventsMax: Math.min(OLD_EVENTS_MAX, Math.floor(rememberedEvents / 2)),
    drawsChart: values.chart,
    into: values.into,
  };
}

/** `--serve-flags "--a 1"` as one argument: `parseArgs` takes a value that begins with a dash for a flag. */
function joined(args: readonly string[]): string[] {
  const at = args.indexOf("--serve-flags");
  if (at === -1 || at + 1 === args.length) return [...args];
  return args.toSpliced(at, 2, `--serve-flags=${args[at + 1]}`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new Error(`--${name} takes a positive number, not \`${text}\``);
  return value;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! || 1;
}
