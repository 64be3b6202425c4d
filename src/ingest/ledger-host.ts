/** Runs the group commit on whatever thread it is put: a queue, one commit after the other, and what follows a failure. */

import { frameIdOf } from "../events/frame-id.ts";
import { problem } from "../problem.ts";
import { type EventStore, StoreError } from "../storage/event-store.ts";
import type { AnswerFigures } from "../storage/request-answers.ts";
import { StorageGoneError, storageFaultOf } from "../storage/storage-fault.ts";
import { GroupCommit, type GroupCommitLimits } from "./group-commit.ts";
import { type FromLedger, outcomesMessage, publishesOf, type ToLedger } from "./ledger-messages.ts";
import { PruneSchedule } from "./prune-schedule.ts";
import { type CommitNotice, type Publish, refusal } from "./publish.ts";

/** How long a failed reopening waits before the next one. */
export const REOPEN_DELAY_MS = 1_000;

/** How long storage that fails is left alone, where nothing is published meanwhile that would try it. */
export const PROBE_DELAY_MS = 1_000;

/** What everybody is told where the error does not say what is wrong. */
const UNKNOWN_FAULT = "the storage cannot be used";

export interface LedgerHostOptions {
  readonly store: EventStore;
  readonly limits: GroupCommitLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly post: (message: FromLedger) => void;
  /** Runs a task once all messages that have arrived are in the queue. */
  readonly soon: (task: () => void) => void;
  readonly later: (task: () => void, delayMs: number) => void;
  /** Writes and syncs something, to find out whether storage works again. @throws like the store's `append`. */
  readonly probe: () => void;
  /** Called between commits, when nothing waits for it. @throws StoreError when the store must be opened again. */
  readonly betweenCommits?: () => void;
  /** Called while the store is still open, if it is; what it throws is ignored. */
  readonly beforeClose?: () => void;
}

export class LedgerHost {
  readonly #options: LedgerHostOptions;
  readonly #commits: GroupCommit;
  readonly #pruning: PruneSchedule;
  #queue: Publish[] = [];
  #isOpen = false;
  #isScheduled = false;
  #isClosing = false;
  /** What was said last of storage that fails; undefined while it works. */
  #failing: string | undefined;
  #isProbeDue = false;
  #answersTold: AnswerFigures = { count: 0, bytes: 0 };

