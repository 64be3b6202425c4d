/** The same node with one guarantee broken: every one of these must be caught, or the simulation proves little. */

import { type HistoryOptions, HistoryViolation, runHistory } from "./history.ts";
import { REAL_PARTS } from "./simulated-node.ts";
import { INGEST_VARIANTS } from "./variants/ingest-variants.ts";
import { KEY_VARIANTS } from "./variants/key-variants.ts";
import { LIVE_VARIANTS } from "./variants/live-variants.ts";
import { LOOKUP_VARIANTS } from "./variants/lookup-variants.ts";
import type { BrokenVariant } from "./variants/replace.ts";
import { RETENTION_VARIANTS } from "./variants/retention-variants.ts";
import { STORAGE_VARIANTS } from "./variants/storage-variants.ts";

export const BROKEN_VARIANTS: readonly BrokenVariant[] = [
  ...STORAGE_VARIANTS,
  ...LOOKUP_VARIANTS,
  ...INGEST_VARIANTS,
  ...KEY_VARIANTS,
  ...LIVE_VARIANTS,
  ...RETENTION_VARIANTS,
];

/** Plays a history of a broken node; broken anew each time, so that a seed makes the same history every time. */
export function runBroken(variant: BrokenVariant, seed: number, options: HistoryOptions = {}): string {
  const { parts, install } = variant;
  const restore = install?.();
  try {
    return runHistory(seed, { ...options, ...kindOf(variant), parts: { ...REAL_PARTS, ...parts?.() } });
  } finally {
    restore?.();
  }
}

/** The kind of history in which it can be seen. */
export function kindOf({ isLarge, hasRetention }: BrokenVariant): HistoryOptions {
  return { isLarge: isLarge === true, hasRetention: hasRetention === true };
}

export interface Catch {
  readonly found: HistoryViolation;
  readonly histories: number;
  readonly milliseconds: number;
}

/** The first seed, from 1 on, whose history a broken node fails. */
export function firstCatch(variant: BrokenVariant, seedsMax: number): Catch | undefined {
  const began = performance.now();
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      runBroken(variant, seed);
    } catch (found) {
      if (!(found instanceof HistoryViolation)) throw found;
      return { found, histories: seed, milliseconds: performance.now() - began };
    }
  }
  return undefined;
}
