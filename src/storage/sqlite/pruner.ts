/**
 * Removes what retention no longer keeps, a bounded step at a time, between two commits.
 *
 * A step is planned from the file and the pools, written as one transaction, and only then do index, recent events and
 * pools follow. The first step after a commit is not synced: it is owed to nobody, and the next commit's sync covers it,
 * because the log is one sequence. A step that a power cut undoes is simply done again.
 */

import type { Database, Statement } from "bun:sqlite";
import { StoreError } from "../event-store.ts";
import { metaChecksum } from "./checksums.ts";
import { readPragma } from "./database.ts";
import { type Forgetting, type ForgottenId, RememberedIds, thinned } from "./remembered-ids.ts";
import type { PoolEvent, RetentionPool, RetentionPools } from "./retention-pool.ts";
import { STORED_BYTES } from "./stored-bytes.ts";
import { segmentOf } from "./topic-segments.ts";
import { Transaction } from "./transaction.ts";

/** What a topic lost in one step. */
interface TopicLoss {
  events: number;
  bytes: number;
  prunedThrough: number;
  /** Segments that its removed events were in. */
  readonly segments: Set<number>;
}

/** What a step will do; nothing is changed until it has been written. */
export interface PruneStep {
  readonly removed: readonly PoolEvent[];
  readonly losses: ReadonlyMap<number, TopicLoss>;
  readonly pool: RetentionPool;
  readonly cursor: number;
  /** Before this time nothing more of the pool is due, in milliseconds since 1970. */
  readonly dueAt: number;
}

export interface PrunerOptions {
  readonly db: Database;
  readonly pools: RetentionPools;
  readonly dedupWindowMs: number;
  /** Up to which `seq` the events of each topic are removed, in the order of their numbers. */
  readonly prunedThrough: readonly number[];
}

/** Pages that may be free before the file is made smaller: what comes in next uses them. */
const FREE_PAGES_MIN = 4_096;

/** The same as a share of the file. */
const FREE_SHARE_MAX = 0.25;

/** Pages moved in one step. */
const VACUUM_PAGES = 64;

export class Pruner {
  readonly #options: PrunerOptions;
  readonly #transaction: Transaction;
  readonly #ids: RememberedIds;
  readonly #oldest: Statement<PoolEvent, [number, number]>;
  readonly #stored: Statement<{ seq: number }, [number, number]>;
  readonly #delete: Statement;
  readonly #deleteSegment: Statement;
  readonly #addPruned: Statement;
  readonly #setPrunedThrough: Statement;
  /** By topic number. */
  readonly #prunedThrough: number[];
  /** Rows of ids before this `seq` hold none that has outlived its event. */
  #outlivedFrom = 0;
  /** Before this time none of them is to be forgotten, in milliseconds since 1970. */
  #outlivedDueAt = 0;
  #mayShrink = true;
  /** Whether a step may wait for its sync: then the next one is synced, so that little can be torn off the log. */
  #isUnsynced = true;