  constructor(options: LedgerHostOptions) {
    this.#options = options;
    const { store, limits, now, post, later } = options;
    const say = (what: string, error: unknown): void =>
      post({ kind: "fault", reason: `${what}: ${reasonOf(error)}` });
    const onFault = (error: unknown): void => say("a publish could not be decoded", error);
    const onDamagedAnswer = (): void =>
      post({ kind: "fault", reason: "a request is done again: the answer kept under its key is damaged" });
    this.#commits = new GroupCommit({ store, limits, now, onFault, onDamagedAnswer });
    const isOpen = (): boolean => this.#isOpen;
    this.#pruning = new PruneSchedule({
      ...{ store, now, later, isOpen },
      onStep: () => this.#tellAnswers(),
      onLost: (error) => this.#lose(error),
      onRefused: (error) => say("retention cannot go on", error),
    });
  }

  /** Opens the store for the first time. A store that cannot be opened now never can: the node must not start. */
  start(): void {
    try {
      this.#open();
      this.#pruning.start();
    } catch (error) {
      this.#options.post({ kind: "unusable", reason: reasonOf(error) });
    }
  }

  receive(message: ToLedger): void {
    switch (message.kind) {
      case "publishes":
        for (const publish of publishesOf(message)) this.#queue.push(publish);
        this.#schedule();
        break;
      case "locate":
        this.#locate(message);
        break;
      case "stream-over":
        this.#commits.forgetStream(message.stream);
        break;
      case "close":
        this.#isClosing = true;
        this.#schedule();
        break;
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.soon(() => {
      this.#isScheduled = false;
      this.#step();
    });
  }

  #step(): void {
    if (this.#queue.length > 0) {
      if (this.#isOpen) this.#commit();
      else this.#refuseQueue();
    }
    if (this.#queue.length > 0) this.#schedule();
    else if (this.#isClosing) this.#close();
  }

  #commit(): void {
    const { outcomes, notice, failure, events } = this.#commits.run(this.#queue);
    const isLost = failure?.outcome === "unknown";
    // Health first: whoever asks after an answer is told what the answer was about.
    this.#judge(failure, notice);
    this.#options.post(outcomesMessage(outcomes, notice));
    if (isLost) {
      this.#lose(failure);
      return;
    }
    if (this.#tend()) this.#pruning.afterCommit(events);
  }

  /** How many answers are kept, when that has changed. */
  #tellAnswers(): void {
    if (!this.#isOpen) return;
    const figures = this.#options.store.answersKept;
    const { count, bytes } = this.#answersTold;
    if (figures.count === count && figures.bytes === bytes) return;
    this.#answersTold = figures;
    this.#options.post({ kind: "answers kept", figures });
  }

  /** Whether the store is still to be trusted after what is done between commits. */
  #tend(): boolean {
    try {
      this.#options.betweenCommits?.();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#lose(error);
      return false;
    }
  }

  /** What a commit shows of the storage. */
  #judge(failure: StoreError | undefined, notice: CommitNotice | undefined): void {
    if (failure?.outcome === "unknown") this.#sayFailing("failing", failure);
    // A commit may also be refused for reasons of its own: that is nothing to see a failing disk in.
    else if (storageFaultOf(failure) !== undefined) this.#fail(failure);
    else if (notice !== undefined) this.#heal();
  }

  /** What memory knows may not be what is stored. */
  #lose(error: StoreError): void {
    this.#isOpen = false;
    this.#sayFailing("failed", error);
    this.#reopen();
  }

  /** Storage refuses, but memory is what is stored. The next publish tries again, or else a probe. */
  #fail(error: unknown): void {
    this.#sayFailing("failing", error);
    if (this.#isProbeDue) return;
    this.#isProbeDue = true;
    this.#options.later(() => this.#probe(), PROBE_DELAY_MS);
  }

  #heal(): void {
    if (this.#failing === undefined) return;
    this.#failing = undefined;
    this.#options.post({ kind: "healed" });
  }

  #probe(): void {
    this.#isProbeDue = false;
    if (this.#failing === undefined || !this.#isOpen) return;
    try {
      this.#options.probe();
    } catch (error) {
      if (error instanceof StorageGoneError) this.#options.post({ kind: "unusable", reason: error.message });
      else if (error instanceof StoreError && error.outcome === "unknown") this.#lose(error);
      else this.#fail(error);
      return;
    }
    this.#heal();
  }

  /** Once for each reason: storage is tried again every second. */
  #sayFailing(kind: "failed" | "failing", error: unknown): void {
    const reason = reasonOf(error);
    const said = `${kind} ${reason}`;
    if (said === this.#failing) return;
    this.#failing = said;
    this.#options.post({ kind, reason, fault: storageFaultOf(error) ?? UNKNOWN_FAULT });
  }

  #refuseQueue(): void {
    const failing = problem(
      "storage_failing",
      "The storage is being reopened. Nothing was stored; sending again is safe.",
    );
    const refused = this.#queue.splice(0);
    for (const publish of refused) this.#commits.breakStreamOf(publish);
    const outcomes = refused.map(({ form, text }) =>
      refusal(failing, form === "frame" ? frameIdOf(text) : undefined),
    );
    this.#options.post(outcomesMessage(outcomes, undefined));
  }

  #open(): void {
    const contents = this.#options.store.open();
    this.#isOpen = true;
    this.#failing = undefined;
    this.#options.post({ kind: "opened", contents });
    this.#tellAnswers();
  }

  #reopen(): void {
    if (this.#isClosing) return;
    try {
      this.#open();
    } catch (error) {
      if (error instanceof StorageGoneError) {
        this.#options.post({ kind: "unusable", reason: error.message });
        return;
      }
      this.#sayFailing("failed", error);
      this.#options.later(() => this.#reopen(), REOPEN_DELAY_MS);
    }
  }

  #locate({ ticket, topic, scope, eventId }: ToLedger & { kind: "locate" }): void {
    const seqs = this.#isOpen ? this.#options.store.locate(topic, scope, eventId) : null;
    this.#options.post({ kind: "located", ticket, seqs });
  }

  #close(): void {
    try {
      this.#options.beforeClose?.();
    } catch {
      // What it would have done is left to the next start; closing matters more.
    }
    this.#options.store.close();
    this.#isOpen = false;
    this.#options.post({ kind: "closed" });
  }
}

function reasonOf(error: unknown): string {
  const cause =
    error instanceof StoreError && error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return error instanceof Error ? `${error.message}${cause}` : String(error);
}
