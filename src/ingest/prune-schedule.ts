/** When retention takes its steps: after each commit as much as it brought in, and on while nothing arrives. */

import { type EventStore, StoreError } from "../storage/event-store.ts";
import type { PruneReport } from "../storage/retention.ts";

/** Events that a step looks at, at least: a millisecond or two. */
export const PRUNE_ROWS_MIN = 512;

/** A step removes so many times what the commit before it brought in, so that retention keeps up with any load. */
const ROWS_PER_EVENT = 2;

/** Between two steps while more is due: publishes that arrive meanwhile come first. */
const PACE_MS = 5;

/** Between two looks at whether something is due; after a failed step too. */
export const PRUNE_POLL_MS = 500;

export interface PruneScheduleOptions {
  readonly store: EventStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly later: (task: () => void, delayMs: number) => void;
  readonly isOpen: () => boolean;
  /** Told after each step. */
  readonly onStep: () => void;
  /** Told when the store must be opened again. */
  readonly onLost: (error: StoreError) => void;
  /** Told when retention cannot go on; it is tried again. */
  readonly onRefused: (error: StoreError) => void;
}

export class PruneSchedule {
  readonly #options: PruneScheduleOptions;
  #rules = 1;
  /** Why the last step was refused, so that it is told once. */
  #refusal: string | undefined;

  constructor(options: PruneScheduleOptions) {
    this.#options = options;
  }

  /** Begins to look whether something is due; goes on for as long as the thread lives. */
  start(): void {
    const { isDone } = this.#step(PRUNE_ROWS_MIN);
    this.#options.later(() => this.start(), isDone ? PRUNE_POLL_MS : PACE_MS);
  }

  /** A rule has its turn once in as many steps as there are rules. @param events that the commit brought in. */
  afterCommit(events: number): void {
    this.#rules = this.#step(Math.max(PRUNE_ROWS_MIN, events * ROWS_PER_EVENT * this.#rules)).rules;
  }

  #step(rowsMax: number): Pick<PruneReport, "isDone" | "rules"> {
    const { store, now, isOpen, onStep, onLost, onRefused } = this.#options;
    if (!isOpen()) return NOTHING_TO_DO;
    try {
      const report = store.prune(now(), rowsMax);
      this.#refusal = undefined;
      onStep();
      return report;
    } catch (error) {
      // Nobody waits for it, and what could not be removed now is removed later: only a lost store matters.
      if (!(error instanceof StoreError)) throw error;
      if (error.outcome === "unknown") onLost(error);
      else if (this.#refusal !== String(error.cause)) onRefused(error);
      this.#refusal = String(error.cause);
      return NOTHING_TO_DO;
    }
  }
}

const NOTHING_TO_DO = { isDone: true, rules: 1 };
