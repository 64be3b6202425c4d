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
  const keepIfItFails = (steps: readonly PlannedStep[]): void => {
    attempts++;
    try {
      play(found.seed, { only: new Set(steps.map(({ place }) => place)) });
    } catch (error) {
      if (!(error instanceof HistoryViolation)) throw error;
      violation = error;
    }
  };
  /** Leaves out runs of so many steps, the last first: what leads up to a failure is mostly right before it. */
  const leaveOut = (size: number): void => {
    for (let end = violation.played.length; end > 0 && attempts < ATTEMPTS_MAX; end -= size) {
      const { played } = violation;
      const kept = [...played.slice(0, Math.max(0, end - size)), ...played.slice(end)];
      if (kept.length < played.length) keepIfItFails(kept);
    }
  };
  for (let length = Number.POSITIVE_INFINITY; violation.played.length < length; ) {
    length = violation.played.length;
    for (let size = Math.ceil(length / 2); size > 0; size = Math.floor(size / 2)) leaveOut(size);
  }
  return { steps: violation.played, violation, attempts };
}

/** The command that plays these steps again. */
export function commandFor(seed: number, steps: readonly PlannedStep[]): string {
  return `bun run simulate -- --seed ${seed} --only ${steps.map(({ place }) => place).join(",")}`;
}
