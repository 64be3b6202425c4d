/** An `EventStore` in one SQLite file: append-only events, the dedup index in memory, one synced commit a batch. */

import type { Database } from "bun:sqlite";
import { type EventRecord, EventStatus } from "../../events/event.ts";
import { FINGERPRINT_WORDS, Fingerprinter } from "../../events/fingerprint.ts";
import {
  type AppendResult,
  type Batch,
  type EventStore,
  INCREMENT_COLUMNS,
  type StoreContents,
  StoreError,
} from "../event-store.ts";
import {
  type AnswerFigures,
  type AnswerLimits,
  KEEP_ALL_ANSWERS,
  type KeptAnswer,
  type RequestKey,
} from "../request-answers.ts";
import { KEEP_EVERYTHING, keepsEverything, type PruneReport, type Retention } from "../retention.ts";
import { AnswerTable } from "./answer-table.ts";
import { checkpoint } from "./checkpointer.ts";
import { type Commit, CommitWriter } from "./commit-writer.ts";
import { type OpenDatabase, openExisting, openForWriting, unusableOr } from "./database.ts";
import { type DedupIndex, REMEMBERED_SPAN_MAX } from "./dedup-index.ts";
import { IncrementRows } from "./increment-rows.ts";
import { type Arrival, KeyLookup } from "./key-lookup.ts";
import {
  COMMITS_TORN_MAX,
  COMMITS_TORN_WITH_RETENTION_MAX,
  readLogTail,
  refuseDamagedLog,
} from "./log-tail.ts";
import { migrateDatabase } from "./migrate.ts";
import { Pruner, type PruneStep } from "./pruner.ts";
import { RecentEvents } from "./recent-events.ts";
import { type Recovered, recover } from "./recovery.ts";
import { closeUntouched, hasBeenPruned } from "./refused-file.ts";
import type { Forgetting } from "./remembered-ids.ts";
import { RetentionPools } from "./retention-pool.ts";
import { storedBytes } from "./stored-bytes.ts";
import { lastSeqOf, type SegmentStep, type TopicSegments } from "./topic-segments.ts";
import { TopicTable } from "./topic-table.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  readonly migrationsFolder: string;
  /** Without it everything is kept. */
  readonly retention?: Retention;
  /** How long answers are kept under the keys of requests; without it for ever. */
  readonly answers?: AnswerLimits;
  /** Goes on with what is left of a log in which commits cannot be read any more, instead of refusing it. */
  readonly acceptsDamagedLog?: boolean;
  /** Replaced by tests that make statements fail. */
  readonly open?: OpenDatabase;
  /** From the oldest id that is remembered to the newest event; lowered by tests that fill it. */
  readonly eventsMax?: number;
}

/** What a batch will become, decided in memory; nothing is changed until it has been written. */
type Plan = Omit<Commit, "fingerprints" | "segmentStep"> & { readonly words: Uint32Array };
type EventPlan = Omit<Plan, "answers">;

/** Everything that `open` makes; replaced as a whole by the next `open`. */
interface OpenState {
  readonly db: Database;
  readonly index: DedupIndex;
  readonly recent: RecentEvents;
  readonly segments: TopicSegments;
  readonly topics: TopicTable;
  readonly lookup: KeyLookup;
  readonly writer: CommitWriter;
  readonly pools: RetentionPools;
  readonly pruner: Pruner;
  readonly answers: AnswerTable;
}

