/** The edge's side of the ledger: hands bodies over once a tick, and gives every publish its answer, in order. */

import { type Problem, ProblemError, problem } from "../problem.ts";
import {
  type CommitOutcomes,
  commitOutcomesOf,
  type FromLedger,
  PublishBatch,
  type StorageFailure,
  type ToLedger,
} from "./ledger-messages.ts";
import type { Ledger, LedgerEvents, Outcome, Publish } from "./publish.ts";

export interface LedgerClientLimits {
  /** Publishes that may wait for their outcome. */
  readonly queuePublishesMax: number;
  /** UTF-16 units of text in them. */
  readonly queueBytesMax: number;
}

export interface LedgerClientOptions {
  readonly limits: LedgerClientLimits;
  readonly post: (message: ToLedger) => void;
  /** Runs a task when everything that arrived in this tick has been submitted. */
  readonly soon: (task: () => void) => void;
  readonly events: LedgerEvents;
}

interface Waiting {
  readonly answer: (outcome: Outcome) => void;
  readonly bytes: number;
}

export const LEDGER_STATES = ["starting", "ready", "failing", "draining"] as const;
type State = (typeof LEDGER_STATES)[number];

/** While storage fails and the store is open, publishes are taken all the same: a commit that succeeds ends it. */
type Phase = "starting" | "open" | "closed" | "draining";

const NOT_TAKEN: Record<Exclude<Phase, "open">, Problem> = {
  starting: problem(
    "starting",
    "The dedup index is being rebuilt. Nothing was stored; sending again is safe.",
  ),
  closed: problem(
    "storage_failing",
    "The storage is being reopened. Nothing was stored; sending again is safe.",
  ),
  draining: problem("draining", "The node is shutting down. Nothing was stored; sending again is safe."),
};
const OVERLOADED = problem(
  "overloaded",
  "Too much waits to be committed. Nothing was stored; sending again is safe.",
);

const NOT_OPEN = problem(
  "storage_failing",
  "The storage is being reopened; keys can be looked up after that.",
);

/**
 * A message of so many UTF-16 units goes across before the tick is over: no text can have 2^31, and joined ones are there
 * twice for a moment.
 */
export const MESSAGE_TEXT_MAX = 64 * 1024 * 1024;

const ANSWERED: Waiting = { answer: () => {}, bytes: 0 };

/** Answered entries are cut off the front of the list once there are this many. */
const WAITING_TRIM = 4_096;

export class LedgerClient implements Ledger {
  readonly #options: LedgerClientOptions;
  #phase: Phase = "starting";
  /** What is wrong with the storage, in words for everybody; undefined while it works. */
  #fault: string | undefined;
  readonly #batch = new PublishBatch();
  #isFlushScheduled = false;
  /** In the order of submission; everything before `#answered` is done with. */
  #waiting: Waiting[] = [];
  #answered = 0;
  #bytes = 0;
  #whenIdle: (() => void)[] = [];
  #whenClosed: (() => void)[] = [];
  readonly #locating = new Map<number, PromiseWithResolvers<number[]>>();
  #nextTicket = 1;
  #nextStream = 1;
  readonly #whenDraining = new Set<() => void>();

  constructor(options: LedgerClientOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.state === "ready";
  }

