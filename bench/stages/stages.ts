/** `stages`: where the time of an event goes, from its text to the outcome, on one thread and without a network. */

import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { removeFolder } from "../leftovers.ts";
import { runLoad } from "../load-process.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { decimals } from "../table.ts";

/** In the order in which an event meets them. Those that begin with a dash are a part of the one above. */
export const STAGES = [
  "cross to the ledger thread",
  "decode and validate",
  "– JSON.parse alone",
  "decide",
  "– fingerprint",
  "– size for retention",
  "begin the transaction",
  "write rows",
  "– checksum",
  "commit and sync",
  "memory follows",
  "make outcomes",
  "cross back and make answers",
] as const;
export type Stage = (typeof STAGES)[number];

export interface StageOptions {
  readonly folder: string;
  readonly eventsPerFrame: number;
  readonly framesPerCommit: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Microseconds an event received. */
export type StageTimes = Readonly<Record<Stage, number>>;

interface Shape {
  readonly eventsPerFrame: number;
  readonly framesPerCommit: number;
}

const SHAPES = {
  hundred: { eventsPerFrame: 100, framesPerCommit: 15 },
  single: { eventsPerFrame: 1, framesPerCommit: 128 },
} as const satisfies Record<string, Shape>;

export interface StageRow {
  readonly stage: Stage | "in all";
  readonly hundred: number;
  readonly single: number;
}

const MEASURE = [process.execPath, join(import.meta.dir, "measure-stages.ts")];

export const stages: Bench<StageRow> = {
  name: "stages",
  title:
    "Where the time of an event goes: µs of wall time an event, 20 % recent duplicates, one thread, no network; 15 frames of 100 events a commit beside 128 frames of one",
  async run({ seconds, warmUpSeconds }, progress) {
    const times: Partial<Record<keyof typeof SHAPES, StageTimes>> = {};
    for (const [name, shape] of Object.entries(SHAPES)) {
      progress(`${shape.eventsPerFrame} events a frame`);
      const folder = makeDataFolder();
      const options: StageOptions = { folder, ...shape, seconds, warmUpSeconds };
      times[name as keyof typeof SHAPES] = await runLoad<StageTimes>(MEASURE, options);
      removeFolder(folder);
    }
    const { hundred, single } = times as Record<keyof typeof SHAPES, StageTimes>;
    const rows: StageRow[] = STAGES.map((stage) => ({
      stage,
      hundred: hundred[stage],
      single: single[stage],
    }));
    return [...rows, { stage: "in all", hundred: inAll(hundred), single: inAll(single) }];
  },
  columns: [
    ["stage", ({ stage }) => stage],
    ["100 a frame", ({ hundred }) => decimals(hundred, 2)],
    ["1 a frame", ({ single }) => decimals(single, 2)],
  ],
  charts: (rows) => {
    const whole = rows.filter(({ stage }) => stage !== "in all" && !stage.startsWith("–"));
    return [
      {
        name: "stages",
        title: "Where the time of an event goes",
        yTitle: "µs an event",
        shape: {
          kind: "bars",
          labels: whole.map(({ stage }) => stage),
          series: [
            { name: "100 a frame", values: whole.map(({ hundred }) => hundred) },
            { name: "1 a frame", values: whole.map(({ single }) => single) },
          ],
        },
      },
    ];
  },
};

function inAll(times: StageTimes): number {
  return STAGES.filter((stage) => !stage.startsWith("–")).reduce((sum, stage) => sum + times[stage], 0);
}
