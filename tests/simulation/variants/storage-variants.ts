/** Stores that break a guarantee, each in a way that somebody might have written. */

import type { Database } from "bun:sqlite";
import { EventStatus } from "../../../src/events/event.ts";
import { FINGERPRINT_WORDS } from "../../../src/events/fingerprint.ts";
import {
  type AppendResult,
  type Batch,
  INCREMENT_COLUMNS,
  StoreError,
} from "../../../src/storage/event-store.ts";
import { type Commit, CommitWriter } from "../../../src/storage/sqlite/commit-writer.ts";
import { DedupIndex } from "../../../src/storage/sqlite/dedup-index.ts";
import { KeyLookup } from "../../../src/storage/sqlite/key-lookup.ts";
import { SqliteEventStore } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { TopicTable } from "../../../src/storage/sqlite/topic-table.ts";
import { type BrokenVariant, replace, replaceAll, replaceRun, withDatabase } from "./replace.ts";

/** Replaces how a commit is written. */
function replaceWrite(make: (write: (commit: Commit) => void, commit: Commit) => void): () => void {
  return replace(
    CommitWriter.prototype,
    "write",
    (real) =>
      function (this: CommitWriter, commit: Commit): void {
        make((changed) => real.call(this, changed), commit);
      },
  );
}

function acknowledgeBeforeCommit(): () => void {
  const waiting = new WeakMap<CommitWriter, Commit>();
  return replace(
    CommitWriter.prototype,
    "write",
    (real) =>
      function (this: CommitWriter, commit: Commit): void {
        const earlier = waiting.get(this);
        waiting.set(this, structuredClone(commit));
        if (earlier !== undefined) real.call(this, earlier);
      },
  );
}

