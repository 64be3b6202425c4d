/** Reduces a history that fails to the shortest one found that still does: delta debugging over its steps. */

import { type HistoryOptions, HistoryViolation, type PlannedStep } from "./history.ts";

export interface Shrunk {
  readonly steps: readonly PlannedStep[];
  /** What the shortest history violates; it may show another face of the same fault. */
  readonly violation: HistoryViolation;
  /** Histories played on the way. */
  readonly attempts: number;
}

/** Histories played at most: shrinking ends, and the shortest so far is told. */
const ATTEMPTS_MAX = 1_000;

/**
 * Leaves out halves, quarters and so on down to single steps, for as long as what is left still fails (A. Zeller,
 * R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). It can, because each step draws random
 * numbers of its own.
 * @param play plays those steps of the seed.
 */
export function shrink(
  found: HistoryViolation,
  play: (seed: number, options: HistoryOptions) => unknown,
): Shrunk {
  let violation = found;
  let attempts = 0;
  const stillFails = (steps: readonly PlannedStep[]): boolean => {
    attempts++;
    try {
      play(found.seed, { only: new Set(steps.map(({ place }) => place)) });
      return false;
    } catch (error) {
      if (!(error instanceof HistoryViolation)) throw error;
      violation = error;
      return true;
    }
  };
  for (let size = Math.ceil(found.played.length / 2); size > 0; ) {
    let isShorter = false;
    // From the end, where it fails: what leads up to it is mostly at the end as well.
    for (let from = violation.played.length - 1; from >= 0 && attempts < ATTEMPTS_MAX; from -= size) {
      const { played } = violation;
      const kept = [...played.slice(0, Math.max(0, from - size + 1)), ...played.slice(from + 1)];
      if (kept.length < played.length && stillFails(kept)) isShorter = true;
    }
    if (isShorter && size === 1 && attempts < ATTEMPTS_MAX) continue;
    size = Math.floor(size / 2);
  }
  return { steps: violation.played, violation, attempts };
}

/** The command that plays these steps again. */
export function commandFor(seed: number, steps: readonly PlannedStep[]): string {
  return `bun run simulate -- --seed ${seed} --only ${steps.map(({ place }) => place).join(",")}`;
}
