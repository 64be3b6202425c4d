/** The log is copied back without holding up commits, and stays bounded however constant the writing is. */

import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import {
  Checkpointer,
  checkpoint,
  makeRestartRequest,
  restartLogIfAsked,
} from "../../../src/storage/sqlite/checkpointer.ts";
import { openForReading, openForWriting } from "../../../src/storage/sqlite/database.ts";
import { TempFolder } from "../../support/temp-folder.ts";

const MIB = 1024 * 1024;
const PAGE_BYTES = 4_096;

/** A database with a writer, as the ledger is one, and a checkpointer beside it. */
class LogBench implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file("onefold.db");
  readonly db = openForWriting(this.path);
  readonly request = makeRestartRequest();
  readonly checkpointer = new Checkpointer(this.path, this.request);

  constructor() {
    // Syncing is not what is looked at here, and 64 MB of it take time.
    this.db.run("PRAGMA synchronous = OFF");
    this.db.run("CREATE TABLE pages (id INTEGER PRIMARY KEY, bytes BLOB)");
  }

  get logBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** One commit that changes so many bytes of the database. */
  write(bytes: number): void {
    this.db.prepare("INSERT OR REPLACE INTO pages VALUES (1, zeroblob(?))").run(bytes);
  }

  get isAsked(): boolean {
    return Atomics.load(this.request, 0) === 1;
  }

  /** Somebody who reads, until the returned function is called: the log behind what they see must stay. */
  beginReading(): () => void {
    const reader = openForReading(this.path);
    reader.run("BEGIN");
    reader.prepare("SELECT count(*) FROM pages").get();
    return () => {
      // Closing alone would leave the transaction open for as long as the statement lives.
      reader.run("ROLLBACK");
      reader.close();
    };
  }

  [Symbol.dispose](): void {
    this.checkpointer.close();
    this.db.close();
    this.#folder[Symbol.dispose]();
  }
}

test("a short log is left alone", () => {
  using bench = new LogBench();
  bench.write(MIB);
  bench.checkpointer.poll();
  expect(checkpoint(bench.db, "NOOP").checkpointed).toBe(0);
});

test("between commits that pause the whole log is copied, and it begins again", () => {
  using bench = new LogBench();
  for (let round = 0; round < 10; round++) {
    bench.write(10 * MIB);
    bench.checkpointer.poll();
    expect(bench.isAsked).toBe(false);
  }
  expect(bench.logBytes).toBeLessThan(22 * MIB);
});

describe("a request to the ledger", () => {
  test("leaves it in peace, and is withdrawn after ten polls without a commit", () => {
    using bench = new LogBench();
    Atomics.store(bench.request, 0, 1);
    bench.write(40 * MIB);
    for (let poll = 1; poll < 10; poll++) bench.checkpointer.poll();
    expect(checkpoint(bench.db, "NOOP").checkpointed).toBe(0);
    bench.checkpointer.poll();
    expect(bench.isAsked).toBe(false);
    const { log, checkpointed } = checkpoint(bench.db, "NOOP");
    expect(checkpointed).toBe(log);
  });
});

describe("when somebody is always ahead of the copying", () => {
  test("the ledger is asked to copy the rest once the log is long, and the log begins again", () => {
    using bench = new LogBench();
    bench.write(65 * MIB);
    const endReading = bench.beginReading();
    bench.write(10 * PAGE_BYTES);
    bench.checkpointer.poll();
    expect(bench.isAsked).toBe(true);
    const { log, checkpointed } = checkpoint(bench.db, "NOOP");
    expect(log - checkpointed).toBeLessThan(512);
    endReading();
    restartLogIfAsked(bench.db, bench.request);
    expect(bench.isAsked).toBe(false);
    const { logBytes } = bench;
    for (let round = 0; round < 5; round++) bench.write(10 * MIB);
    expect(bench.logBytes).toBe(logBytes);
  });

  test("the ledger is not asked while the log is not long", () => {
    using bench = new LogBench();
    bench.write(40 * MIB);
    const endReading = bench.beginReading();
    bench.write(10 * PAGE_BYTES);
    bench.checkpointer.poll();
    endReading();
    expect(bench.isAsked).toBe(false);
  });

  test("the ledger is not asked to copy much", () => {
    using bench = new LogBench();
    bench.write(65 * MIB);
    const endReading = bench.beginReading();
    bench.write(600 * PAGE_BYTES);
    bench.checkpointer.poll();
    endReading();
    expect(bench.isAsked).toBe(false);
  });

  test("the ledger is asked to copy whatever is left of a long log once passes do not get shorter", () => {
    using bench = new LogBench();
    bench.write(129 * MIB);
    const endFirst = bench.beginReading();
    bench.write(40 * MIB);
    bench.checkpointer.poll();
    endFirst();
    const endReading = bench.beginReading();
    bench.write(50 * MIB);
    bench.checkpointer.poll();
    endReading();
    expect(bench.isAsked).toBe(true);
  });

  test("the ledger is not asked however long the log is, as long as somebody reads an old state", () => {
    using bench = new LogBench();
    bench.write(33 * MIB);
    bench.checkpointer.poll();
    const endReading = bench.beginReading();
    bench.write(200 * MIB);
    bench.checkpointer.poll();
    expect(bench.isAsked).toBe(false);
    endReading();
    bench.checkpointer.poll();
    bench.write(MIB);
    // All was copied: the log began again, and was cut back.
    expect(bench.logBytes).toBe(128 * MIB);
  });
});

describe("the ledger", () => {
  test("copies nothing unless it is asked", () => {
    using bench = new LogBench();
    bench.write(MIB);
    restartLogIfAsked(bench.db, bench.request);
    expect(checkpoint(bench.db, "NOOP").checkpointed).toBe(0);
    Atomics.store(bench.request, 0, 1);
    restartLogIfAsked(bench.db, bench.request);
    const { log, checkpointed } = checkpoint(bench.db, "NOOP");
    expect(checkpointed).toBe(log);
  });

  test("survives a copy that fails, and may be asked again", () => {
    using bench = new LogBench();
    const closed = openForWriting(bench.path);
    closed.close();
    Atomics.store(bench.request, 0, 1);
    restartLogIfAsked(closed, bench.request);
    expect(bench.isAsked).toBe(false);
  });
});
