/** A SQLite store that acknowledges only what a restart would find: it watches the files under it. */

import type { Database } from "bun:sqlite";
import {
  type AppendResult,
  type Batch,
  type EventStore,
  type StoreContents,
  StoreError,
  type StoreOutcome,
} from "../event-store.ts";
import type { AnswerFigures, KeptAnswer, RequestKey } from "../request-answers.ts";
import type { PruneReport } from "../retention.ts";
import { StorageFault, StorageGoneError, storageFaultOf } from "../storage-fault.ts";
import { checkpoint } from "./checkpointer.ts";
import { DatabaseUnusableError } from "./database.ts";
import { type Displaced, faultOf, OpenFiles } from "./open-files.ts";
import type { SqliteEventStore } from "./sqlite-event-store.ts";

/** What a probe writes. Less would still find room on a disk that is too full for a batch. */
const PROBE_BYTES = 64 * 1024;

export class GuardedStore implements EventStore {
  readonly #store: SqliteEventStore;
  readonly #path: string;
  readonly #files: OpenFiles;
  #hasBeenOpen = false;
  /** Whether the files were out of place at the last look: several of them are not moved in one moment. */
  #wereDisplaced = false;

  constructor(store: SqliteEventStore, path: string) {
    this.#store = store;
    this.#path = path;
    this.#files = new OpenFiles(path);
  }

  /**
   * Opens again only the files that were open before. Until they are in place the old connection is kept: it may be the
   * last that holds them.
   *
   * @throws StorageGoneError when only another process can go on.
   */
  open(): StoreContents {
    this.#expectToReturn();
    try {
      const contents = this.#store.open();
      if (this.#hasBeenOpen) this.#settle();
      this.#hasBeenOpen = true;
      return contents;
    } catch (error) {
      if (error instanceof DatabaseUnusableError) throw error;
      const cause = this.#files.explained(error);
      const fault = storageFaultOf(cause);
      if (fault === undefined) throw error;
      throw new StorageFault(fault, { cause, forLog: `${this.#path} cannot be opened: ${fault}.` });
    } finally {
      this.#files.remember();
    }
  }

  append(batch: Batch): AppendResult {
    this.#expectInPlace("refused");
    const result = this.#explaining(() => this.#store.append(batch));
    // Taken away while the commit ran: it went to wherever the files are now.
    this.#expectInPlace("unknown");
    return result;
  }

  /**
   * Writes and syncs something, as a commit would, to find out whether storage works again.
   *
   * @throws StoreError like `append`, StorageGoneError like `open`.
   */
  probe(): void {
    this.#expectToReturn();
    this.#explaining(() => writeProbe(this.#store.database));
    this.#expectInPlace("unknown");
  }

  prune(now: number, rowsMax: number): PruneReport {
    // Nothing is acknowledged for it: where it goes to is seen at the next commit.
    return this.#explaining(() => this.#store.prune(now, rowsMax));
  }

  answerTo(request: RequestKey): KeptAnswer | "damaged" | undefined {
    // What is answered again is acknowledged again.
    this.#expectInPlace("refused");
    return this.#explaining(() => this.#store.answerTo(request));
  }

  get answersKept(): AnswerFigures {
    return this.#store.answersKept;
  }

  hasTopic(name: string): boolean {
    return this.#store.hasTopic(name);
  }

  get topicCount(): number {
    return this.#store.topicCount;
  }

  locate(topic: string, scope: string, eventId: string): number[] {
    return this.#store.locate(topic, scope, eventId);
  }

  close(): void {
    this.#store.close();
  }

  /**
   * After a sync that failed, pages may lie in the kernel's cache as if they were on disk, and are not. Copying the log
   * writes them once more, to another place; and if the disk still fails, this fails.
   */
  #settle(): void {
    checkpoint(this.#store.database, "TRUNCATE");
    writeProbe(this.#store.database);
  }

  #explaining<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new StoreError(error.outcome, error.message, this.#files.explained(error.cause));
    }
  }

  #expectInPlace(outcome: StoreOutcome): void {
    try {
      this.#files.expectInPlace();
    } catch (fault) {
      throw new StoreError(outcome, "The files are not those that were opened.", fault);
    }
  }

  /** @throws StorageFault while they may come back, StorageGoneError once they will not. */
  #expectToReturn(): void {
    const displaced = this.#files.displaced();
    const isSecondLook = this.#wereDisplaced;
    this.#wereDisplaced = displaced !== undefined;
    if (displaced === undefined) return;
    if (!isSecondLook || !this.#isForGood(displaced)) throw faultOf(displaced);
    const { fault } = faultOf(displaced);
    throw new StorageGoneError(fault, {
      forLog: `The node ends, so that what is there is opened afresh: ${fault} (${this.#path}).`,
    });
  }

  #isForGood({ suffix, isReplaced }: Displaced): boolean {
    if (suffix !== "-wal") return isReplaced || suffix === ".lock";
    // The handle still has what the name has lost: once it is in the database file, nothing is missing.
    const { log, checkpointed } = checkpoint(this.#store.database, "PASSIVE");
    // Another log under this name would be taken for ours at the next start, so that is left to a person.
    return log === checkpointed && !isReplaced;
  }
}

/** @throws StoreError */
function writeProbe(db: Database): void {
  try {
    db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(?))").run(PROBE_BYTES);
    db.prepare("DELETE FROM meta WHERE key = 'probe'").run();
  } catch (error) {
    const isIoError = String((error as { code?: unknown }).code).startsWith("SQLITE_IOERR");
    throw new StoreError(isIoError ? "unknown" : "refused", "The probe could not be written.", error);
  }
}
