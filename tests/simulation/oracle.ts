/** Decides what must become of every publish, and holds what the ledger says and what the file holds against it. */

import type { Counters } from "../../src/events/event.ts";
import { commitOutcomesOf, type FromLedger } from "../../src/ingest/ledger-messages.ts";
import type { Outcome } from "../../src/ingest/publish.ts";
import type { ProblemCode } from "../../src/problem.ts";
import { StoreError } from "../../src/storage/event-store.ts";
import { keepsEverything, type PruneReport } from "../../src/storage/retention.ts";
import type { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import {
  commitTo,
  countersOf,
  type Expected,
  eventsOf,
  refused,
  requestKeyOf,
  type Submission,
} from "./expected.ts";
import type { Faults, FiredFault } from "./faults.ts";
import type { FileAudit } from "./file-audit.ts";
import type { EventKey, Model, SentEvent, TopicCounters } from "./model.ts";
import type { PruneCall, RetentionOracle } from "./retention-oracle.ts";
import { tally } from "./tally.ts";
import type { Intent } from "./traffic.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

export interface OracleOptions {
  readonly faults: Faults;
  readonly retention: RetentionOracle;
  /** Whether all that was written so far would survive a power cut. */
  readonly isSynced: () => boolean;
  readonly topicsMax: number;
  /** The clock as the ledger read it last. */
  readonly lastNow: () => number;
  readonly store: () => SqliteEventStore;
  readonly audit: () => FileAudit;
  /** A key that the edge asked for, and where the ledger says that it may be. */
  readonly located: (key: EventKey, candidates: readonly number[]) => void;
  /** Whether equal fingerprints of different keys are rare enough to be ruled out. */
  readonly hasStrongFingerprints: boolean;
}

export class Oracle {
  isOpen = false;
  isDiskFull = false;
  /** The counters that each message under way to the edge leads to, in order. */
  readonly boards: TopicCounters[] = [];
  /** In the order in which they were taken; not decided yet. */
  readonly pending: Submission[] = [];
  /** Keys that the edge has asked the ledger for. */
  readonly asked: EventKey[] = [];
  /** A commit that may or may not be in the file. */
  #limbo: { submissions: readonly Submission[]; now: number } | undefined;
  /** Answers that could not be read, of publishes that are not decided yet. */
  #failedLookUps = 0;

  constructor(
    public model: Model,
    private readonly options: OracleOptions,
  ) {}

  /** A message leaves the ledger: what it says must be true of the file at this moment. */
  posted(message: FromLedger): void {
    switch (message.kind) {
      case "opened":
        this.#opened(message);
        break;
      case "outcomes":
        this.#decided(message);
        break;
      case "failed":
      case "unusable": {
        const fired = this.options.faults.takeFired();
        const hasCause = fired.length > 0 || this.isOpen;
        guarantee("storage fails only for a cause", hasCause, () => message.reason);
        tally.count("openings", `the store ${message.kind === "failed" ? "failed" : "could not be opened"}`);
        this.isOpen = false;
        break;
      }
      case "fault":
        // A step of retention that was refused for a fault of ours in the storage is told like this, too.
        guarantee(
          "no thread dies of an exception",
          message.reason.startsWith("retention cannot go on") && message.reason.includes("injected: "),
          () => message.reason,
        );
        break;
      case "located":
        this.#located(message);
        break;
    }
  }

  /** That concerns the publish alone which it was for. */
  lookUpFailed(): void {
    this.options.faults.takeFired();
    this.#failedLookUps++;
  }

  get retention(): RetentionOracle {
    return this.options.retention;
  }

  /** A step of retention has ended. One that failed has changed nothing, unless nobody can say what it did. */
  pruned(call: PruneCall, { value, error }: Attempt<PruneReport>): void {
    const { model, retention } = this;
    const { faults } = this.options;
    const { isPruned } = model;
    if (error !== undefined) {
      const fired = faults.takeFired();
      const hasCause = fired.length > 0 || this.isDiskFull;
      guarantee("storage fails only for a cause", hasCause, () => `a step of retention: ${error}`);
      tally.count("retention", "steps that failed");
      if (error instanceof StoreError && error.outcome === "unknown") retention.lost(call);
      else this.options.audit().retention.compare(model);
      return;
    }
    // Most nodes keep everything, and look at nothing.
    if (value!.isDone && !isPruned && keepsEverything(retention.retention())) {
      retention.isAtRest = true;
      return;
    }
    const audit = this.options.audit().retention;
    const { removed, forgotten } = retention.stepped(model, audit, call, value!, this.options.isSynced());
    this.#compareMemory([...removed, ...forgotten]);
  }

  /** Whether the model is what the file holds: not while nobody can say what became of a commit. */
  get isCertain(): boolean {
    return this.isOpen && this.#limbo === undefined;
  }

  #located({ seqs }: FromLedger & { kind: "located" }): void {
    const key = this.asked.shift()!;
    guaranteeSame(
      "an event is found by its key",
      seqs !== null,
      this.isOpen,
      "whether keys can be looked up",
    );
    if (seqs !== null) this.options.located(key, seqs);
  }

  /** The process dies in the middle of a commit: what the message would have said may be true or not. */
  lost(message: FromLedger): void {
    if (message.kind !== "outcomes" || !this.isOpen) return;
    this.isOpen = false;
    tally.count("crashes", "in the middle of a commit");
    const outcomes = commitOutcomesOf(message).outcomes;
    const group = this.pending.slice(0, outcomes.length);
    const isIn = (_: Submission, i: number): boolean => {
      const outcome = outcomes[i]!;
      if (outcome.kind === "accepted") return !outcome.isReplayed;
      return outcome.problem.code === "outcome_unknown";
    };
    const submissions = group.filter(isIn);
    if (eventsOf(submissions).length > 0) this.#limbo = { submissions, now: this.options.lastNow() };
  }

  /** The process is gone, and with it everything that was on its way. */
  died(): void {
    this.isOpen = false;
    this.isDiskFull = false;
    this.pending.length = 0;
    this.boards.length = 0;
    this.asked.length = 0;
    this.#failedLookUps = 0;
    this.options.faults.takeFired();
  }

  #opened({ contents }: FromLedger & { kind: "opened" }): void {
    const found = "a start finds everything that was committed";
    guarantee(found, !this.isOpen, () => "the store was opened twice");
    tally.count("openings", "the store was opened");
    this.isOpen = true;
    this.isDiskFull = false;
    this.options.faults.takeFired();
    const audit = this.options.audit();
    if (this.#limbo !== undefined) {
      const candidate = this.model.clone();
      commitTo(candidate, this.#limbo.submissions, this.#limbo.now);
      const isIn = audit.received === candidate.received;
      tally.count("openings", `a commit of unknown outcome was ${isIn ? "" : "not "}stored`);
      if (isIn) {
        this.model = candidate;
        this.retention.synced();
      }
      this.#limbo = undefined;
    }
    this.retention.opened(this.model, audit.retention);
    audit.compareAll(this.model);
    const topics = contents.topics.map((topic) => ({
      ...countersIn(topic),
      name: topic.name,
      firstAt: topic.firstAt,
      lastAt: topic.lastAt,
    }));
    const expected = [...this.model.topics].map(([name, counters]) => ({
      ...counters,
      name,
      ...this.model.timesOf(name),
    }));
    guaranteeSame(found, topics, expected, "topics after opening");
    guaranteeSame(found, contents.events, this.model.events.length, "events after opening");
    this.boards.push(this.model.snapshot());
    this.#compareMemory(this.model.isPruned ? [...this.model.remembered.values()] : []);
  }

  #decided(message: FromLedger & { kind: "outcomes" }): void {
    const { outcomes, notice } = commitOutcomesOf(message);
    const group = this.pending.splice(0, outcomes.length);
    const once = "answers come once and in order";
    guaranteeSame(once, group.length, outcomes.length, "publishes waiting for an outcome");
    const wasOpen = this.isOpen;
    const judged = wasOpen ? this.#judge(group, outcomes) : group.map(() => refused("storage_failing"));
    const admitted = group.filter((_, i) => judged[i] === undefined);
    const events = eventsOf(admitted);
    const failure = wasOpen && events.length > 0 ? this.#failure(outcomes, judged) : undefined;
    const now = this.options.lastNow();
    if (failure === "outcome_unknown") this.#limbo = { submissions: admitted, now };
    const committed = failure === undefined ? commitTo(this.model, admitted, now) : [];
    let next = 0;
    for (const [i, submission] of group.entries())
      submission.expected = judged[i] ?? (failure === undefined ? committed[next++]! : refused(failure));
    for (const [i, outcome] of outcomes.entries()) compareOutcome(outcome, group[i]!);
    const isCounted = failure === undefined && events.length > 0;
    guaranteeSame(
      "only commits are counted",
      notice !== undefined,
      isCounted,
      "whether the counters are told",
    );
    if (isCounted) {
      this.boards.push(this.model.snapshot());
      const { isSynced } = this.options.faults;
      guarantee("every commit is synced", isSynced, () => "synchronous is not FULL any more");
      this.retention.synced();
    }
    if (events.length > 0) tally.count("commits", failure ?? (wasOpen ? "stored" : "not tried"));
    if (!wasOpen || failure === "outcome_unknown") return;
    this.options.audit().compare(this.model);
    this.#compareMemory(eventsOf(group));
  }

  /** What each publish of a group must be answered without a commit, if it must. */
  #judge(group: readonly Submission[], outcomes: readonly Outcome[]): (Expected | undefined)[] {
    const topics = new Set(this.model.topics.keys());
    const keys = new Set<string>();
    return group.map((submission, i) => {
      const { intent } = submission;
      const known = intent.key && this.#answerOf(intent, outcomes[i]!, keys);
      if (known !== undefined) return known;
      if (intent.key !== undefined) keys.add(intent.key.name);
      const code = this.#refusal(submission, topics);
      return code && refused(code);
    });
  }

  /** @param keys of those before it in its group that had to be looked at. */
  #answerOf(intent: Intent, outcome: Outcome, keys: ReadonlySet<string>): Expected | undefined {
    const { key, fingerprint } = requestKeyOf(intent);
    if (keys.has(key)) return refused("idempotency_key_in_use");
    const isFailing = outcome.kind === "refused" && outcome.problem.code === "storage_failing";
    if (isFailing && this.#failedLookUps > 0) {
      this.#failedLookUps--;
      return refused("storage_failing");
    }
    const answered = this.model.answers.get(key);
    if (answered === undefined) return undefined;
    if (answered.fingerprint !== fingerprint) return refused("idempotency_key_reused");
    const { verdicts } = answered;
    const counted = this.model.received;
    return { kind: "accepted", verdicts, counters: countersOf(verdicts), counted, isReplayed: true };
  }

  /** Why a publish must be refused before the commit, if it must. @param known topics, and those that begin before it. */
  #refusal({ intent, grant }: Submission, known: Set<string>): ProblemCode | undefined {
    if (intent.refusal !== undefined) return intent.refusal;
    const topics = new Set(intent.events.map(({ topic }) => topic));
    if (![...topics].every((topic) => isCovered(topic, grant.topics))) return "forbidden_topic";
    const after = known.union(topics);
    if (after.size > known.size && after.size > this.options.topicsMax) return "too_many_topics";
    for (const topic of topics) known.add(topic);
    return undefined;
  }

  /** Whether the commit had to fail, and how. */
  #failure(
    outcomes: readonly Outcome[],
    judged: readonly (Expected | undefined)[],
  ): "storage_failing" | "outcome_unknown" | undefined {
    const fired = this.options.faults.takeFired();
    if (fired.length > 0) return fired.some(isUncertain) ? "outcome_unknown" : "storage_failing";
    const isRefused = outcomes.some((outcome, i) => judged[i] === undefined && outcome.kind === "refused");
    return this.isDiskFull && isRefused ? "storage_failing" : undefined;
  }

  /** Memory knows what is stored, and nothing else. */
  #compareMemory(events: readonly SentEvent[]): void {
    const store = this.options.store();
    const { model } = this;
    const inMemory = "memory knows what is stored, and nothing else";
    guaranteeSame(inMemory, store.topicCount, model.topics.size, "topics in memory");
    for (const event of events) {
      const { topic, scope, eventId } = event;
      guaranteeSame(inMemory, store.hasTopic(topic), model.topics.has(topic), `topic ${topic} in memory`);
      const first = model.find(event);
      const located = store.locate(topic, scope, eventId);
      const what = (): string =>
        `the index has ${located} for ${topic} ${scope} ${eventId}, stored is ${first?.seq}`;
      const isKnown = first === undefined || located.includes(first.seq);
      guarantee(inMemory, isKnown && located.every((seq) => model.remembered.has(seq)), what);
      if (this.options.hasStrongFingerprints)
        guarantee(inMemory, located.length === (first === undefined ? 0 : 1), what);
    }
  }
}

