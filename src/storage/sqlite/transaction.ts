/** One transaction on the connection that commits, and whether it may have been stored when it fails. */

import type { Database, Statement } from "bun:sqlite";
import { StoreError } from "../event-store.ts";

export class Transaction {
  readonly #db: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
  }

  /** @throws StoreError saying whether it may have been stored. */
  run<T>(work: () => T): T {
    let result: T;
    try {
      this.#begin.run();
      result = work();
    } catch (error) {
      throw this.#undo("The transaction was rolled back.", error);
    }
    try {
      this.#commit.run();
      return result;
    } catch (error) {
      // A full disk stops the log before the frame that makes a commit valid; any other failure may come after it.
      if (isDiskFull(error)) throw this.#undo("The disk is full.", error);
      throw new StoreError("unknown", "The commit failed while it was being synced.", error);
    }
  }

  /** Rolls back. Only if that works is it certain that nothing was stored. */
  #undo(message: string, cause: unknown): StoreError {
    try {
      if (this.#db.inTransaction) this.#rollback.run();
      return new StoreError("refused", message, cause);
    } catch {
      return new StoreError("unknown", "The transaction could not be rolled back.", cause);
    }
  }
}

function isDiskFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === "SQLITE_FULL";
}
