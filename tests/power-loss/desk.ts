/** Where files are laid out as a power cut may have left them, and opened by a new store. */

import { Database } from "bun:sqlite";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EVENT_STATUS_NAMES, type EventRecord } from "../../src/events/event.ts";
import type { StoreContents } from "../../src/storage/event-store.ts";
import { checkpoint } from "../../src/storage/sqlite/checkpointer.ts";
import { COMMITS_TORN_MAX, lossIn, readLogTail } from "../../src/storage/sqlite/log-tail.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { Model } from "./model.ts";
import { type Files, MemoryFolder, MIGRATIONS, type Moment } from "./recording.ts";

export class Desk implements Disposable {
  readonly #folder = new MemoryFolder();
  readonly #path = join(this.#folder.path, "onefold.db");
  readonly #contents = new Map<Moment, string>();

  /** @param sent again after each opening, to see what the dedup index holds. */
  constructor(private readonly sent: readonly EventRecord[]) {}

  /**
   * @param expected undefined where nothing was committed yet: then a new store, of a secret of its own.
   * @returns what is wrong with a store that opens these files, or undefined when it holds exactly the moment.
   */
  fault(files: Files, expected: Moment | undefined): string | undefined {
    const contents = expected === undefined ? undefined : this.#contentsOf(expected);
    const model = new Model(expected?.model);
    this.#lay(files);
    const store = this.#store();
    try {
      const opened = store.open();
      if (!model.isSame(opened)) return summary(opened);
      if (contents !== undefined && dumpOf(store.database) !== contents) return "other rows";
      return this.#faultOfResending(store, model);
    } catch (error) {
      return String(error);
    } finally {
      store.close();
    }
  }

  /** What is said to have been lost of these files' log, or undefined. */
  lossIn(files: Files): string | undefined {
    this.#lay(files);
    return lossIn(readLogTail(this.#path), COMMITS_TORN_MAX);
  }

  /** Every row of every table, as a new store finds them in the undamaged files of that moment. */
  #contentsOf(moment: Moment): string {
    const known = this.#contents.get(moment);
    if (known !== undefined) return known;
    this.#lay(moment);
    const store = this.#store();
    store.open();
    const contents = dumpOf(store.database);
    store.close();
    this.#contents.set(moment, contents);
    return contents;
  }

  /** The database file as a whole checkpoint of that moment leaves it. */
  checkpointed(moment: Moment): Buffer {
    this.#lay(moment);
    using db = new Database(this.#path);
    checkpoint(db, "PASSIVE");
    return readFileSync(this.#path);
  }

  #store(): SqliteEventStore {
    return new SqliteEventStore({ path: this.#path, migrationsFolder: MIGRATIONS });
  }

  #lay({ db, log, index }: Files): void {
    writeFileSync(this.#path, db);
    writeFileSync(`${this.#path}-wal`, log);
    if (index === undefined) rmSync(`${this.#path}-shm`, { force: true });
    else writeFileSync(`${this.#path}-shm`, index);
  }

  #faultOfResending(store: SqliteEventStore, model: Model): string | undefined {
    const { status } = store.append({ events: this.sent, receivedAt: 0 }).verdicts;
    const statuses = model.append(this.sent);
    const at = statuses.findIndex((expected, i) => expected !== status[i]);
    if (at < 0) return undefined;
    const [got, expected] = [EVENT_STATUS_NAMES[status[at]!], EVENT_STATUS_NAMES[statuses[at]!]];
    return `${this.sent[at]!.eventId} sent again was ${got}, not ${expected}`;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function summary({ events, topics }: StoreContents): string {
  const counted = topics.map(({ name, received, conflicts }) => `${name} ${received}/${conflicts}`);
  return `${events} events (${counted.join(", ")})`;
}

function dumpOf(db: Database): string {
  const tables = db
    .prepare<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all();
  return tables
    .map(
      ({ name }) => `${name}\n${JSON.stringify(db.prepare(`SELECT * FROM "${name}"`).values(), blobAsText)}`,
    )
    .join("\n");
}

function blobAsText(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
