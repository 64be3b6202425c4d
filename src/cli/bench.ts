/** `onefold bench`: the load test against a running node, and whether its counts are exact. */

import type { Flags, ValuesOf } from "../config/flags.ts";
import { parseFlags, UsageError } from "../config/parse-flags.ts";
import { type LoadResult, runLoad } from "../load-test/load-test.ts";
import { TRANSPORTS } from "../load-test/publisher.ts";
import type { Command, Surroundings } from "./command.ts";
import { TOKEN_FILE_FLAG, tokenFrom } from "./credential.ts";
import { addressFrom, URL_FLAG } from "./node-address.ts";
import { ProgressBar } from "./progress-bar.ts";

const FLAGS = {
  url: URL_FLAG,
  events: {
    kind: "integer",
    default: 5_000,
    min: 1,
    max: 10_000_000,
    unit: "events",
    help: "Events to send, duplicates among them.",
  },
  duplicates: {
    kind: "integer",
    default: 1_000,
    min: 0,
    max: 9_999_999,
    unit: "events",
    help: "How many of them repeat an earlier one.",
  },
  batch: {
    kind: "integer",
    default: 100,
    min: 1,
    max: 100_000,
    unit: "events",
    help: "Events in one body or frame.",
  },
  via: {
    kind: "choice",
    default: "http",
    choices: TRANSPORTS,
    help: "POST /publish, or frames on /ws/publish.",
  },
  concurrency: {
    kind: "integer",
    default: 4,
    min: 1,
    max: 256,
    unit: "publishers",
    help: "Publishers, each with one batch on its way.",
  },
  topics: { kind: "integer", default: 8, min: 1, max: 1_000, unit: "topics", help: "Topics to spread over." },
  topicPrefix: {
    kind: "text",
    default: "bench",
    placeholder: "NAME",
    help: "The topics are NAME.0, NAME.1, …; every run uses them again.",
  },
  tokenFile: TOKEN_FILE_FLAG,
  json: { kind: "switch", default: false, help: "Print the result as one line of JSON." },
} as const satisfies Flags;

type BenchFlags = ValuesOf<typeof FLAGS>;

export const bench: Command = {
  name: "bench",
  summary: "Sends events, some of them twice, to a running node and checks that it counts exactly.",
  flags: FLAGS,
  run: runBench,
};

async function runBench(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const flags = parseFlags(FLAGS, args, addressFrom(environment));
  const { events, duplicates, topicPrefix } = flags;
  if (duplicates >= events) {
    throw new UsageError(
      `--duplicates ${duplicates} must be less than --events ${events}: the first of each is no duplicate.`,
    );
  }
  const token = tokenFrom(flags, environment);
  const bar = ProgressBar.onTerminal(flags);
  try {
    const topics = Array.from({ length: flags.topics }, (_, i) => `${topicPrefix}.${i}`);
    const runId = crypto.randomUUID();
    const result = await runLoad({
      node: { url: flags.url, token },
      via: flags.via,
      concurrency: flags.concurrency,
      shape: { events, duplicates, batch: flags.batch, topics, runId },
      onProgress: (done) => bar?.show({ done, total: events, unit: "events" }),
    });
    bar?.clear();
    print(flags, result);
    return result.difference === undefined ? 0 : 1;
  } catch (error) {
    bar?.clear();
    throw error;
  }
}

function print(flags: BenchFlags, result: LoadResult): void {
  console.log(flags.json ? jsonOf(flags, result) : tableOf(flags, result));
  if (result.difference !== undefined) console.error(`onefold: ${result.difference}`);
}

function tableOf(flags: BenchFlags, { moved, seconds, latencyMs, difference }: LoadResult): string {
  const rows = [
    ["received", moved.received.toLocaleString("en")],
    ["unique", moved.unique_processed.toLocaleString("en")],
    ["duplicates", moved.duplicate_dropped.toLocaleString("en")],
    ["seconds", seconds.toFixed(3)],
    ["events/s", Math.round(flags.events / seconds).toLocaleString("en")],
    ["latency p50", `${latencyMs.p50.toFixed(1)} ms`],
    ["latency p99", `${latencyMs.p99.toFixed(1)} ms`],
  ];
  const lines = rows.map(([name, value]) => `${name!.padEnd(12)}${value!.padStart(12)}`);
  const verdict =
    difference === undefined ? "exact: the node's counters moved by what was sent" : "not exact";
  return [headline(flags), ...lines, verdict].join("\n");
}

function headline({ url, events, duplicates, batch, via, concurrency }: BenchFlags): string {
  return `${events} events, ${duplicates} of them duplicates, to ${url} via ${via}: batches of ${batch}, ${concurrency} at once`;
}

function jsonOf(flags: BenchFlags, { moved, seconds, latencyMs, difference }: LoadResult): string {
  const { url, via, batch, concurrency, topics } = flags;
  return JSON.stringify({
    ...{ url, via, batch, concurrency, topics },
    ...moved,
    seconds: rounded(seconds),
    events_per_second: Math.round(flags.events / seconds),
    latency_ms: { p50: rounded(latencyMs.p50), p99: rounded(latencyMs.p99) },
    exact: difference === undefined,
    ...(difference === undefined ? {} : { difference }),
  });
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
