/** A store whose statements are counted as they run, and the pages that its commits add to the log. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { statSync } from "node:fs";
import type { EventRecord } from "../../src/events/event.ts";
import { checkpoint } from "../../src/storage/sqlite/checkpointer.ts";
import { openForWriting } from "../../src/storage/sqlite/database.ts";
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
  readonly #path = this.#folder.file("onefold.db");
  #counts: Record<string, number> = {};
  readonly #store = new SqliteEventStore({
    path: this.#path,
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

  /** @returns the pages that the commit wrote. */
  pagesOf(events: readonly EventRecord[]): number {
    checkpoint(this.#store.database, "TRUNCATE");
    this.#store.append({ events, receivedAt: 1 });
    const { size } = statSync(`${this.#path}-wal`);
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
    return Object.assign(db, { prepare: (sql: string) => this.#counted(kindOf(sql), prepare(sql)) });
  }

  #counted(kind: string, statement: Statement): Statement {
    for (const method of METHODS) {
      const original = statement[method].bind(statement) as (...args: SQLQueryBindings[]) => unknown;
      const counted = (...args: SQLQueryBindings[]): unknown => {
        this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
        return original(...args);
      };
      Object.assign(statement, { [method]: counted });
    }
    return statement;
  }
}

/** `INSERT INTO events`, `SELECT`, `COMMIT`. */
function kindOf(sql: string): string {
  return /^(?:INSERT INTO|DELETE FROM)\s+\w+|^\w+/.exec(sql.trimStart())![0];
}
