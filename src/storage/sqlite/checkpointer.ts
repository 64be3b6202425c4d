/**
 * Copies the write-ahead log back into the database, away from the thread that commits.
 *
 * A checkpoint run by the committing connection holds up commits for 80 to 200 ms; run here it holds up none. But
 * under constant writing there is always one frame that is not copied yet, and the log only restarts from its
 * beginning when there is none. So when the log is long and nearly copied, the ledger is asked to copy the rest
 * itself between two commits, which is a matter of a few hundred pages.
 */

import type { Database } from "bun:sqlite";
import { StoreError } from "../event-store.ts";
import { openExisting } from "./database.ts";

/** How often the log's length is looked at. */
export const CHECKPOINT_POLL_MS = 100;

const PAGE_BYTES = 4_096;

/**
 * Pages not copied yet from which on they are. Copying ends with a sync of the database, which the syncs of commits
 * wait behind: the more is copied at a time, the longer.
 */
const COPY_PAGES_MIN = (4 * 1024 * 1024) / PAGE_BYTES;

/** Pages in the log from which on the ledger is asked to let it restart. */
const RESTART_PAGES_MIN = (64 * 1024 * 1024) / PAGE_BYTES;

/** So many pages may be left to the ledger, as long as the log is not too long. */
const REST_PAGES_MAX = 512;

/**
 * From here on whatever is left is left to the ledger once passes do not get shorter: writing outruns the copying, and
 * only commits that wait for it keep the log from growing for ever.
 */
const LONG_PAGES_MIN = (128 * 1024 * 1024) / PAGE_BYTES;

/** Polls for which a request stands. Then there is no commit to wait for, and what it would have to copy may grow. */
const POLLS_ASKED_MAX = 10;

/** Passes in a row: each is shorter than the one before, as long as copying is faster than writing. */
const PASSES_MAX = 8;

/** One word of memory shared with the ledger: 1 asks it to copy the rest. */
export type RestartRequest = Int32Array;

export function makeRestartRequest(): RestartRequest {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

interface CheckpointRow {
  readonly log: number;
  readonly checkpointed: number;
}

export class Checkpointer {
  readonly #db: Database;
  readonly #request: RestartRequest;
  /** Polls since the ledger was asked. */
  #pollsAsked = 0;

  constructor(path: string, request: RestartRequest) {
    this.#db = openExisting(path);
    this.#request = request;
  }

  poll(): void {
    if (this.#isLedgersTurn()) return;
    let before = checkpoint(this.#db, "NOOP");
    if (before.log - before.checkpointed < COPY_PAGES_MIN) return;
    for (let pass = 1; pass <= PASSES_MAX; pass++) {
      checkpoint(this.#db, "PASSIVE");
      // What was written meanwhile is not in the answer to that.
      const after = checkpoint(this.#db, "NOOP");
      // A pass that copies nothing has met somebody who reads an old state: the ledger could not copy more either.
      if (after.checkpointed === before.checkpointed) return;
      const [rest, restBefore] = [after.log - after.checkpointed, before.log - before.checkpointed];
      if (rest <= REST_PAGES_MAX) {
        if (rest > 0 && after.log > RESTART_PAGES_MIN) this.#askForRestart();
        return;
      }
      if (after.log > LONG_PAGES_MIN && rest > restBefore / 2) {
        this.#askForRestart();
        return;
      }
      before = after;
    }
  }

  /** One copies at a time: while it is asked the ledger is left in peace, but not for ever where nothing is committed. */
  #isLedgersTurn(): boolean {
    if (Atomics.load(this.#request, 0) !== 1) return false;
    if (++this.#pollsAsked < POLLS_ASKED_MAX) return true;
    Atomics.store(this.#request, 0, 0);
    return false;
  }

  #askForRestart(): void {
    this.#pollsAsked = 0;
    Atomics.store(this.#request, 0, 1);
  }

  close(): void {
    this.#db.close();
  }
}

/** For the ledger, between two commits: does what the checkpointer asked for. @throws StoreError */
export function restartLogIfAsked(db: Database, request: RestartRequest): void {
  if (Atomics.load(request, 0) !== 1) return;
  try {
    checkpoint(db, "PASSIVE");
  } catch (error) {
    // What was written without a sync before may be lost with this one.
    if ((error as { code?: unknown }).code === "SQLITE_IOERR_FSYNC")
      throw new StoreError("unknown", "The log could not be synced.", error);
    // On a full disk, say. The log stays as it is and the checkpointer asks again; commits report the disk themselves.
  } finally {
    Atomics.store(request, 0, 0);
  }
}

/** `NOOP` only looks. */
export function checkpoint(db: Database, mode: "NOOP" | "PASSIVE" | "TRUNCATE"): CheckpointRow {
  const row = db.prepare<CheckpointRow, []>(`PRAGMA wal_checkpoint(${mode})`).get();
  return row ?? { log: 0, checkpointed: 0 };
}