  get state(): State {
    if (this.#phase === "closed") return "failing";
    if (this.#phase === "open") return this.#fault === undefined ? "ready" : "failing";
    return this.#phase;
  }

  /** Why storage fails, if it does: a sentence without a path. */
  get storageFault(): string | undefined {
    return this.#fault;
  }

  /** Publishes whose outcome is not known yet. */
  get waiting(): number {
    return this.#waiting.length - this.#answered;
  }

  /** UTF-16 units of text in them. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  refusalOf(bytes: number): Problem | undefined {
    if (this.#phase !== "open") return NOT_TAKEN[this.#phase];
    const { queuePublishesMax, queueBytesMax } = this.#options.limits;
    // One publish is always taken, however small the limit: otherwise it could never get in.
    const isFull = this.waiting >= queuePublishesMax || this.#bytes + bytes > queueBytesMax;
    return this.waiting > 0 && isFull ? OVERLOADED : undefined;
  }

  submit(publish: Publish, answer: (outcome: Outcome) => void): Problem | undefined {
    const bytes = publish.text.length;
    const refused = this.refusalOf(bytes);
    if (refused !== undefined) return refused;
    if (this.#batch.length > 0 && this.#batch.length + bytes > MESSAGE_TEXT_MAX) this.#post();
    this.#batch.add(publish);
    this.#waiting.push({ answer, bytes });
    this.#bytes += bytes;
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      this.#options.soon(() => this.#flush());
    }
    return undefined;
  }

  /** The number of a stream of pieces, for `Publish.stream`. */
  beginStream(): number {
    return this.#nextStream++;
  }

  /** To be called for a stream of which a piece was not taken whole, when all its pieces have their outcome. */
  forgetStream(stream: number): void {
    this.#options.post({ kind: "stream-over", stream });
  }

  /** Has a task run when nothing more is taken. @returns what takes it back. */
  onDraining(task: () => void): () => void {
    this.#whenDraining.add(task);
    return () => this.#whenDraining.delete(task);
  }

  locate(topic: string, scope: string, eventId: string): Promise<number[]> {
    const ticket = this.#nextTicket++;
    const located = Promise.withResolvers<number[]>();
    this.#locating.set(ticket, located);
    this.#options.post({ kind: "locate", ticket, topic, scope, eventId });
    return located.promise;
  }

  receive(message: FromLedger): void {
    const { events } = this.#options;
    switch (message.kind) {
      case "opened":
        this.#enter("open", undefined);
        events.opened(message.contents);
        break;
      case "failed":
        this.#fail("closed", message);
        break;
      case "failing":
        this.#fail("open", message);
        break;
      case "healed":
        this.#enter("open", undefined);
        events.healed();
        break;
      case "outcomes":
        this.#answerAll(commitOutcomesOf(message));
        break;
      case "located":
        this.#located(message);
        break;
      case "closed":
        for (const done of this.#whenClosed.splice(0)) done();
        break;
      case "answers kept":
        events.answersKept(message.figures);
        break;
      case "fault":
        events.fault(message.reason);
        break;
      case "unusable":
        events.unusable(message.reason);
        break;
    }
  }

  /** Takes nothing more; resolves when everything taken has been answered. */
  drain(): Promise<void> {
    this.#phase = "draining";
    for (const task of this.#whenDraining) task();
    if (this.waiting === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    return promise;
  }

  /** Closes the store; resolves when it is closed. */
  close(): Promise<void> {
    this.#phase = "draining";
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenClosed.push(resolve);
    this.#options.post({ kind: "close" });
    return promise;
  }

  #enter(phase: Phase, fault: string | undefined): void {
    if (this.#phase !== "draining") this.#phase = phase;
    this.#fault = fault;
  }

  /** The log is told once for each fault, however often it is met. */
  #fail(phase: Phase, { fault, reason }: StorageFailure): void {
    const isNew = fault !== this.#fault;
    this.#enter(phase, fault);
    if (isNew) this.#options.events.failed(reason);
  }

  #located({ ticket, seqs }: FromLedger & { kind: "located" }): void {
    const located = this.#locating.get(ticket);
    this.#locating.delete(ticket);
    if (seqs === null) located?.reject(new ProblemError(NOT_OPEN));
    else located?.resolve(seqs);
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    this.#post();
  }

  #post(): void {
    this.#options.post(this.#batch.take());
  }

  #answerAll({ notice, outcomes }: CommitOutcomes): void {
    // Counters first: whoever reads them after an answer sees what it acknowledged.
    if (notice !== undefined) this.#options.events.committed(notice);
    for (const outcome of outcomes) this.#answer(outcome);
    this.#trim();
  }

  #answer(outcome: Outcome): void {
    const { answer, bytes } = this.#waiting[this.#answered]!;
    // What it has caught may be large, and while there is always something waiting the list is seldom cut.
    this.#waiting[this.#answered++] = ANSWERED;
    this.#bytes -= bytes;
    answer(outcome);
  }

  #trim(): void {
    if (this.waiting === 0) {
      this.#waiting = [];
      this.#answered = 0;
      for (const done of this.#whenIdle.splice(0)) done();
    } else if (this.#answered >= WAITING_TRIM) {
      this.#waiting = this.#waiting.slice(this.#answered);
      this.#answered = 0;
    }
  }
}
