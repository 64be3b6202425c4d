/** An `EventStore` in a plain map, whose next commits can be made to fail. */

import { type EventRecord, EventStatus } from "../../../src/events/event.ts";
import type {
  AppendResult,
  Batch,
  EventStore,
  StoreContents,
  StoreError,
} from "../../../src/storage/event-store.ts";
import {
  type AnswerFigures,
  type KeptAnswer,
  keptBytes,
  type RequestKey,
} from "../../../src/storage/request-answers.ts";
import type { PruneReport } from "../../../src/storage/retention.ts";

export class MemoryEventStore implements EventStore {
  /** The batches that were committed, in order. */
  readonly batches: EventRecord[][] = [];
  /** Thrown by the next appends, one each. */
  readonly failures: StoreError[] = [];
  readonly #events = new Map<string, { seq: number; payload: string; receivedAt: number }>();
  readonly #topics: string[] = [];
  isOpen = false;
  /** The sizes of the steps that were asked for. */
  readonly prunings: number[] = [];
  /** Thrown by the next prunings, one each. */
  readonly pruneFailures: StoreError[] = [];
  /** Returned by the next prunings, one each. */
  readonly pruneReports: PruneReport[] = [];
  /** By subject and key as JSON. */
  readonly answers = new Map<string, KeptAnswer | "damaged">();
  /** Thrown by the next look-ups of answers, one each. */
  readonly answerFailures: StoreError[] = [];
  /** Thrown by the next openings, one each. */
  readonly openFailures: Error[] = [];

  open(): StoreContents {
    this.isOpen = false;
    const failure = this.openFailures.shift();
    if (failure !== undefined) throw failure;
    this.isOpen = true;
    return { databaseId: "memory", topics: [], events: this.#events.size, newest: this.#events.size };
  }

  answerTo({ subject, key }: RequestKey): KeptAnswer | "damaged" | undefined {
    const failure = this.answerFailures.shift();
    if (failure !== undefined) throw failure;
    return this.answers.get(JSON.stringify([subject, key]));
  }

  get answersKept(): AnswerFigures {
    const bytes = [...this.answers.values()].reduce(
      (sum, kept) => sum + (kept === "damaged" ? 0 : keptBytes(kept.answer)),
      0,
    );
    return { count: this.answers.size, bytes };
  }

  append({ events, receivedAt, answers }: Batch): AppendResult {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.batches.push([...events]);
    const newTopics: string[] = [];
    const rows: number[][] = [];
    const status = new Uint8Array(events.length);
    const seq = new Float64Array(events.length);
    const firstReceivedAt = new Float64Array(events.length);
    for (const [i, { topic, eventId, payload }] of events.entries()) {
      if (!this.#topics.includes(topic)) newTopics.push(...[topic].filter(() => this.#topics.push(topic)));
      const key = JSON.stringify([topic, eventId]);
      const first = this.#events.get(key);
      const stored = first ?? { seq: this.#events.size + 1, payload, receivedAt };
      this.#events.set(key, stored);
      const isSame = stored.payload === payload;
      status[i] =
        first === undefined ? EventStatus.processed : isSame ? EventStatus.duplicate : EventStatus.conflict;
      seq[i] = stored.seq;
      firstReceivedAt[i] = stored.receivedAt;
      rows.push([this.#topics.indexOf(topic) + 1, 1, Number(!first), Number(!!first), Number(!isSame)]);
    }
    const increments = { at: receivedAt, newTopics, rows: Float64Array.from(rows.flat()) };
    const verdicts = { status, seq, firstReceivedAt };
    for (const { key, answer } of answers?.(verdicts) ?? [])
      this.answers.set(JSON.stringify([key.subject, key.key]), { fingerprint: key.fingerprint, answer });
    return { verdicts, increments };
  }

  prune(_now: number, rowsMax: number): PruneReport {
    const failure = this.pruneFailures.shift();
    if (failure !== undefined) throw failure;
    this.prunings.push(rowsMax);
    return this.pruneReports.shift() ?? { removed: 0, isDone: true, rules: 1 };
  }

  hasTopic(name: string): boolean {
    return this.#topics.includes(name);
  }

  get topicCount(): number {
    return this.#topics.length;
  }

  locate(topic: string, _scope: string, eventId: string): number[] {
    const found = this.#events.get(JSON.stringify([topic, eventId]));
    return found === undefined ? [] : [found.seq];
  }

  close(): void {
    this.isOpen = false;
  }
}
