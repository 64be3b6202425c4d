/** A store at work, with its files kept as they stood after each commit. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventRecord } from "../../src/events/event.ts";
import { checkpoint } from "../../src/storage/sqlite/checkpointer.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { Model } from "./model.ts";

export const MIGRATIONS = join(import.meta.dir, "../../drizzle");

export const PAGE_BYTES = 4_096;
export const LOG_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + PAGE_BYTES;

/** Where the log's index in shared memory has the number of frames that are committed. */
const FRAMES_COMMITTED_AT = 16;

/** The three files of a database. */
export interface Files {
  readonly db: Buffer;
  readonly log: Buffer;
  /** Undefined where there is none. */
  readonly index: Buffer | undefined;
}

/** All that is true right after a commit. */
export interface Moment extends Files {
  readonly name: string;
  /** Where the log ends for SQLite; older frames may lie behind it. */
  readonly logEnd: number;
  readonly model: Model;
}

/** In memory where the system has such a folder: every point writes its files anew. */
export class MemoryFolder implements Disposable {
  readonly path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "onefold-test-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Recording implements Disposable {
  readonly moments: Moment[] = [];
  /** Everything that was sent, in its order. */
  readonly sent: EventRecord[] = [];
  readonly #folder = new MemoryFolder();
  readonly #path = join(this.#folder.path, "onefold.db");
  readonly #store = new SqliteEventStore({ path: this.#path, migrationsFolder: MIGRATIONS });
  #model = new Model();

  constructor() {
    this.#store.open();
    this.#record("an empty store");
  }

  get last(): Moment {
    return this.moments.at(-1)!;
  }

  /** One transaction. */
  commit(name: string, events: readonly EventRecord[]): this {
    const model = new Model(this.#model);
    const statuses = model.append(events);
    const { verdicts } = this.#store.append({ events, receivedAt: 1_000 * this.moments.length });
    if (!Bun.deepEquals([...verdicts.status.subarray(0, events.length)], statuses))
      throw new Error(`The store and the model disagree on ${name}`);
    this.sent.push(...events);
    this.#model = model;
    this.#record(name);
    return this;
  }

  /** Copies the log back: the next commit begins it again, over its old frames. */
  copyLogBack(): this {
    checkpoint(this.#store.database, "PASSIVE");
    this.#record("the log was copied back");
    return this;
  }

  /** Reading the database beside its connection drops this process's locks on it, which nobody else contends for. */
  #record(name: string): void {
    const index = readFileSync(`${this.#path}-shm`);
    this.moments.push({
      name,
      db: readFileSync(this.#path),
      log: readFileSync(`${this.#path}-wal`),
      index,
      logEnd: LOG_HEADER_BYTES + index.readUInt32LE(FRAMES_COMMITTED_AT) * FRAME_BYTES,
      model: this.#model,
    });
  }

  [Symbol.dispose](): void {
    this.#store.close();
    this.#folder[Symbol.dispose]();
  }
}