export class SqliteEventStore implements EventStore {
  readonly #options: SqliteStoreOptions;
  readonly #increments = new IncrementRows();
  readonly #arrival: Arrival = { status: EventStatus.processed, seq: 0, firstReceivedAt: 0 };
  #state: OpenState | undefined;
  #hasBeenOpen = false;
  #nextSeq = 1;
  #forgottenThrough = 0;
  /** The rule whose turn it is to remove something. */
  #turn = 0;
  #lastReceivedAt = 0;
  #topicIds = new Int32Array(1_024);
  #verdicts = verdictColumns(1_024);

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
  }

  open(): StoreContents {
    this.close();
    const framesBehind = this.#hasBeenOpen ? 0 : this.#expectSoundLog();
    const open = this.#options.open ?? (this.#hasBeenOpen ? openExisting : openForWriting);
    const db = open(this.#options.path);
    try {
      migrateDatabase(db, this.#options.migrationsFolder, this.#options.path);
      const recovered = recover(db);
      // What a power cut has torn off must not be taken for damage when the next one tears off more.
      if (framesBehind > 0) checkpoint(db, "TRUNCATE");
      this.#state = this.#stateOf(db, recovered);
      this.#hasBeenOpen = true;
      this.#nextSeq = recovered.nextSeq;
      this.#forgottenThrough = recovered.forgottenThrough;
      this.#lastReceivedAt = recovered.lastReceivedAt;
      const { topics, databaseId } = recovered;
      return {
        databaseId,
        topics,
        events: topics.reduce((sum, topic) => sum + topic.unique_processed - topic.pruned, 0),
        newest: recovered.nextSeq - 1,
      };
    } catch (error) {
      closeUntouched(db, this.#options.path);
      throw unusableOr(error, this.#options.path);
    }
  }

  /** @returns frames of the log that were torn off. */
  #expectSoundLog(): number {
    const { path, acceptsDamagedLog, retention = KEEP_EVERYTHING } = this.#options;
    const tail = readLogTail(path);
    if (acceptsDamagedLog === true) return tail.framesBehind;
    // Retention may have been switched off since the power went.
    const isPruned = !keepsEverything(retention) || hasBeenPruned(path);
    refuseDamagedLog(path, tail, isPruned ? COMMITS_TORN_WITH_RETENTION_MAX : COMMITS_TORN_MAX);
    return tail.framesBehind;
  }

  append({ events, receivedAt, answers }: Batch): AppendResult {
    const state = this.#opened();
    const at = Math.max(receivedAt, this.#lastReceivedAt);
    try {
      const planned = this.#plan(state, events, at);
      const kept = answers?.(this.#verdicts);
      const plan = { ...planned, answers: kept && state.answers.plan(kept, at) };
      const eventsMax = this.#options.eventsMax ?? REMEMBERED_SPAN_MAX;
      if (this.#nextSeq - 1 - this.#forgottenThrough + plan.fresh.length > eventsMax) {
        throw new StoreError("refused", `The file is full: it may hold ${eventsMax} events.`, undefined);
      }
      const segmentStep = state.segments.nextStep();
      const fingerprints = new Uint8Array(plan.words.buffer);
      state.writer.write({ ...plan, fingerprints, segmentStep: unprunedOf(segmentStep, state.pruner) });
      this.#adopt(state, plan, segmentStep);
      return { verdicts: this.#verdicts, increments: plan.increments };
    } catch (error) {
      this.#increments.take();
      state.topics.dropStaged();
      throw error instanceof StoreError
        ? error
        : new StoreError("refused", "The batch could not be prepared.", error);
    }
  }

  prune(now: number, rowsMax: number): PruneReport {
    try {
      return this.#prune(this.#opened(), now, rowsMax);
    } catch (error) {
      throw error instanceof StoreError
        ? error
        : new StoreError("refused", "The pruning could not be prepared.", error);
    }
  }

  answerTo(request: RequestKey): KeptAnswer | "damaged" | undefined {
    return this.#opened().answers.find(request);
  }

  get answersKept(): AnswerFigures {
    return this.#opened().answers.figures;
  }

  hasTopic(name: string): boolean {
    return this.#opened().topics.has(name);
  }

  get topicCount(): number {
    return this.#opened().topics.count;
  }

  locate(topic: string, scope: string, eventId: string): number[] {
    const { topics, lookup } = this.#opened();
    const topicId = topics.idOf(topic);
    return topicId === undefined ? [] : lookup.locate(topicId, scope, eventId);
  }

  /** Write access to the connection that commits, for what has to run between two commits. */
  get database(): Database {
    return this.#opened().db;
  }

  close(): void {
    const state = this.#state;
    this.#state = undefined;
    if (state !== undefined) closeNow(state.db);
  }

  #opened(): OpenState {
    if (this.#state === undefined) throw new StoreError("refused", "The store is not open.", undefined);
    return this.#state;
  }

  #prune(state: OpenState, now: number, rowsMax: number): PruneReport {
    const { pruner } = state;
    const { pools } = state.pools;
    // Each rule has its turn, after them the ids that outlive their events, and the answers that are kept under keys:
    // none waits for another to be done.
    const turns = pools.length + 2;
    for (let tries = 0; tries < turns; tries++) {
      const turn = this.#turn;
      this.#turn = (turn + 1) % turns;
      if (turn === turns - 1) {
        if (state.answers.forgetDue(now)) return { removed: 0, isDone: false, rules: pools.length };
        continue;
      }
      const pool = pools[turn];
      const step = pool && pruner.plan(pool, now, rowsMax);
      const forgetting = pool === undefined ? pruner.forgetOutlived(now) : step && pruner.write(step, now);
      if (forgetting === undefined) continue;
      this.#adoptPruned(state, step, forgetting);
      return { removed: step?.removed.length ?? 0, isDone: false, rules: pools.length };
    }
    return { removed: 0, isDone: !pruner.shrink(), rules: pools.length };
  }

  #stateOf(db: Database, { fingerprintKey, topics, index, segments, nextSeq }: Recovered): OpenState {
    const retention = this.#options.retention ?? KEEP_EVERYTHING;
    const pools = new RetentionPools(retention, nextSeq - 1);
    for (const [i, topic] of topics.entries()) {
      const events = topic.unique_processed - topic.pruned;
      pools.addStored(i + 1, topic.name, { ...topic, events, bytes: topic.storedBytes });
    }
    const recent = new RecentEvents();
    const answers = new AnswerTable(db, this.#options.answers ?? KEEP_ALL_ANSWERS);
    return {
      answers,
      db,
      index,
      recent,
      segments,
      pools,
      topics: new TopicTable(topics.map(({ name }) => name)),
      lookup: new KeyLookup(db, index, recent, new Fingerprinter(fingerprintKey)),
      writer: new CommitWriter(db, answers),
      pruner: new Pruner({
        db,
        pools,
        dedupWindowMs: retention.dedupWindowMs,
        prunedThrough: topics.map(({ prunedThrough }) => prunedThrough),
      }),
    };
  }

  #plan({ topics, lookup }: OpenState, events: readonly EventRecord[], at: number): EventPlan {
    this.#reserve(events.length);
    const firstNewTopicId = topics.count + 1;
    for (let i = 0; i < events.length; i++) this.#topicIds[i] = topics.idOrStage(events[i]!.topic);
    lookup.begin(events, this.#topicIds);
    const fresh: number[] = [];
    const conflicts: { at: number; seq: number }[] = [];
    for (let i = 0; i < events.length; i++) {
      const { status, seq } = this.#judge(lookup, events, i, at, fresh.length);
      this.#increments.add(this.#topicIds[i]!, status);
      if (status === EventStatus.processed) {
        fresh.push(i);
        this.#increments.addStored(this.#topicIds[i]!, storedBytes(events[i]!));
      } else if (status === EventStatus.conflict) conflicts.push({ at: i, seq });
    }
    const { rows, storedBytes: bytes } = this.#increments.take();
    return {
      events,
      topicIds: this.#topicIds,
      fresh,
      firstSeq: this.#nextSeq,
      words: wordsOf(fresh, lookup.words),
      conflicts,
      increments: { at, newTopics: topics.staged, rows },
      storedBytes: bytes,
      firstNewTopicId,
    };
  }

  /** Writes the verdict on event `i`; a new event takes the next sequence number. */
  #judge(
    lookup: KeyLookup,
    events: readonly EventRecord[],
    i: number,
    at: number,
    freshBefore: number,
  ): Arrival {
    const arrival = this.#arrival;
    const { status, seq, firstReceivedAt } = this.#verdicts;
    arrival.firstReceivedAt = at;
    lookup.judge(events, this.#topicIds, i, arrival);
    if (arrival.seq === 0) arrival.seq = this.#nextSeq + freshBefore;
    // A negative number points at the event earlier in this batch that came first, counted from 1.
    else if (arrival.seq < 0) arrival.seq = seq[-arrival.seq - 1]!;
    status[i] = arrival.status;
    seq[i] = arrival.seq;
    firstReceivedAt[i] = arrival.firstReceivedAt;
    return arrival;
  }

  /** The commit succeeded: only now does memory follow the file. */
  #adopt(state: OpenState, plan: Plan, segmentStep: SegmentStep | undefined): void {
    try {
      this.#follow(state, plan, segmentStep);
    } catch (error) {
      // Out of memory, say. The events are stored: only the file can tell what memory should hold.
      throw new StoreError("unknown", "The commit succeeded, but memory could not follow it.", error);
    }
  }

  #follow(state: OpenState, plan: Plan, step: SegmentStep | undefined): void {
    const { index, recent, segments, topics, pools, pruner } = state;
    const { events, topicIds, fresh, firstSeq, words, increments } = plan;
    if (plan.answers !== undefined) state.answers.follow(plan.answers);
    if (step !== undefined) segments.keepStep(step);
    pruner.noteSynced();
    for (let i = 0; i < fresh.length; i++) {
      const position = fresh[i]!;
      index.insert(words[i * FINGERPRINT_WORDS]!, words[i * FINGERPRINT_WORDS + 1]!, firstSeq + i);
      recent.add(firstSeq + i, events[position]!, topicIds[position]!, increments.at);
      segments.add(firstSeq + i, topicIds[position]!);
    }
    for (const [i, name] of topics.staged.entries()) pools.addTopic(plan.firstNewTopicId + i, name);
    for (let i = 0, row = 0; i < increments.rows.length; i += INCREMENT_COLUMNS, row++)
      pools.change(increments.rows[i]!, increments.rows[i + 2]!, plan.storedBytes[row]!);
    topics.keepStaged();
    this.#nextSeq += fresh.length;
    this.#lastReceivedAt = increments.at;
  }

  /** A step of pruning succeeded: only now does memory follow the file. */
  #adoptPruned({ index, recent, pruner }: OpenState, step: PruneStep | undefined, gone: Forgetting): void {
    try {
      if (step !== undefined) {
        pruner.follow(step);
        for (const { seq } of step.removed) recent.drop(seq);
      }
      for (const { low, high, seq } of gone.ids) index.remove(low, high, seq);
      if (gone.through > 0) this.#forgottenThrough = gone.through;
    } catch (error) {
      throw new StoreError("unknown", "The pruning succeeded, but memory could not follow it.", error);
    }
  }

  #reserve(events: number): void {
    if (events <= this.#topicIds.length) return;
    this.#topicIds = new Int32Array(events * 2);
    this.#verdicts = verdictColumns(events * 2);
  }
}

/** Lists of events that are removed already are not worth writing. */
function unprunedOf(step: SegmentStep | undefined, pruner: Pruner): SegmentStep | undefined {
  if (step === undefined) return undefined;
  const rows = step.rows.filter((row) => lastSeqOf(row) > pruner.prunedThrough(row.topicId));
  return { ...step, rows };
}

/** The fingerprints of the new events, one after the other, in memory of their own. */
function wordsOf(fresh: readonly number[], all: Uint32Array): Uint32Array {
  const words = new Uint32Array(fresh.length * FINGERPRINT_WORDS);
  let to = 0;
  for (const position of fresh) {
    const from = position * FINGERPRINT_WORDS;
    for (let word = 0; word < FINGERPRINT_WORDS; word++) words[to++] = all[from + word]!;
  }
  return words;
}

function verdictColumns(length: number) {
  return {
    status: new Uint8Array(length),
    seq: new Float64Array(length),
    firstReceivedAt: new Float64Array(length),
  };
}

/** Statements still prepared would keep the connection, and a transaction left open in it the lock on the file. */
function closeNow(db: Database): void {
  db.close(true);
}
