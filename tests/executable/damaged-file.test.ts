/** A node on damaged files refuses to start and says why, or serves: what it serves then is right. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { APPLICATION_ID } from "../../src/storage/sqlite/database.ts";
import { BitFlips, type Flip } from "../damage/bit-flips.ts";
import { StoredData } from "../damage/stored-data.ts";
import { judge, type Verdict } from "../damage/verdict.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import type { TempFolder } from "../support/temp-folder.ts";

/** `FLIPS` says how many bits are turned over in each file; `bun run bit-flips` sets it to 2,000. */
const FLIPS = Number(process.env.FLIPS ?? 15);
const FLIP_TIMEOUT_MS = 5_000;

setDefaultTimeout(120_000 + FLIPS * FLIP_TIMEOUT_MS);

/** All in the database file, as an orderly stop leaves it. */
let stopped: StoredData;
/** Half of it in the log, as a crash leaves it. */
let crashed: StoredData;
/** Another database, with a log. */
let other: StoredData;

beforeAll(async () => {
  [stopped, crashed, other] = await Promise.all([
    StoredData.make({ isInLog: false }),
    StoredData.make({ isInLog: true }),
    StoredData.make({ isInLog: true, name: "other" }),
  ]);
});
afterAll(() => {
  for (const data of [stopped, crashed, other]) data[Symbol.dispose]();
});

const RIGHT: readonly Verdict[] = ["refused", "harmless", "answered 5xx", "earlier, said"];

interface Damage {
  readonly of: () => StoredData;
  readonly verdicts?: readonly Verdict[];
  readonly damage: (folder: TempFolder) => void;
}

async function expectRight({ of, damage, verdicts = RIGHT }: Damage): Promise<void> {
  using copy = of().copy();
  damage(copy);
  const { verdict, because } = await judge(copy.path, of());
  if (!verdicts.includes(verdict))
    throw new Error(`Expected the verdict to be ${verdicts.join(" or ")}, got ${verdict}: ${because}`);
}

const database = (folder: TempFolder): string => folder.file("onefold.db");
const log = (folder: TempFolder): string => folder.file("onefold.db-wal");

function cutTo(file: (folder: TempFolder) => string, bytes: (size: number) => number) {
  return (folder: TempFolder): void => {
    const path = file(folder);
    truncateSync(path, bytes(readFileSync(path).length));
  };
}

function overwrite(file: (folder: TempFolder) => string, change: (bytes: Buffer) => void) {
  return (folder: TempFolder): void => {
    const bytes = readFileSync(file(folder));
    change(bytes);
    writeFileSync(file(folder), bytes);
  };
}

const TEXT = "this is not a database, and never was one. ".repeat(1_000);

test("files that are whole are served as they were stored", async () => {
  for (const of of [() => stopped, () => crashed])
    await expectRight({ of, damage: () => {}, verdicts: ["harmless"] });
});

describe("a database file that was cut off is refused:", () => {
  test.each([
    ["to nothing", () => 0],
    ["to one byte", () => 1],
    ["within its first page", () => 1_000],
    ["after its first page", () => 4_096],
    ["in its middle", (size: number) => size / 2],
    ["by a page", (size: number) => size - 4_096],
    ["by a byte", (size: number) => size - 1],
  ])("%s", async (_, bytes) => {
    await expectRight({ of: () => stopped, damage: cutTo(database, bytes), verdicts: ["refused"] });
  });

  async function expectLogKept(bytes: (size: number) => number): Promise<void> {
    using copy = crashed.copy();
    cutTo(database, bytes)(copy);
    const { verdict, because } = await judge(copy.path, crashed);
    expect({ verdict, because }).toEqual({ verdict: "refused", because });
    expect(readFileSync(log(copy)).equals(crashed.log)).toBeTrue();
  }

  test.each([
    ["to nothing", () => 0],
    ["to one byte", () => 1],
  ])("%s, with its log beside it, which stays as it is", (_, bytes) => expectLogKept(bytes));

  test("in its middle, with its log beside it, which stays as it is", () =>
    expectLogKept((size) => size / 2));

  test("a byte that the log has as well is no loss", async () => {
    await expectRight({
      of: () => crashed,
      damage: cutTo(database, (size) => size - 1),
      verdicts: ["harmless"],
    });
  });
});

