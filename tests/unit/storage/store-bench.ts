/** What the suite of `EventStore` works with: a place for events that can be treated badly, and short words for it. */

import { expect } from "bun:test";
import type { EventRecord } from "../../../src/events/event.ts";
import {
  type AppendResult,
  type EventStore,
  INCREMENT_COLUMNS,
  type StoreContents,
} from "../../../src/storage/event-store.ts";

export interface StoredRow {
  readonly seq: number;
  readonly topic: string;
  readonly scope: string;
  readonly eventId: string;
  readonly payload: string;
  readonly receivedAt: number;
}

/** Where a commit fails: before it begins to write, on a full disk, or in its sync, without or with being stored. */
export type Failure = "write" | "full" | "lost" | "stored";

/** One place where events are kept, and the ways in which it can be treated badly. */
export interface StoreBench extends Disposable {
  /** A store on this place that is not open yet, as in a new process; the one before it is closed. */
  restart(): EventStore;
  /** Everything that is stored, by `seq`. */
  rows(): StoredRow[];
  failNextCommit(failure: Failure): void;
}

export interface Verdict {
  readonly status: number;
  readonly seq: number;
  readonly at: number;
}

export function verdictsOf({ verdicts }: AppendResult, count: number): Verdict[] {
  const { status, seq, firstReceivedAt } = verdicts;
  return Array.from({ length: count }, (_, i) => ({
    status: status[i]!,
    seq: seq[i]!,
    at: firstReceivedAt[i]!,
  }));
}

export function statusesOf(result: AppendResult, count: number): number[] {
  return verdictsOf(result, count).map(({ status }) => status);
}

/** One test's store, as the tests see it. */
export interface Suite {
  readonly bench: () => StoreBench;
  readonly store: () => EventStore;
  readonly append: (...events: EventRecord[]) => AppendResult;
  readonly verdict: (event: EventRecord) => Verdict;
  readonly restart: () => StoreContents;
  readonly setNow: (at: number) => void;
}

/** What the increments say, by topic number. */
export function rowsByTopic({ increments: { rows } }: AppendResult): Record<number, number[]> {
  const byTopic: Record<number, number[]> = {};
  for (let i = 0; i < rows.length; i += INCREMENT_COLUMNS) {
    expect(byTopic[rows[i]!]).toBeUndefined();
    byTopic[rows[i]!] = [...rows.slice(i + 1, i + INCREMENT_COLUMNS)];
  }
  return byTopic;
}
