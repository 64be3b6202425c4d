/** The same node with one guarantee broken, each in a way that somebody might have written. */

import type { Database, SQLQueryBindings } from "bun:sqlite";
import { type EventRecord, EventStatus } from "../../src/events/event.ts";
import { DeltaLog } from "../../src/live/delta-log.ts";
import { StatsGroup, type StatsSink } from "../../src/live/stats-group.ts";
import { type AppendResult, type Batch, StoreError } from "../../src/storage/event-store.ts";
import { type Commit, CommitWriter } from "../../src/storage/sqlite/commit-writer.ts";
import { DedupIndex } from "../../src/storage/sqlite/dedup-index.ts";
import { type Arrival, KeyLookup } from "../../src/storage/sqlite/key-lookup.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { TopicTable } from "../../src/storage/sqlite/topic-table.ts";
import type { NodeParts } from "./simulated-node.ts";

export interface BrokenVariant {
  readonly name: string;
  readonly parts?: Partial<NodeParts>;
  /** Breaks a class for as long as the variant runs; returns what puts it right again. */
  readonly install?: () => () => void;
}

/** Replaces one method of a class. */
function replace<T, K extends keyof T>(prototype: T, method: K, make: (real: T[K]) => T[K]): () => void {
  const real = prototype[method];
  prototype[method] = make(real);
  return () => {
    prototype[method] = real;
  };
}

function acknowledgeBeforeCommit(): () => void {
  let waiting: { writer: CommitWriter; commit: Commit } | undefined;
  return replace(
    CommitWriter.prototype,
    "write",
    (real) =>
      function (this: CommitWriter, commit: Commit): void {
        const earlier = waiting;
        waiting = { writer: this, commit: structuredClone(commit) };
        if (earlier?.writer === this) real.call(this, earlier.commit);
      },
  );
}

/** Tells which index is in use, as it is asked. */
function watchIndex(seen: (index: DedupIndex) => void): () => void {
  return replace(
    DedupIndex.prototype,
    "first",
    (real) =>
      function (this: DedupIndex, low: number, high: number) {
        seen(this);
        return real.call(this, low, high);
      },
  );
}

function keepIndexOfFailedCommit(): () => void {
  let index: DedupIndex | undefined;
  const unwatch = watchIndex((used) => (index = used));
  const restore = replace(
    CommitWriter.prototype,
    "write",
    (real) =>
      function (this: CommitWriter, commit: Commit): void {
        try {
          real.call(this, commit);
        } catch (error) {
          const words = new Uint32Array(commit.fingerprints.buffer);
          for (let i = 0; i < commit.fresh.length; i++)
            index!.insert(words[i * 4]!, words[i * 4 + 1]!, commit.firstSeq + i);
          throw error;
        }
      },
  );
  return () => {
    restore();
    unwatch();
  };
}

function takeFingerprintForKey(): () => void {
  let index: DedupIndex | undefined;
  const unwatch = watchIndex((used) => (index = used));
  const restore = replace(
    KeyLookup.prototype,
    "judge",
    (real) =>
      function (
        this: KeyLookup,
        events: readonly EventRecord[],
        topicIds: Int32Array,
        i: number,
        to: Arrival,
      ) {
        const [low, high] = [this.words[i * 4]!, this.words[i * 4 + 1]!];
        const seq = index!.first(low, high);
        if (seq === 0) real.call(this, events, topicIds, i, to);
        else Object.assign(to, { seq, status: EventStatus.duplicate });
      },
  );
  return () => {
    restore();
    unwatch();
  };
}

function forgetIndexEntries(): () => void {
  let inserted = 0;
  return replace(
    DedupIndex.prototype,
    "insert",
    (real) =>
      function (this: DedupIndex, low: number, high: number, seq: number): void {
        if (++inserted % 20 > 0) real.call(this, low, high, seq);
      },
  );
}

/** Replaces what one kind of statement does when it is run. */
function replaceRun(
  db: Database,
  statement: string,
  make: (real: (...args: SQLQueryBindings[]) => unknown) => (...args: SQLQueryBindings[]) => unknown,
): Database {
  const prepare = db.prepare.bind(db) as Database["prepare"];
  return Object.assign(db, {
    prepare: (sql: string) => {
      const prepared = prepare(sql);
      if (!sql.trimStart().startsWith(statement)) return prepared;
      return Object.assign(prepared, { run: make(prepared.run.bind(prepared)) });
    },
  });
}

function attempt(task: () => unknown): void {
  try {
    task();
  } catch {
    // Too late to be told to anybody: the commit has been made.
  }
}

function countOutsideTransaction(db: Database): Database {
  let counters: (() => unknown)[] = [];
  replaceRun(
    db,
    "INSERT INTO counters",
    (real) =>
      (...args) =>
        counters.push(() => real(...args)),
  );
  replaceRun(db, "BEGIN", (real) => (...args) => {
    counters = [];
    return real(...args);
  });
  return replaceRun(db, "COMMIT", (real) => (...args) => {
    real(...args);
    for (const count of counters.splice(0)) attempt(count);
  });
}

