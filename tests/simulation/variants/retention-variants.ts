/** Retention that breaks a guarantee: removes, forgets, counts or syncs otherwise than it says. */

import type { Database, Statement } from "bun:sqlite";
import { StoreError } from "../../../src/storage/event-store.ts";
import { KEEP_EVERYTHING } from "../../../src/storage/retention.ts";
import { DedupIndex } from "../../../src/storage/sqlite/dedup-index.ts";
import { Pruner, type PruneStep } from "../../../src/storage/sqlite/pruner.ts";
import { RecentEvents } from "../../../src/storage/sqlite/recent-events.ts";
import type { Forgetting } from "../../../src/storage/sqlite/remembered-ids.ts";
import { type PoolEvent, RetentionPool } from "../../../src/storage/sqlite/retention-pool.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { SqliteEventStore, type SqliteStoreOptions } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { type BrokenVariant, replace, replaceAll, replaceRun, withDatabase } from "./replace.ts";

type MustRemove = RetentionPool["mustRemove"];

/** Replaces whether a pool removes an event. */
function replaceMustRemove(make: (real: MustRemove, ...args: Parameters<MustRemove>) => boolean): () => void {
  return replace(
    RetentionPool.prototype,
    "mustRemove",
    (real) =>
      function (this: RetentionPool, ...args: Parameters<MustRemove>): boolean {
        return make(real.bind(this), ...args);
      },
  );
}

/** One event more than each rule asks for. */
function pruneOneTooMany(real: MustRemove, event: PoolEvent, now: number, removed: Sums): boolean {
  const { events, bytes } = removed;
  return real(event, now, events > 0 ? { events: events - 1, bytes: bytes - 1 } : removed);
}

type Sums = Parameters<MustRemove>[2];

/** As if a commit had come after each step. */
function leaveUnsynced(): () => void {
  return replace(
    Pruner.prototype,
    "write",
    (real) =>
      function (this: Pruner, step: PruneStep, now: number): Forgetting {
        this.noteSynced();
        return real.call(this, step, now);
      },
  );
}

/** Memory first, the file after it. */
function followBeforeWriting(): () => void {
  return replace(
    Pruner.prototype,
    "write",
    (real) =>
      function (this: Pruner, step: PruneStep, now: number): Forgetting {
        try {
          return real.call(this, step, now);
        } catch (error) {
          if (error instanceof StoreError && error.outcome === "refused") this.follow(step);
          throw error;
        }
      },
  );
}

/** Ids go with their events, whatever was asked for. */
const WITHOUT_WINDOW: Pick<BrokenVariant, "parts"> = {
  parts: () => ({
    Store: class extends SqliteEventStore {
      constructor({ retention = KEEP_EVERYTHING, ...options }: SqliteStoreOptions) {
        super({ ...options, retention: { ...retention, dedupWindowMs: 0 } });
      }
    },
  }),
};

/** Of the oldest rows the newest are asked for. */
function pruneNewest(db: Database): Database {
  const prepare = db.prepare.bind(db) as Database["prepare"];
  return Object.assign(db, {
    prepare: (sql: string) =>
      prepare(sql.startsWith("DELETE FROM events") ? `${sql} AND ?1 <> ?2 OR seq = ?2 + 1` : sql),
  });
}

/** Says that it is put back, and it is not. */
function stayUnsynced(db: Database): Database {
  const [run, prepare] = [db.run.bind(db), db.prepare.bind(db) as Database["prepare"]];
  return Object.assign(db, {
    run: (sql: string) => (sql === "PRAGMA synchronous = FULL" ? { changes: 0 } : run(sql)),
    prepare: (sql: string): Statement => {
      const prepared = prepare(sql);
      return sql === "PRAGMA synchronous"
        ? Object.assign(prepared, { get: () => ({ synchronous: 2 }) })
        : prepared;
    },
  });
}

/** What is bound to a statement is another value. */
function binding(statement: string, change: (args: unknown[]) => unknown[]): Pick<BrokenVariant, "parts"> {
  return withDatabase((db) =>
    replaceRun(
      db,
      statement,
      (real) =>
        (...args) =>
          real(...(change(args) as typeof args)),
    ),
  );
}

const VARIANTS: readonly BrokenVariant[] = [
  { name: "removes one event too many", install: () => replaceMustRemove(pruneOneTooMany) },
  { name: "removes the event after the one that has to go", ...withDatabase(pruneNewest) },
  {
    name: "never removes by age",
    install: () =>
      replace(
        RetentionPool.prototype,
        "isDue",
        (real) =>
          function (this: RetentionPool, now) {
            return this.kind !== "age" && real.call(this, now);
          },
      ),
  },
  {
    name: "leaves forgotten ids in the index",
    install: () => replace(DedupIndex.prototype, "remove", () => () => false as never),
  },
  {
    name: "forgets ids in memory that the file remembers",
    ...withDatabase((db) =>
      replaceRun(db, "INSERT INTO fingerprints (first_seq, count, words, offsets", () => () => undefined),
    ),
  },
  {
    name: "keeps events that are gone at hand for duplicates",
    install: () => replace(RecentEvents.prototype, "drop", () => () => {}),
  },
  {
    name: "does not keep how far a topic is pruned",
    ...binding("UPDATE counters", ([id, n, bytes]) => [id, n, bytes, 0]),
  },
  {
    name: "notes the end of a step that it did not reach",
    ...binding("INSERT INTO meta (key, value, checksum) VALUES ('pruned_through'", ([value, sum]) => [
      String(Number(value) + 1),
      sum,
    ]),
  },
  {
    name: "counts down what it removes",
    ...withDatabase((db) => {
      const prepare = db.prepare.bind(db) as Database["prepare"];
      const change = (sql: string): string =>
        sql.replace("SET pruned = pruned + ?2", "SET unique_processed = unique_processed - ?2");
      return Object.assign(db, { prepare: (sql: string) => prepare(change(sql)) });
    }),
  },
  { name: "lets memory follow a step that failed", install: followBeforeWriting },
  { name: "ignores the window of an id", ...WITHOUT_WINDOW },
  {
    name: "never forgets an id that outlived its event",
    install: () => replace(Pruner.prototype, "forgetOutlived", () => () => undefined),
  },
  {
    name: "does not tell readers of a gap",
    install: () =>
      replace(
        SqliteEventReader.prototype,
        "page",
        (real) =>
          function (this: SqliteEventReader, query) {
            const { gap: _, ...page } = real.call(this, query);
            return page;
          },
      ),
  },
  { name: "stays unsynced after a step of retention", ...withDatabase(stayUnsynced) },
  {
    name: "leaves a second step unsynced",
    install: leaveUnsynced,
  },
  {
    name: "removes events and notes it in a transaction of its own",
    ...withDatabase((db) => {
      const [commit, begin] = [db.prepare("COMMIT"), db.prepare("BEGIN IMMEDIATE")];
      return replaceRun(db, "UPDATE counters", (real) => (...args) => {
        commit.run();
        begin.run();
        return real(...args);
      });
    }),
  },
  {
    name: "forgets the id of an event that is stored",
    ...withDatabase((db) =>
      replaceAll(db, "SELECT seq FROM events WHERE seq BETWEEN", (rows) => rows.slice(1)),
    ),
  },
];

export const RETENTION_VARIANTS: readonly BrokenVariant[] = VARIANTS.map((variant) => ({
  ...variant,
  hasRetention: true,
}));
