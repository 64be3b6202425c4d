/** What lies behind the place where SQLite stopped reading the log, held against logs that SQLite itself wrote. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { checkpoint } from "../../../src/storage/sqlite/checkpointer.ts";
import { COMMITS_TORN_MAX, type LogTail, lossIn, readLogTail } from "../../../src/storage/sqlite/log-tail.ts";
import { TempFolder } from "../../support/temp-folder.ts";

const PAGE_BYTES = 4_096;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Pages that each commit writes, so that the frames of the log are known by number. */
const FRAMES_PER_COMMIT = 3;
const COMMITS = 5;

/** A log of `COMMITS` commits of `FRAMES_PER_COMMIT` frames, taken from under a connection as a power cut would. */
class CutOff implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file("cut.db");
  readonly logPath = `${this.path}-wal`;
  readonly frameBytes: number;

  /** @param overwritten commits of the next generation of the log, which begins over the frames of the first. */
  constructor({ pageBytes = PAGE_BYTES, overwritten = 0 } = {}) {
    this.frameBytes = FRAME_HEADER_BYTES + pageBytes;
    const path = this.#folder.file("live.db");
    using db = new Database(path, { create: true });
    db.run(`PRAGMA page_size = ${pageBytes}`);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA wal_autocheckpoint = 0");
    for (let page = 0; page < FRAMES_PER_COMMIT; page++) db.run(`CREATE TABLE t${page} (n INTEGER)`);
    for (let page = 0; page < FRAMES_PER_COMMIT; page++) db.run(`INSERT INTO t${page} VALUES (0)`);
    checkpoint(db, "TRUNCATE");
    commit(db, COMMITS);
    if (overwritten > 0) checkpoint(db, "PASSIVE");
    commit(db, overwritten);
    copyFileSync(path, this.path);
    copyFileSync(`${path}-wal`, this.logPath);
  }

  /** Where a frame begins; frames count from 0. */
  frame(n: number): number {
    return HEADER_BYTES + n * this.frameBytes;
  }

  flip(at: number): this {
    const bytes = readFileSync(this.logPath);
    bytes[at]! ^= 0x10;
    writeFileSync(this.logPath, bytes);
    return this;
  }

  truncate(bytes: number): this {
    truncateSync(this.logPath, bytes);
    return this;
  }

  /** Asks as a node does, before it opens the file; what is reckoned then is what SQLite takes. */
  tail(): LogTail {
    const tail = readLogTail(this.path);
    using db = new Database(this.path);
    expect(tail.framesTaken).toBe(checkpoint(db, "PASSIVE").log);
    return tail;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** Each commit writes every page once. */
function commit(db: Database, commits: number): void {
  for (let n = 0; n < commits; n++) {
    db.transaction(() => {
      for (let page = 0; page < FRAMES_PER_COMMIT; page++) db.run(`UPDATE t${page} SET n = n + 1`);
    })();
  }
}

const FRAMES = COMMITS * FRAMES_PER_COMMIT;

describe("nothing lies behind", () => {
  test.each([512, 4_096, 65_536])("a whole log of pages of %d bytes", (pageBytes) => {
    using cut = new CutOff({ pageBytes });
    expect(cut.tail()).toEqual({
      framesTaken: FRAMES,
      framesBehind: 0,
      commitsBehind: 0,
      header: "sound",
    });
  });

  test("a log that is not there, or is empty, or has been cut off within its header", () => {
    using cut = new CutOff();
    expect(readLogTail(`${cut.path}-not-there`).framesBehind).toBe(0);
    for (const bytes of [31, 0])
      expect(lossIn(readLogTail(cut.truncate(bytes).path), COMMITS_TORN_MAX)).toBeUndefined();
  });

  test("a log that began again: frames of the generation beneath are not counted", () => {
    for (const commits of [1, 2]) {
      using cut = new CutOff({ overwritten: commits });
      expect(readFileSync(cut.logPath)).toHaveLength(cut.frame(FRAMES));
      expect(cut.tail()).toMatchObject({
        framesTaken: commits * FRAMES_PER_COMMIT,
        framesBehind: 0,
        commitsBehind: 0,
      });
    }
  });
});

describe("what a power cut leaves is no damage:", () => {
  test("a log that ends within its last commit, wherever", () => {
    for (let frames = FRAMES - FRAMES_PER_COMMIT; frames < FRAMES; frames++) {
      using cut = new CutOff();
      const tail = cut.truncate(cut.frame(frames) + 100).tail();
      expect(tail).toMatchObject({ framesTaken: FRAMES - FRAMES_PER_COMMIT, commitsBehind: 0 });
      expect(lossIn(tail, COMMITS_TORN_MAX)).toBeUndefined();
    }
  });

  test("a last commit of which any page did not reach the disk, although its end did", () => {
    for (let frame = FRAMES - FRAMES_PER_COMMIT; frame < FRAMES; frame++) {
      using cut = new CutOff();
      const tail = cut.flip(cut.frame(frame) + 1_000).tail();
      expect(tail).toMatchObject({
        framesTaken: FRAMES - FRAMES_PER_COMMIT,
        framesBehind: FRAMES_PER_COMMIT,
        commitsBehind: 1,
      });
      expect(lossIn(tail, COMMITS_TORN_MAX)).toBeUndefined();
    }
  });
});

test("a log that was just made, and of which nothing but its length reached the disk", () => {
  using cut = new CutOff();
  writeFileSync(cut.logPath, Buffer.alloc(HEADER_BYTES));
  expect(cut.tail()).toMatchObject({ framesTaken: 0, header: "blank" });
  expect(lossIn(cut.tail(), COMMITS_TORN_MAX)).toBeUndefined();
});

describe("damage is told from a power cut:", () => {
  test.each(
    Array.from({ length: COMMITS - COMMITS_TORN_MAX }, (_, commit) => [commit, COMMITS - commit] as const),
  )("a frame of commit %d is torn: %d commits lie behind", (commit, commitsBehind) => {
    for (let frame = 0; frame < FRAMES_PER_COMMIT; frame++) {
      using cut = new CutOff();
      const tail = cut.flip(cut.frame(commit * FRAMES_PER_COMMIT + frame) + 2_000).tail();
      expect(tail).toEqual({
        framesTaken: commit * FRAMES_PER_COMMIT,
        framesBehind: commitsBehind * FRAMES_PER_COMMIT,
        commitsBehind,
        header: "sound",
      });
      expect(lossIn(tail, COMMITS_TORN_MAX)).toMatch(/commits/);
    }
  });

  test("in a log that began again, and beneath which older frames lie", () => {
    using cut = new CutOff({ overwritten: 4 });
    const tail = cut.flip(cut.frame(FRAMES_PER_COMMIT) + 2_000).tail();
    expect(tail).toMatchObject({ framesBehind: 3 * FRAMES_PER_COMMIT, commitsBehind: 3 });
    expect(lossIn(tail, COMMITS_TORN_MAX)).toMatch(/commits/);
  });

  test("in the header of a frame, whose own salts may be gone", () => {
    for (let at = 0; at < FRAME_HEADER_BYTES; at++) {
      using cut = new CutOff();
      const tail = cut.flip(cut.frame(FRAMES_PER_COMMIT) + at).tail();
      expect(tail.framesTaken).toBe(FRAMES_PER_COMMIT);
      expect(lossIn(tail, COMMITS_TORN_MAX)).toMatch(/commits/);
    }
  });

  test("anywhere in the header of the log, of which SQLite then takes nothing", () => {
    for (let at = 0; at < HEADER_BYTES; at++) {
      using cut = new CutOff();
      const tail = cut.flip(at).tail();
      expect({ at, ...tail }).toEqual({
        at,
        framesTaken: 0,
        framesBehind: FRAMES,
        commitsBehind: COMMITS,
        header: "damaged",
      });
      expect(lossIn(tail, COMMITS_TORN_MAX)).toMatch(/commits/);
    }
  });

  test("by its header having been wiped, although its frames are there", () => {
    using cut = new CutOff();
    const bytes = readFileSync(cut.logPath);
    writeFileSync(cut.logPath, bytes.fill(0, 0, HEADER_BYTES));
    const tail = cut.tail();
    expect(tail).toMatchObject({ framesTaken: 0, commitsBehind: COMMITS, header: "blank" });
    expect(lossIn(tail, COMMITS_TORN_MAX)).toMatch(/commits/);
  });

  test("when something else altogether lies in its place", () => {
    using cut = new CutOff();
    writeFileSync(cut.logPath, "this is no log. ".repeat(1_000));
    expect(lossIn(cut.tail(), COMMITS_TORN_MAX)).toMatch(/commits/);
  });
});
