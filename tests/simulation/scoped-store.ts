/**
 * Gives some events a scope: an id that begins with `s1|` is stored under scope `s1`.
 *
 * Only CloudEvents carry a scope, and the publishers of the simulation send none; so it is put in right before the store.
 */

import type { EventRecord } from "../../src/events/event.ts";
import type { AppendResult, Batch, EventStore, StoreContents } from "../../src/storage/event-store.ts";
import type { AnswerFigures, KeptAnswer, RequestKey } from "../../src/storage/request-answers.ts";
import type { PruneReport } from "../../src/storage/retention.ts";
import type { PruneCall } from "./retention-oracle.ts";

export function splitScope(sentId: string): { scope: string; eventId: string } {
  const bar = sentId.indexOf("|");
  return bar < 0
    ? { scope: "", eventId: sentId }
    : { scope: sentId.slice(0, bar), eventId: sentId.slice(bar + 1) };
}

export function joinScope({ scope, eventId }: { scope: string; eventId: string }): string {
  return scope === "" ? eventId : `${scope}|${eventId}`;
}

/** Who sees what is asked of the store, and what comes of it. */
export interface StoreWatch {
  readonly beforeAppend: () => void;
  /** An answer that is kept could not be read. */
  readonly lookUpFailed: () => void;
  /** Takes a step of retention and sees how it ends. */
  readonly prune: (call: PruneCall, step: () => PruneReport) => PruneReport;
  /** Events that a step may look at, so that steps end early. */
  readonly pruneRowsMax: number;
}

export class ScopedStore implements EventStore {
  constructor(
    private readonly inner: EventStore,
    private readonly watch: StoreWatch,
  ) {}

  open(): StoreContents {
    return this.inner.open();
  }

  answerTo(request: RequestKey): KeptAnswer | "damaged" | undefined {
    try {
      return this.inner.answerTo(request);
    } catch (error) {
      this.watch.lookUpFailed();
      throw error;
    }
  }

  get answersKept(): AnswerFigures {
    return this.inner.answersKept;
  }

  append({ events, ...batch }: Batch): AppendResult {
    this.watch.beforeAppend();
    const scoped = (event: EventRecord): EventRecord => ({ ...event, ...splitScope(event.eventId) });
    return this.inner.append({ events: events.map(scoped), ...batch });
  }

  prune(now: number, asked: number): PruneReport {
    const rowsMax = Math.min(asked, this.watch.pruneRowsMax);
    return this.watch.prune({ now, rowsMax }, () => this.inner.prune(now, rowsMax));
  }

  hasTopic(name: string): boolean {
    return this.inner.hasTopic(name);
  }

  get topicCount(): number {
    return this.inner.topicCount;
  }

  locate(topic: string, scope: string, eventId: string): number[] {
    return this.inner.locate(topic, scope, eventId);
  }

  close(): void {
    this.inner.close();
  }
}
