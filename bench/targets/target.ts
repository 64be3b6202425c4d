/** One thing that onefold is to reach, and whether it does: reckoned from what benches have measured, and nothing else. */

import type { Column } from "../bench.ts";
import type { FanoutRow } from "../fanout/fanout-table.ts";
import type { GrowthRow } from "../growth/growth.ts";
import type { IngestRow } from "../ingest/ingest.ts";
import type { LimitRow } from "../limit/limit.ts";
import type { OpenLoopRow } from "../open-loop/open-loop.ts";
import type { PeerRow } from "../peers/peer-row.ts";
import { decimals, thousands } from "../table.ts";

/** The rows of each bench that targets are reckoned from; none where it was not run. */
export interface Measured {
  readonly limit: readonly LimitRow[];
  readonly ingest: readonly IngestRow[];
  readonly fanout: readonly FanoutRow[];
  readonly "open-loop": readonly OpenLoopRow[];
  readonly growth: readonly GrowthRow[];
  readonly peers: readonly PeerRow[];
}

export const NOTHING_MEASURED: Measured = {
  limit: [],
  ingest: [],
  fanout: [],
  "open-loop": [],
  growth: [],
  peers: [],
};

export interface Target {
  readonly name: string;
  readonly unit: "ratio" | "events/s" | "ms" | "s" | "bytes" | "kB" | "MB";
  /** What it is to be at least, or at most. */
  readonly bound: { readonly min: number } | { readonly max: number };
  /** Nothing where a part of it was not measured. */
  figure(measured: Measured): number | undefined;
  /** What the figure is of, where that depends on how the bench was run. */
  detail?(measured: Measured): string | undefined;
  /** Whether what was measured is less than what is named: then it may be missed, and cannot be met for good. */
  isOfLess?(measured: Measured): boolean;
}

export type Verdict = "met" | "met, with less" | "missed" | "not measured";

export const TARGET_COLUMNS: readonly Column<{ target: Target; measured: Measured }>[] = [
  ["", ({ target }) => target.name],
  ["measured", ({ target, measured }) => measuredCell(target, measured)],
  ["target", ({ target }) => boundCell(target)],
  ["", ({ target, measured }) => verdictOf(target, measured)],
];

export function verdictOf({ bound, figure, isOfLess }: Target, measured: Measured): Verdict {
  const value = figure(measured);
  if (value === undefined || Number.isNaN(value)) return "not measured";
  const isMet = "min" in bound ? value >= bound.min : value <= bound.max;
  if (!isMet) return "missed";
  return isOfLess?.(measured) === true ? "met, with less" : "met";
}

function measuredCell(target: Target, measured: Measured): string {
  if (verdictOf(target, measured) === "not measured") return "";
  const detail = target.detail?.(measured);
  const text = shown(target, target.figure(measured)!);
  return detail === undefined ? text : `${text} (${detail})`;
}

function boundCell(target: Target): string {
  const { bound } = target;
  return "min" in bound ? `≥ ${shown(target, bound.min)}` : `≤ ${shown(target, bound.max)}`;
}

function shown({ unit }: Target, figure: number): string {
  switch (unit) {
    case "ratio":
      return decimals(figure, 2);
    case "events/s":
    case "MB":
      return `${thousands(figure)} ${unit}`;
    default:
      return `${decimals(figure, 1)} ${unit}`;
  }
}

export function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}
