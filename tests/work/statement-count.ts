/** Statements that are counted as they run: those of a store, with the pages that its commits add to the log, and of reads. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { statSync } from "node:fs";
import type { EventRecord } from "../../src/events/event.ts";
import { checkpoint } from "../../src/storage/sqlite/checkpointer.ts";
import { openForReading, openForWriting } from "../../src/storage/sqlite/database.ts";
import { FRAME_HEADER_BYTES, LOG_HEADER_BYTES } from "../../src/storage/sqlite/log-frames.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { MIGRATIONS } from "../unit/storage/sqlite-bench.ts";

const METHODS = ["run", "get", "all", "values"] as const;

const PAGE_BYTES = 4_096;

/** What one commit did, by the beginning of its statements. */
export type Work = Readonly<Record<string, number>>;

export class CountedStore implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file("onefold.db");
  #counts: Record<string, number> = {};
  readonly #store = new SqliteEventStore({
    path: this.path,
    migrationsFolder: MIGRATIONS,
    open: (path) => this.#count(openForWriting(path)),
  });

  constructor() {
    this.#store.open();
  }

  /** @returns the statements that the commit ran. */
  append(events: readonly EventRecord[]): Work {
    this.#counts = {};
    this.#store.append({ events, receivedAt: 1 });
    return this.#counts;
  }

  /** @returns the statements that a request with this key ran, which held nothing. */
  keep(key: string): Work {
    this.#counts = {};
    const request = { subject: "publisher", key, fingerprint: "f" };
    this.#store.answerTo(request);
    this.#store.append({ events: [], receivedAt: 1, answers: () => [{ key: request, answer: "{}" }] });
    return this.#counts;
  }

  /** @returns the pages that the commit wrote. */
  pagesOf(events: readonly EventRecord[]): number {
    checkpoint(this.#store.database, "TRUNCATE");
    this.#store.append({ events, receivedAt: 1 });
    const { size } = statSync(`${this.path}-wal`);
    return (size - LOG_HEADER_BYTES) / (PAGE_BYTES + FRAME_HEADER_BYTES);
  }

  /** Opened again: whatever was remembered beside the index is forgotten. */
  forgetRecent(): void {
    this.#store.open();
  }

  [Symbol.dispose](): void {
    this.#store.close();
    this.#folder[Symbol.dispose]();
  }

  #count(db: Database): Database {
    const prepare = db.prepare.bind(db) as (sql: string) => Statement;
    return Object.assign(db, {
      prepare: (sql: string) => {
        const kind = kindOf(sql);
        return counted(prepare(sql), () => {
          this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
        });
      },
    });
  }
}

/** A read-only connection: how often each table was asked, and how many rows that gave. */
export class CountedReading implements Disposable {
  readonly db: Database;
  #runs: Record<string, number> = {};
  #rows: Record<string, number> = {};

  constructor(path: string) {
    this.db = openForReading(path);
    const prepare = this.db.prepare.bind(this.db) as (sql: string) => Statement;
    Object.assign(this.db, {
      prepare: (sql: string) => {
        const kind = /FROM \w+/.exec(sql)?.[0] ?? "none";
        return counted(prepare(sql), (result) => {
          this.#runs[kind] = (this.#runs[kind] ?? 0) + 1;
          this.#rows[kind] = (this.#rows[kind] ?? 0) + (Array.isArray(result) ? result.length : 1);
        });
      },
    });
  }

  count(read: () => void): { readonly runs: Work; readonly rows: Work } {
    this.#runs = {};
    this.#rows = {};
    read();
    return { runs: this.#runs, rows: this.#rows };
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}

function counted(statement: Statement, onRun: (result: unknown) => void): Statement {
  for (const method of METHODS) {
    const original = statement[method].bind(statement) as (...args: SQLQueryBindings[]) => unknown;
    const run = (...args: SQLQueryBindings[]): unknown => {
      const result = original(...args);
      onRun(result);
      return result;
    };
    Object.assign(statement, { [method]: run });
  }
  return statement;
}

/** `INSERT INTO events`, `SELECT`, `COMMIT`. */
function kindOf(sql: string): string {
  return /^(?:INSERT(?: OR REPLACE)? INTO|DELETE FROM)\s+\w+|^\w+/.exec(sql.trimStart())![0];
}
