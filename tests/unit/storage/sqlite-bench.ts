/** A SQLite file to keep events in, and a connection to it whose commits can be made to fail. */

import { Database, SQLiteError, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { join } from "node:path";
import type { EventStore } from "../../../src/storage/event-store.ts";
import { openForReading, openForWriting } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventStore, type SqliteStoreOptions } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import type { Failure, StoreBench, StoredRow } from "./store-bench.ts";

export const MIGRATIONS = join(import.meta.dir, "../../../drizzle");

/** Which statement a failure strikes, and whether it has done its work by then. */
const STRIKES: Record<Failure, { readonly sql: string; readonly code: string; readonly runs: boolean }> = {
  write: { sql: "INSERT INTO events", code: "SQLITE_IOERR_WRITE", runs: true },
  full: { sql: "COMMIT", code: "SQLITE_FULL", runs: false },
  lost: { sql: "COMMIT", code: "SQLITE_IOERR_FSYNC", runs: false },
  stored: { sql: "COMMIT", code: "SQLITE_IOERR_FSYNC", runs: true },
};

export class SqliteBench implements StoreBench {
  readonly folder = new TempFolder();
  readonly path = this.folder.file("onefold.db");
  #armed: Failure | undefined;
  #store: SqliteEventStore | undefined;

  constructor(private readonly options: Partial<SqliteStoreOptions> = {}) {}

  /** The store made last. */
  get store(): SqliteEventStore {
    return this.#store!;
  }

  restart(): EventStore {
    this.#store?.close();
    const open = (path: string): Database => this.#withFailures(openForWriting(path));
    this.#store = new SqliteEventStore({
      path: this.path,
      migrationsFolder: MIGRATIONS,
      open,
      ...this.options,
    });
    return this.#store;
  }

  rows(): StoredRow[] {
    using db = openForReading(this.path);
    return db
      .prepare<StoredRow, []>(
        `SELECT seq, topics.name AS topic, scope, event_id AS eventId, payload, received_at AS receivedAt
         FROM events JOIN topics ON topics.id = topic_id ORDER BY seq`,
      )
      .all();
  }

  /** Changes the file behind the back of a closed store. */
  tamper(sql: string, ...bindings: SQLQueryBindings[]): void {
    this.#store?.close();
    using db = new Database(this.path);
    db.prepare(sql).run(...bindings);
  }

  failNextCommit(failure: Failure): void {
    this.#armed = failure;
  }

  [Symbol.dispose](): void {
    this.#store?.close();
    this.folder[Symbol.dispose]();
  }

  #withFailures(db: Database): Database {
    const prepare = db.prepare.bind(db) as (sql: string) => Statement;
    return Object.assign(db, {
      prepare: (sql: string) => {
        const statement = prepare(sql);
        const run = statement.run.bind(statement) as (...bindings: SQLQueryBindings[]) => unknown;
        return Object.assign(statement, {
          run: (...bindings: SQLQueryBindings[]) => this.#run(sql, () => run(...bindings)),
        });
      },
    });
  }

  #run(sql: string, run: () => unknown): unknown {
    const strike = this.#armed === undefined ? undefined : STRIKES[this.#armed];
    if (strike === undefined || !sql.startsWith(strike.sql)) return run();
    this.#armed = undefined;
    if (strike.runs) run();
    throw Object.assign(new Error(`${strike.code} in a test`), { name: SQLiteError.name, code: strike.code });
  }
}