  constructor(options: PrunerOptions) {
    const { db } = options;
    this.#options = options;
    this.#prunedThrough = [0, ...options.prunedThrough];
    this.#transaction = new Transaction(db);
    this.#ids = new RememberedIds(db);
    this.#oldest = db.prepare(
      `SELECT seq, topic_id AS topicId, ${STORED_BYTES} AS bytes, received_at AS receivedAt
       FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#stored = db.prepare("SELECT seq FROM events WHERE seq BETWEEN ? AND ?");
    this.#delete = db.prepare("DELETE FROM events WHERE seq BETWEEN ? AND ?");
    this.#deleteSegment = db.prepare("DELETE FROM topic_segments WHERE segment = ? AND topic_id = ?");
    this.#addPruned = db.prepare(
      `UPDATE counters SET pruned = pruned + ?2, stored_bytes = stored_bytes - ?3, pruned_through = ?4,
         checksum = checksum + 61 * ?2 - 71 * ?3 + 67 * (?4 - pruned_through) WHERE topic_id = ?1`,
    );
    this.#setPrunedThrough = db.prepare(
      `INSERT INTO meta (key, value, checksum) VALUES ('pruned_through', ?1, ?2)
       ON CONFLICT (key) DO UPDATE SET value = ?1, checksum = ?2`,
    );
  }

  /** No event of a topic up to this `seq` is left. */
  prunedThrough(topicId: number): number {
    return this.#prunedThrough[topicId] ?? 0;
  }

  /** A commit of events has been synced, and with it all that was written before it. */
  noteSynced(): void {
    this.#isUnsynced = false;
  }

  /** The pool's next step, or nothing when it is within its limit. @param rowsMax events looked at. */
  plan(pool: RetentionPool, now: number, rowsMax: number): PruneStep | undefined {
    if (!pool.isDue(now)) return undefined;
    const rows = this.#oldest.all(pool.cursor, rowsMax);
    const removed: PoolEvent[] = [];
    const sum = { events: 0, bytes: 0 };
    let cursor = pool.cursor;
    let dueAt = 0;
    for (const row of rows) {
      if (this.#options.pools.isIn(row.topicId, pool)) {
        if (!pool.mustRemove(row, now, sum)) {
          dueAt = pool.dueAtOf(row.receivedAt);
          break;
        }
        removed.push(row);
        sum.events++;
        sum.bytes += row.bytes;
      }
      cursor = row.seq;
    }
    if (cursor > pool.cursor) return { removed, losses: this.#lossesOf(removed), pool, cursor, dueAt };
    pool.dueAt = dueAt;
    return undefined;
  }

  #lossesOf(removed: readonly PoolEvent[]): Map<number, TopicLoss> {
    const losses = new Map<number, TopicLoss>();
    for (const { seq, topicId, bytes } of removed) {
      let loss = losses.get(topicId);
      if (loss === undefined) {
        const earlier = segmentOf(this.prunedThrough(topicId));
        losses.set(topicId, (loss = { events: 0, bytes: 0, prunedThrough: 0, segments: new Set([earlier]) }));
      }
      loss.events++;
      loss.bytes += bytes;
      loss.prunedThrough = seq;
      loss.segments.add(segmentOf(seq));
    }
    return losses;
  }

  /** Writes a step. @returns what is forgotten with it. @throws StoreError */
  write({ removed, losses }: PruneStep, now: number): Forgetting {
    const newest = removed.at(-1);
    if (newest === undefined) return { ids: [], through: 0 };
    return this.#inTransaction(() => {
      for (const [first, last] of runsOf(removed)) this.#delete.run(first, last);
      for (const [topicId, { events, bytes, prunedThrough, segments }] of losses) {
        this.#addPruned.run(topicId, events, bytes, prunedThrough);
        for (const segment of segments)
          if (segment < segmentOf(prunedThrough)) this.#deleteSegment.run(segment, topicId);
      }
      this.#notePruned(newest.seq);
      const ids = this.#forgetRemoved(removed, now);
      return { ids, through: this.#ids.dropForgotten() };
    });
  }

  /** A step has been written. */
  follow({ losses, pool, cursor, dueAt }: PruneStep): void {
    pool.cursor = cursor;
    pool.dueAt = dueAt;
    this.#mayShrink = true;
    for (const [topicId, { events, bytes, prunedThrough }] of losses) {
      this.#options.pools.change(topicId, -events, -bytes);
      this.#prunedThrough[topicId] = prunedThrough;
    }
  }

  /** Forgets the ids of one row that have outlived their event for longer than the window. @throws StoreError */
  forgetOutlived(now: number): Forgetting | undefined {
    if (now < this.#outlivedDueAt) return undefined;
    const row = this.#ids.outlivedFrom(this.#outlivedFrom);
    this.#outlivedDueAt = row === undefined ? Number.POSITIVE_INFINITY : this.#windowEnd(row.receivedAt);
    if (row === undefined || now < this.#outlivedDueAt) return undefined;
    const forgetting = this.#inTransaction(() => {
      const stored = new Set(
        this.#stored.all(row.firstSeq, row.firstSeq + row.count - 1).map(({ seq }) => seq),
      );
      const { row: rest, forgotten } = thinned(row, (seq) => stored.has(seq));
      this.#ids.write({ ...rest, outlived: 0 });
      return { ids: forgotten, through: this.#ids.dropForgotten() };
    });
    this.#outlivedFrom = row.firstSeq;
    return forgetting;
  }

  /** Gives free pages back, a few at a time, when they are many. Whether more are to go. */
  shrink(): boolean {
    if (!this.#mayShrink) return false;
    const { db } = this.#options;
    const free = Number(readPragma(db, "freelist_count"));
    this.#mayShrink = free >= FREE_PAGES_MIN && free >= Number(readPragma(db, "page_count")) * FREE_SHARE_MAX;
    if (!this.#mayShrink) return false;
    this.#unsynced(() => vacuum(db));
    // A file from before there was retention cannot be made smaller this way.
    this.#mayShrink = Number(readPragma(db, "freelist_count")) < free;
    return this.#mayShrink;
  }

  /** Removed events take their ids along, unless the window still holds them. */
  #forgetRemoved(removed: readonly PoolEvent[], now: number): ForgottenId[] {
    const forgotten: ForgottenId[] = [];
    let at = 0;
    for (const row of this.#ids.covering(removed[0]!.seq, removed.at(-1)!.seq)) {
      const gone = new Set<number>();
      for (; at < removed.length && removed[at]!.seq < row.firstSeq + row.count; at++)
        gone.add(removed[at]!.seq);
      if (gone.size === 0) continue;
      if (now >= this.#windowEnd(row.receivedAt)) {
        const { row: rest, forgotten: ids } = thinned(row, (seq) => !gone.has(seq));
        this.#ids.write(rest);
        for (const id of ids) forgotten.push(id);
      } else {
        this.#ids.write({ ...row, outlived: row.outlived + gone.size });
        this.#outlivedFrom = Math.min(this.#outlivedFrom, row.firstSeq);
        this.#outlivedDueAt = Math.min(this.#outlivedDueAt, this.#windowEnd(row.receivedAt));
      }
    }
    return forgotten;
  }

  /** Lets readers see at a glance that nothing behind their cursor is missing. */
  #notePruned(seq: number): void {
    const value = String(this.#prunedThrough.reduce((newest, pruned) => Math.max(newest, pruned), seq));
    this.#setPrunedThrough.run(value, metaChecksum("pruned_through", value));
  }

  /** Until when the id of an event is remembered without it; without a window at no time, whatever the clock says. */
  #windowEnd(receivedAt: number): number {
    const { dedupWindowMs } = this.#options;
    return dedupWindowMs === 0 ? Number.NEGATIVE_INFINITY : receivedAt + dedupWindowMs;
  }

  #inTransaction<T>(work: () => T): T {
    return this.#unsynced(() => this.#transaction.run(work));
  }

  /** Everything after it is synced again, or the store is opened anew. @throws StoreError */
  #unsynced<T>(work: () => T): T {
    const { db } = this.#options;
    if (this.#isUnsynced) {
      this.#isUnsynced = false;
      return work();
    }
    this.#isUnsynced = true;
    try {
      db.run("PRAGMA synchronous = NORMAL");
      return work();
    } finally {
      restoreSync(db);
    }
  }
}

/** @throws StoreError: a sync that failed may have lost what was written before it, too. */
function vacuum(db: Database): void {
  try {
    db.run(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  } catch (error) {
    const isHarmless = /^SQLITE_(?:FULL|BUSY)/.test(String((error as { code?: unknown }).code));
    throw new StoreError(isHarmless ? "refused" : "unknown", "Free space could not be given back.", error);
  }
}

const SYNCHRONOUS_FULL = 2;

function restoreSync(db: Database): void {
  let mode: unknown;
  let cause: unknown;
  try {
    db.run("PRAGMA synchronous = FULL");
    mode = readPragma(db, "synchronous");
  } catch (error) {
    cause = error;
  }
  if (mode === SYNCHRONOUS_FULL) return;
  throw new StoreError("unknown", "Commits would not be synced any more.", cause);
}

/** The removed sequence numbers as ranges, both ends inclusive. */
function runsOf(removed: readonly PoolEvent[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const { seq } of removed) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === seq) last[1] = seq;
    else runs.push([seq, seq]);
  }
  return runs;
}