function loseCommitInLog(): () => void {
  let commits = 0;
  return replace(
    DeltaLog.prototype,
    "add",
    (real) =>
      function (this: DeltaLog, revision: number, rows: Float64Array, now: number): void {
        real.call(this, revision, ++commits % 7 === 0 ? new Float64Array() : rows, now);
      },
  );
}

function sumFromWrongRevision(): () => void {
  const memo = new WeakMap<DeltaLog, { to: number; rows: ReturnType<DeltaLog["sum"]> }>();
  return replace(
    DeltaLog.prototype,
    "sum",
    (real) =>
      function (this: DeltaLog, from: number, to: number) {
        const last = memo.get(this);
        if (last?.to === to) return last.rows;
        const rows = real.call(this, from, to);
        memo.set(this, { to, rows });
        return rows;
      },
  );
}

function sumOneRevisionTooFar(): () => void {
  return replace(
    DeltaLog.prototype,
    "sum",
    (real) =>
      function (this: DeltaLog, from: number, to: number) {
        return real.call(this, from, from === to ? to : to + 1);
      },
  );
}

function tellStragglersTwice(): () => void {
  const wrapped = new WeakSet<StatsSink>();
  return replace(
    StatsGroup.prototype,
    "add",
    (real) =>
      function (
        this: StatsGroup,
        subscriber: Parameters<typeof real>[0],
        resumeFrom: number | undefined,
      ): void {
        const { sink } = subscriber;
        if (!wrapped.has(sink)) repeatBeforeJoining(sink);
        wrapped.add(sink);
        real.call(this, subscriber, resumeFrom);
      },
  );
}

function repeatBeforeJoining(sink: StatsSink): void {
  const [send, join] = [sink.send.bind(sink), sink.join.bind(sink)];
  let last = "";
  sink.send = (text) => send((last = text));
  sink.join = (channel) => {
    send(last);
    join(channel);
  };
}

class SeqOffByOneStore extends SqliteEventStore {
  override append(batch: Batch): AppendResult {
    const result = super.append(batch);
    const { status, seq } = result.verdicts;
    for (let i = 0; i < batch.events.length; i++) if (status[i] === EventStatus.duplicate) seq[i]! += 1;
    return result;
  }
}

class NeverUncertainStore extends SqliteEventStore {
  override append(batch: Batch): AppendResult {
    try {
      return super.append(batch);
    } catch (error) {
      throw new StoreError("refused", "Nothing was stored, supposedly.", error);
    }
  }
}

function loseSomeBroadcasts(): NodeParts["wrapBroadcast"] {
  let broadcasts = 0;
  return (broadcast) => (channel, text) => {
    if (++broadcasts % 5 > 0) broadcast(channel, text);
  };
}

export const BROKEN_VARIANTS: readonly BrokenVariant[] = [
  { name: "acknowledges before the commit", install: acknowledgeBeforeCommit },
  { name: "keeps index entries of a failed commit", install: keepIndexOfFailedCommit },
  {
    name: "keeps the topics of a failed commit",
    install: () => replace(TopicTable.prototype, "dropStaged", () => TopicTable.prototype.keepStaged),
  },
  { name: "counts outside the transaction", parts: { wrapDatabase: countOutsideTransaction } },
  {
    name: "leaves out the rollback",
    parts: { wrapDatabase: (db) => replaceRun(db, "ROLLBACK", () => () => undefined) },
  },
  { name: "leaves a failed connection open", parts: { wrapDatabase: leaveOpen } },
  { name: "takes a commit of unknown outcome for refused", parts: { Store: NeverUncertainStore } },
  { name: "takes equal fingerprints for equal keys", install: takeFingerprintForKey },
  { name: "loses entries of the index", install: forgetIndexEntries },
  { name: "reports the seq of a duplicate off by one", parts: { Store: SeqOffByOneStore } },
  { name: "loses a broadcast", parts: { wrapBroadcast: loseSomeBroadcasts() } },
  { name: "loses a commit in the delta log", install: loseCommitInLog },
  { name: "sums a delta from somebody else's revision", install: sumFromWrongRevision },
  { name: "sums a delta one revision too far", install: sumOneRevisionTooFar },
  { name: "tells a straggler twice", install: tellStragglersTwice },
  {
    name: "takes it that the delta log reaches back to everybody",
    install: () => replace(DeltaLog.prototype, "reaches", () => () => true),
  },
  {
    name: "goes on in a new epoch without a snapshot",
    install: () => replace(StatsGroup.prototype, "reset", () => () => {}),
  },
];

/** As `close` does by default: statements that are still prepared keep the connection. */
function leaveOpen(db: Database): Database {
  const close = db.close.bind(db);
  return Object.assign(db, { close: () => close(false) });
}