/** As far as anybody can tell: what stands in the index when a commit fails stays there. */
function indexBeforeCommit(): () => void {
  let index: DedupIndex | undefined;
  const unwatch = replace(
    KeyLookup.prototype,
    "begin",
    (real) =>
      function (this: KeyLookup, ...args: Parameters<typeof real>): void {
        index = Reflect.get(this, "index") as DedupIndex;
        real.apply(this, args);
      },
  );
  const restore = replaceWrite((write, commit) => {
    try {
      write(commit);
    } catch (error) {
      const words = new Uint32Array(commit.fingerprints.slice().buffer);
      for (let i = 0; i < commit.fresh.length; i++)
        index!.insert(words[i * FINGERPRINT_WORDS]!, words[i * FINGERPRINT_WORDS + 1]!, commit.firstSeq + i);
      throw error;
    }
  });
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

function attempt(task: () => unknown): void {
  try {
    task();
  } catch {
    // Too late to be told to anybody: the commit has been made.
  }
}

/** The statements of one kind run once the commit has been made. */
function afterCommit(statement: string): NonNullable<BrokenVariant["parts"]> {
  return () => ({
    wrapDatabase: (db: Database): Database => {
      let late: (() => unknown)[] = [];
      replaceRun(
        db,
        statement,
        (real) =>
          (...args) =>
            late.push(() => real(...args)),
      );
      replaceRun(db, "BEGIN", (real) => (...args) => {
        late = [];
        return real(...args);
      });
      return replaceRun(db, "COMMIT", (real) => (...args) => {
        real(...args);
        for (const run of late.splice(0)) attempt(run);
      });
    },
  });
}

/** The counters go into a transaction of their own, right after that of the events. */
function commitTwice(db: Database): Database {
  const [commit, begin] = [db.prepare("COMMIT"), db.prepare("BEGIN IMMEDIATE")];
  let isFirst = true;
  replaceRun(db, "BEGIN", (real) => (...args) => {
    isFirst = true;
    return real(...args);
  });
  return replaceRun(db, "INSERT INTO counters", (real) => (...args) => {
    if (isFirst) {
      commit.run();
      begin.run();
    }
    isFirst = false;
    return real(...args);
  });
}

/** A row that cannot be written is left out, and the rest goes in. */
function leaveOutFailing(statement: string): Pick<BrokenVariant, "parts"> {
  return withDatabase((db) =>
    replaceRun(
      db,
      statement,
      (real) =>
        (...args) =>
          attempt(() => real(...args)),
    ),
  );
}

function swapFirstTwo<T>(items: readonly T[]): T[] {
  const [first, second, ...rest] = items;
  return second === undefined ? [...items] : [second, first!, ...rest];
}

/** The numbers of the first two topics of a commit change places. */
function countForOtherTopic(commit: Commit): Commit {
  const rows = commit.increments.rows.slice();
  if (rows.length > INCREMENT_COLUMNS)
    [rows[0], rows[INCREMENT_COLUMNS]] = [rows[INCREMENT_COLUMNS]!, rows[0]!];
  return { ...commit, increments: { ...commit.increments, rows } };
}

/** A store whose answers, or whose batches, are changed on their way. */
function storeThat(
  append: (real: (batch: Batch) => AppendResult, batch: Batch) => AppendResult,
): Pick<BrokenVariant, "parts"> {
  return {
    parts: () => ({
      Store: class extends SqliteEventStore {
        override append(batch: Batch): AppendResult {
          return append((changed) => super.append(changed), batch);
        }
      },
    }),
  };
}

function seqOffByOne(real: (batch: Batch) => AppendResult, batch: Batch): AppendResult {
  const result = real(batch);
  const { status, seq } = result.verdicts;
  for (let i = 0; i < batch.events.length; i++) if (status[i] === EventStatus.duplicate) seq[i]! += 1;
  return result;
}

function ownTimeForFirst(real: (batch: Batch) => AppendResult, batch: Batch): AppendResult {
  const result = real(batch);
  result.verdicts.firstReceivedAt.fill(result.increments.at, 0, batch.events.length);
  return result;
}

function neverUncertain(real: (batch: Batch) => AppendResult, batch: Batch): AppendResult {
  try {
    return real(batch);
  } catch (error) {
    throw new StoreError("refused", "Nothing was stored, supposedly.", error);
  }
}

/** Nothing but the newest row says when the store was last written to. */
function forgetLastTime(db: Database): Database {
  return replaceAll(db, "SELECT id", (rows) => rows.map((row) => ({ ...(row as object), lastAt: 0 })));
}

/** As `close` does by default: statements that are still prepared keep the connection. */
function leaveOpen(db: Database): Database {
  const close = db.close.bind(db);
  return Object.assign(db, { close: () => close(false) });
}

function loseLastFingerprints(rows: unknown[]): unknown[] {
  const last = rows.at(-1) as { words: Uint8Array } | undefined;
  last?.words.fill(7);
  return rows;
}

export const STORAGE_VARIANTS: readonly BrokenVariant[] = [
  { name: "acknowledges before the commit", install: acknowledgeBeforeCommit },
  { name: "updates the index before the commit", install: indexBeforeCommit },
  {
    name: "keeps the topics of a failed commit",
    install: () => replace(TopicTable.prototype, "dropStaged", () => TopicTable.prototype.keepStaged),
  },
  { name: "counts outside the transaction", parts: afterCommit("INSERT INTO counters") },
  { name: "writes conflicts outside the transaction", parts: afterCommit("INSERT INTO conflicts") },
  { name: "commits counters in a transaction of their own", ...withDatabase(commitTwice) },
  { name: "leaves out a row that cannot be written", ...leaveOutFailing("INSERT INTO events") },
  { name: "leaves out a counter that cannot be written", ...leaveOutFailing("INSERT INTO counters") },
  {
    name: "leaves out the rollback",
    ...withDatabase((db) => replaceRun(db, "ROLLBACK", () => () => undefined)),
  },
  {
    name: "never stores a conflict",
    ...withDatabase((db) => replaceRun(db, "INSERT INTO conflicts", () => () => undefined)),
  },
  { name: "leaves a failed connection open", ...withDatabase(leaveOpen) },
  { name: "takes a commit of unknown outcome for refused", ...storeThat(neverUncertain) },
  {
    name: "forgets the fingerprints of the last commit at a start",
    ...withDatabase((db) => replaceAll(db, "SELECT first_seq", loseLastFingerprints)),
  },
  { name: "forgets at a start when it was last written to", ...withDatabase(forgetLastTime) },
  { name: "loses entries of the index", install: forgetIndexEntries },
  {
    name: "writes the rows of a commit in another order",
    install: () => replaceWrite((write, commit) => write({ ...commit, fresh: swapFirstTwo(commit.fresh) })),
  },
  {
    name: "counts for another topic",
    install: () => replaceWrite((write, commit) => write(countForOtherTopic(commit))),
  },
  { name: "reports the seq of a duplicate off by one", ...storeThat(seqOffByOne) },
  { name: "reports a duplicate's own time as its first arrival's", ...storeThat(ownTimeForFirst) },
  {
    name: "keeps numbers only as exactly as a double can",
    ...storeThat((real, { events, receivedAt }) => {
      const rounded = (text: string): string => JSON.stringify(JSON.parse(text)) ?? "null";
      return real({ events: events.map((e) => ({ ...e, payload: rounded(e.payload) })), receivedAt });
    }),
  },
  {
    name: "ignores the scope of an id",
    ...storeThat((real, { events, receivedAt }) =>
      real({ events: events.map((event) => ({ ...event, scope: "" })), receivedAt }),
    ),
  },
];