describe("what is no database of this node is refused:", () => {
  const refused: readonly [string, (folder: TempFolder) => void][] = [
    ["none, where its log is still there", (folder) => rmSync(database(folder))],
    ["a text", (folder) => writeFileSync(database(folder), TEXT)],
    ["zeros", overwrite(database, (bytes) => bytes.fill(0))],
    ["a first page of zeros", overwrite(database, (bytes) => bytes.fill(0, 0, 4_096))],
    ["a header and nothing behind it", overwrite(database, (bytes) => bytes.fill(0, 100))],
    [
      "a folder",
      (folder) => {
        rmSync(database(folder));
        mkdirSync(database(folder));
      },
    ],
    [
      "a folder for a log",
      (folder) => {
        rmSync(log(folder), { force: true });
        mkdirSync(log(folder));
      },
    ],
    ["another program's", (folder) => replaceByForeign(folder, "CREATE TABLE theirs (a TEXT)")],
    [
      "another program's, with tables named as ours",
      (folder) => replaceByForeign(folder, "CREATE TABLE events (a TEXT)"),
    ],
  ];
  test.each(refused)("%s", async (_, damage) => {
    await expectRight({ of: () => stopped, damage, verdicts: ["refused"] });
  });

  function replaceByForeign(folder: TempFolder, sql: string, applicationId = 0): void {
    rmSync(database(folder));
    rmSync(log(folder), { force: true });
    using db = new Database(database(folder), { create: true });
    db.run(sql);
    db.run(`PRAGMA application_id = ${applicationId}`);
  }

  test("one that says it is ours, with tables that are not", async () => {
    await expectRight({
      of: () => stopped,
      verdicts: ["refused"],
      damage: (folder) => replaceByForeign(folder, "CREATE TABLE events (a TEXT)", APPLICATION_ID),
    });
  });
});

describe("a byte of the file's header is turned over:", () => {
  test.each([
    ["magic", 0],
    ["page size", 16],
    ["write format", 18],
    ["reserved space", 20],
    ["payload fraction", 21],
    ["change counter", 24],
    ["pages", 28],
    ["free pages", 36],
    ["schema cookie", 40],
    ["largest root page", 55],
    ["encoding", 59],
    ["application id", 68],
    ["version", 96],
  ])("%s", async (_, at) => {
    await expectRight({ of: () => stopped, damage: overwrite(database, (bytes) => (bytes[at]! ^= 0xff)) });
  });

  test("schema format", async () => {
    await expectRight({ of: () => stopped, damage: overwrite(database, (bytes) => (bytes[47]! ^= 0xff)) });
  });
});

describe("a log that does not belong to the database:", () => {
  test("a text beside a database that needs none is passed over", async () => {
    await expectRight({ of: () => stopped, damage: (folder) => writeFileSync(log(folder), TEXT) });
  });

  test("a text in its place: commits are gone, and the node says so", async () => {
    await expectRight({ of: () => crashed, damage: (folder) => writeFileSync(log(folder), TEXT) });
  });

  test.each([
    ["another database's, beside one that needs none", () => stopped],
    ["another database's, in place of its own", () => crashed],
  ])("%s", async (_, of) => {
    await expectRight({ of, damage: (folder) => other.lendLog(folder) });
  });

  test("its own, beside a database that was put in its place", async () => {
    await expectRight({
      of: () => crashed,
      damage: (folder) => copyFileSync(other.databasePath, database(folder)),
    });
  });
});

describe("a bit is turned over anywhere", () => {
  const random = SeededRandom.printed("bit flips");

  /** Of the latest commits in the log nobody can say whether they were damaged or never synced. */
  const isUnexpected = ({ verdict }: Flip): boolean => verdict !== "latest gone" && !RIGHT.includes(verdict);

  test("in the database file", async () => {
    const flips = new BitFlips(stopped, "onefold.db", random);
    await flips.try(FLIPS);
    console.log(flips.report("wrong", "died", "earlier, unsaid"));
    expect(flips.flips.filter(isUnexpected)).toEqual([]);
    expect(flips.with("refused", "answered 5xx")).not.toBeEmpty();
  });

  test("in the log", async () => {
    const flips = new BitFlips(crashed, "onefold.db-wal", random);
    await flips.try(FLIPS);
    console.log(flips.report("wrong", "died"));
    expect(flips.flips.filter(isUnexpected)).toEqual([]);
  });
});