export interface Attempt<T> {
  readonly value?: T;
  readonly error?: unknown;
}

export function attempt<T>(task: () => T): Attempt<T> {
  try {
    return { value: task() };
  } catch (error) {
    return { error };
  }
}

/** A commit that may be valid although it failed, or that could not be rolled back. */
function isUncertain({ sql, code }: FiredFault): boolean {
  return sql.startsWith("ROLLBACK") || (sql.startsWith("COMMIT") && code !== "SQLITE_FULL");
}

export function isCovered(topic: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern,
  );
}

function compareOutcome(outcome: Outcome, { intent, expected: decided }: Submission): void {
  const expected = decided!;
  const said = outcome.kind === "accepted" ? outcome.counters : outcome.problem.code;
  const right = expected.kind === "accepted" ? expected.counters : expected.code;
  tally.count("outcomes", expected.kind === "accepted" ? "accepted" : expected.code);
  const isAcknowledged = outcome.kind === "accepted" && expected.kind === "refused";
  guarantee("only what is committed is acknowledged", !isAcknowledged, () => `it should have been ${right}`);
  const check =
    expected.kind === "accepted" ? "an outcome says what became of the events" : "a refusal says why";
  const isReplayed = outcome.kind === "accepted" && outcome.isReplayed === true;
  const mustBeReplayed = expected.kind === "accepted" && expected.isReplayed === true;
  if (intent.key !== undefined) {
    const again = "a request that comes again gets its first answer";
    guaranteeSame(again, isReplayed, mustBeReplayed, "whether an answer is an earlier one");
  }
  guaranteeSame(check, said, right, "the outcome of a publish");
}

/** The four counters alone, in their usual order. */
export function countersIn({ received, unique_processed, duplicate_dropped, conflicts }: Counters): Counters {
  return { received, unique_processed, duplicate_dropped, conflicts };
}
