/** How fast each broken variant is caught, and by how short a history: for the report on reliability. */

import { BROKEN_VARIANTS, firstCatch, runBroken } from "./broken-variants.ts";
import { shrink } from "./shrink.ts";
import type { BrokenVariant } from "./variants/replace.ts";

const SEEDS_MAX = 1_000;

export interface CaughtVariant {
  readonly variant: string;
  /** Null where no history caught it. */
  readonly seed: number | null;
  readonly histories: number;
  readonly milliseconds: number;
  readonly check: string;
  /** Up to the one that failed, and in the shortest history that still fails. */
  readonly steps: number;
  readonly shortest: readonly string[];
  readonly shrinking_milliseconds: number;
}

export function catchAll(show: (line: string) => void): CaughtVariant[] {
  return BROKEN_VARIANTS.map((variant) => {
    const caught = catchOne(variant);
    show(`${caught.variant}: seed ${caught.seed}, ${caught.check}: ${caught.shortest.join(", ")}`);
    return caught;
  });
}

function catchOne(variant: BrokenVariant): CaughtVariant {
  const caught = firstCatch(variant, SEEDS_MAX);
  if (caught === undefined) return missed(variant.name);
  const { found, histories, milliseconds } = caught;
  const began = performance.now();
  const { steps } = shrink(found, (seed, options) => runBroken(variant, seed, options));
  return {
    variant: variant.name,
    seed: found.seed,
    histories,
    milliseconds: Math.round(milliseconds),
    check: found.violation.check,
    steps: found.played.length,
    shortest: steps.map(({ name }) => name),
    shrinking_milliseconds: Math.round(performance.now() - began),
  };
}

function missed(variant: string): CaughtVariant {
  const nothing = { check: "", steps: 0, shortest: [], shrinking_milliseconds: 0 };
  return { variant, seed: null, histories: SEEDS_MAX, milliseconds: 0, ...nothing };
}

/** As Markdown. */
export function tableOf(caught: readonly CaughtVariant[]): string {
  const rows = caught.map(
    ({ variant, seed, histories, milliseconds, check, steps, shortest }) =>
      `| ${variant} | ${seed ?? "never"} | ${histories} | ${milliseconds} | ${check} | ${steps} | ${shortest.length} |`,
  );
  return [
    "| the node | caught by seed | histories | ms | by the check | steps | shrunk to |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}
