/** Files that SQLite would take as they are, and lose what is in them, are refused. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { checkpoint } from "../../../src/storage/sqlite/checkpointer.ts";
import { DatabaseUnusableError, openForWriting } from "../../../src/storage/sqlite/database.ts";
import { TempFolder } from "../../support/temp-folder.ts";

/** A database with something in its log, as a crash leaves it. */
class Crashed implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file("onefold.db");
  readonly logPath = `${this.path}-wal`;

  constructor() {
    const live = this.#folder.file("live.db");
    using db = openForWriting(live);
    db.run("CREATE TABLE t (text)");
    db.run("INSERT INTO t SELECT hex(zeroblob(20000))");
    copyFileSync(live, this.path);
    copyFileSync(`${live}-wal`, this.logPath);
  }

  /** The same after an orderly stop, which copies the log back. */
  static stopped(): Crashed {
    const crashed = new Crashed();
    const db = openForWriting(crashed.path);
    checkpoint(db, "TRUNCATE");
    db.close();
    return crashed;
  }

  expectRefused(sentence: RegExp): void {
    expect(() => openForWriting(this.path)).toThrow(DatabaseUnusableError);
    expect(() => openForWriting(this.path)).toThrow(sentence);
  }

  rows(): number {
    using db = openForWriting(this.path);
    return db.query<{ n: number }, []>("SELECT count(*) AS n FROM t").get()!.n;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

describe("a log whose database is gone is kept, and the start refused", () => {
  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["empty", (path: string) => truncateSync(path, 0)],
    ["empty", (path: string) => truncateSync(path, 1)],
    ["empty", (path: string) => truncateSync(path, 511)],
  ])("the database is %s", (word, damage) => {
    using crashed = new Crashed();
    const { size } = statSync(crashed.logPath);
    damage(crashed.path);
    crashed.expectRefused(new RegExp(`${word}, although its log`));
    expect(statSync(crashed.logPath).size).toBe(size);
    expect(existsSync(crashed.path)).toBe(word === "empty");
  });

  test("also when that log is empty: it shows that there was a database", () => {
    using crashed = new Crashed();
    truncateSync(crashed.path, 0);
    truncateSync(crashed.logPath, 0);
    crashed.expectRefused(/empty, although its log/);
  });

  test("SQLite on its own would have deleted it", () => {
    using crashed = new Crashed();
    truncateSync(crashed.path, 0);
    using db = new Database(crashed.path);
    db.run("PRAGMA journal_mode = WAL");
    expect(db.query("SELECT * FROM sqlite_schema").all()).toEqual([]);
  });
});

describe("a database file that was cut off is refused", () => {
  test.each([1, 100, 511])("to %d bytes", (bytes) => {
    using crashed = Crashed.stopped();
    rmSync(crashed.logPath);
    truncateSync(crashed.path, bytes);
    crashed.expectRefused(/was cut off/);
  });

  test.each([1, 100, 4_095])("by %d bytes", (bytes) => {
    using crashed = Crashed.stopped();
    truncateSync(crashed.path, statSync(crashed.path).size - bytes);
    crashed.expectRefused(/was cut off: it has \d+ of \d+ bytes/);
  });
});

test("what is no file is refused by name", () => {
  for (const name of ["path", "logPath"] as const) {
    using crashed = new Crashed();
    rmSync(crashed[name]);
    mkdirSync(crashed[name]);
    crashed.expectRefused(/is not a file/);
  }
});

describe("what may be is taken:", () => {
  test("nothing at all, and an empty file that never had a log", () => {
    using folder = new TempFolder();
    openForWriting(folder.file("new.db")).close();
    writeFileSync(folder.file("empty.db"), "");
    openForWriting(folder.file("empty.db")).close();
  });

  test("a database after a crash, and after an orderly stop", () => {
    using crashed = new Crashed();
    expect(crashed.rows()).toBe(1);
    using stopped = Crashed.stopped();
    expect(stopped.rows()).toBe(1);
  });

  test("a database that is shorter than its log says: a checkpoint was cut short", () => {
    using crashed = new Crashed();
    using whole = Crashed.stopped();
    copyFileSync(whole.path, crashed.path);
    truncateSync(crashed.path, statSync(crashed.path).size - 3_000);
    expect(crashed.rows()).toBe(1);
  });
});
