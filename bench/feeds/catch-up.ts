/** `catch-up`: how fast one reader reads the log from its first event on, and what that costs those who publish. */

import { join } from "node:path";
import type { Bench, BenchOptions } from "../bench.ts";
import { MIX_ALL_NEW, type SentEvents } from "../load/load-result.ts";
import { expectNoneRefused, runOpenLoop } from "../load/open-loop.ts";
import { fill, type LoadShape, runPublishLoad, WS_CONNECTIONS } from "../load/publish-load.ts";
import { runLoad } from "../load-process.ts";
import { type OnefoldNode, startOnefold } from "../onefold-node.ts";
import { median } from "../statistics.ts";
import { decimals, thousands } from "../table.ts";
import type { Door, LogReaderOptions, LogReaderResult } from "./log-reader.ts";

const READER = [process.execPath, join(import.meta.dir, "log-reader.ts")];

const EVENTS_DEFAULT = 1_000_000;
const ROUNDS = 3;

const SATURATING: LoadShape = { client: "ws", eventsPerBatch: 100, inFlight: 32 };

/** A load that leaves a core to whoever reads. */
const PACED_EVENTS_PER_SECOND = 20_000;
const PACED_EVENTS_PER_FRAME = 10;

interface Ingest {
  readonly eventsPerSecond: number;
  readonly ackP99Ms: number;
}

interface Row {
  readonly door: Door;
  readonly load: string;
  readonly readEventsPerSecond: number;
  /** Without and with the reader beside it; absent where nothing is published. */
  readonly alone?: Ingest;
  readonly beside?: Ingest;
}

type Load = (node: OnefoldNode, firstNumber: number, times: Times) => Promise<Ingest & { sent: SentEvents }>;
type Times = Pick<BenchOptions, "seconds" | "warmUpSeconds">;

export const catchUp: Bench<Row> = {
  name: "catch-up",
  title: `One reader of the log from its first event on; beside publishers medians of ${ROUNDS} rounds, without and with the reader in turns`,
  async run(options, progress) {
    const events = options.events ?? EVENTS_DEFAULT;
    const node = await startOnefold();
    try {
      const rows: Row[] = [];
      const sent = await fill(node, { events, mix: MIX_ALL_NEW });
      const until = sent.unique;
      let firstNumber = until;
      for (const door of ["/ws/events", "/events/stream", "/events"] as const) {
        progress(`${door} alone`);
        const read = await readLog({ url: node.url, door, until, seconds: options.seconds });
        rows.push({ door, load: "nothing is published", readEventsPerSecond: rateOf(read) });
      }
      for (const [name, load] of [
        ["at a fixed rate", paced] as const,
        ["as fast as possible", saturating] as const,
      ]) {
        progress(`/ws/events, published ${name}`);
        const { row, next } = await measureBeside(node, { load, name, until, firstNumber, options });
        firstNumber = next;
        rows.push(row);
      }
      await node.expectCounted({ received: firstNumber, unique: firstNumber });
      return rows;
    } finally {
      await node.stop();
    }
  },
  columns: [
    ["door", ({ door }) => door],
    ["published", ({ load }) => load],
    ["read events/s", (row) => thousands(row.readEventsPerSecond)],
    ["published events/s alone", ({ alone }) => (alone ? thousands(alone.eventsPerSecond) : "")],
    ["beside the reader", ({ beside }) => (beside ? thousands(beside.eventsPerSecond) : "")],
    [
      "beside ÷ alone",
      ({ alone, beside }) =>
        alone && beside ? decimals(beside.eventsPerSecond / alone.eventsPerSecond, 2) : "",
    ],
    ["ack p99 ms alone", ({ alone }) => (alone ? decimals(alone.ackP99Ms, 1) : "")],
    ["beside", ({ beside }) => (beside ? decimals(beside.ackP99Ms, 1) : "")],
  ],
};

const readLog = (options: LogReaderOptions): Promise<LogReaderResult> => runLoad(READER, options);

function rateOf({ events, seconds }: LogReaderResult): number {
  return events / seconds;
}

const saturating: Load = async (node, firstNumber, times) => {
  const { events, seconds, ack, sent } = await runPublishLoad(node, {
    shape: SATURATING,
    mix: { ...MIX_ALL_NEW, firstNumber },
    ...times,
  });
  return { eventsPerSecond: events / seconds, ackP99Ms: ack.p99Ms, sent };
};

const paced: Load = async (node, firstNumber, times) => {
  const result = await runOpenLoop(node, {
    eventsPerSecond: PACED_EVENTS_PER_SECOND,
    eventsPerFrame: PACED_EVENTS_PER_FRAME,
    connections: WS_CONNECTIONS,
    mix: { ...MIX_ALL_NEW, firstNumber },
    ...times,
  });
  expectNoneRefused(result);
  return { eventsPerSecond: result.eventsPerSecond, ackP99Ms: result.ack.p99Ms, sent: result.sent };
};

interface Beside {
  readonly load: Load;
  readonly name: string;
  readonly until: number;
  readonly firstNumber: number;
  readonly options: BenchOptions;
}

/** Without and with the reader in turns, so that a machine that slows down slows down both. */
async function measureBeside(
  node: OnefoldNode,
  { load, name, until, firstNumber, options }: Beside,
): Promise<{ row: Row; next: number }> {
  const { seconds, warmUpSeconds } = options;
  const alone: Ingest[] = [];
  const beside: Ingest[] = [];
  const reads: LogReaderResult[] = [];
  let next = firstNumber;
  const publish = async (): Promise<Ingest> => {
    const { sent, ...ingest } = await load(node, next, { seconds, warmUpSeconds });
    next += sent.unique;
    return ingest;
  };
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await publish());
    const reading = readLog({ url: node.url, door: "/ws/events", until, seconds: seconds + warmUpSeconds });
    beside.push(await publish());
    reads.push(await reading);
  }
  const row: Row = {
    door: "/ws/events",
    load: name,
    readEventsPerSecond: median(reads.map(rateOf)),
    alone: medianOf(alone),
    beside: medianOf(beside),
  };
  return { row, next };
}

function medianOf(rounds: readonly Ingest[]): Ingest {
  return {
    eventsPerSecond: median(rounds.map(({ eventsPerSecond }) => eventsPerSecond)),
    ackP99Ms: median(rounds.map(({ ackP99Ms }) => ackP99Ms)),
  };
}
