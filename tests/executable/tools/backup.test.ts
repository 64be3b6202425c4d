/** `onefold backup` copies a node under full load and holds nobody up; `onefold restore` makes a node of it again. */

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openForReading, readPragma } from "../../../src/storage/sqlite/database.ts";
import { migrateDatabase } from "../../../src/storage/sqlite/migrate.ts";
import { TEST_TIMEOUT_MS, withDeadline } from "../../support/deadline.ts";
import { executable, NodeProcess } from "../../support/node-process.ts";
import { Program } from "../../support/program.ts";
import { httpPublisher, Journal, keyOf, type Publish, SocketPublisher } from "../../support/publisher.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventsOf, expectRight, refusalOf, resultOf } from "./tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

interface BackupResult {
  readonly file: string;
  readonly events: number;
  readonly topics: number;
  readonly last_seq: number;
  readonly bytes: number;
  readonly seconds: number;
}

interface RestoreResult extends BackupResult {
  readonly database_id: string;
}

function keysIn(file: string): Set<string> {
  using db = new Database(file, { readonly: true });
  const sql = "SELECT name AS topic, event_id FROM events JOIN topics ON topics.id = topic_id";
  return new Set(db.query<{ topic: string; event_id: string }, []>(sql).all().map(keyOf));
}

function databaseIdIn(file: string): string {
  using db = new Database(file, { readonly: true });
  return db.query<{ value: string }, []>("SELECT value FROM meta WHERE key = 'database_id'").get()!.value;
}

const BACKUPS = 3;
const BATCH = 50;

test("backups of a node under full load hold all that was acknowledged before, and acknowledgements go on", async () => {
  using folder = new TempFolder();
  using copies = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  using socket = await SocketPublisher.open(node);
  const journal = new Journal();
  let lastAckAt = performance.now();
  let longestGapMs = 0;
  const timed =
    (publish: Publish): Publish =>
    async (batch) => {
      const answer = await publish(batch);
      const now = performance.now();
      longestGapMs = Math.max(longestGapMs, now - lastAckAt);
      lastAckAt = now;
      return answer;
    };
  let isDone = false;
  let next = 0;
  const batch = () =>
    isDone
      ? undefined
      : Array.from({ length: BATCH }, (_, i) => ({
          topic: `t.${i % 7}`,
          event_id: `e${next++}`,
          payload: { i },
        }));
  const publishers = [httpPublisher(node), httpPublisher(node), socket.publish, socket.publish];
  const publishing = publishers.map((publish) => journal.publishAll(timed(publish), batch));
  await withDeadline(journal.untilAcknowledgements(100), () => "the load to begin");
  for (let i = 0; i < BACKUPS; i++) {
    const before = new Set(journal.acknowledged);
    const file = copies.file(`${i}.db`);
    const result = await resultOf<BackupResult>("backup", file, "--data", folder.path);
    const stored = keysIn(file);
    expect(result).toMatchObject({ file, events: stored.size, last_seq: stored.size, topics: 7 });
    expect([...before].filter((key) => !stored.has(key))).toEqual([]);
    expect((await expectRight(file)).events).toBe(stored.size);
    using db = openForReading(file);
    expect(readPragma(db, "auto_vacuum")).toBe(2);
  }
  isDone = true;
  await Promise.all(publishing);
  console.log(
    `${journal.acknowledged.size} events; longest time without an acknowledgement: ${Math.round(longestGapMs)} ms`,
  );
  expect(journal.takeUnacknowledged()).toEqual([]);
  expect(longestGapMs).toBeLessThan(10_000);
  expect(readdirSync(copies.path).sort()).toEqual(["0.db", "1.db", "2.db"]);
});

describe("a restored backup", () => {
  test("is a node that knows what it has counted, and another database than its original", async () => {
    using folder = new TempFolder();
    using restored = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    const events = eventsOf(5_000, "a");
    await node.publish(events);
    await node.publish(eventsOf(10, "a"));
    // The log has not been copied back, and the node dies: the copy holds it all the same.
    await node.kill9();
    const file = restored.file("backup.db");
    await resultOf<BackupResult>("backup", file, "--data", folder.path);
    const data = join(restored.path, "new/data");
    const { database_id: id, events: count } = await resultOf<RestoreResult>("restore", file, "--data", data);
    expect(count).toBe(5_000);
    expect(readdirSync(data).sort()).toEqual(["onefold.db", "onefold.db.lock"]);
    await using second = await NodeProcess.start({ data });
    expect(await second.publish(events)).toMatchObject({ unique_processed: 0, duplicate_dropped: 5_000 });
    expect(await second.stats()).toMatchObject({ received: 10_010, unique_processed: 5_000 });
    await second.stop();
    expect(databaseIdIn(join(data, "onefold.db"))).toBe(id);
    expect(databaseIdIn(file)).not.toBe(id);
    expect(databaseIdIn(folder.file("onefold.db"))).toBe(databaseIdIn(file));
    await expectRight(data);
  });

  test("of an older schema is brought to this one, and can be made smaller from then on", async () => {
    using folder = new TempFolder();
    const file = folder.file("old.db");
    const db = new Database(file, { create: true });
    db.run("PRAGMA application_id = 0x6f6e6566");
    const migrations = join(import.meta.dir, "../../../drizzle");
    const journal = JSON.parse(readFileSync(join(migrations, "meta/_journal.json"), "utf8")) as {
      entries: object[];
    };
    const first = JSON.stringify({ ...journal, entries: journal.entries.slice(0, 1) });
    await Bun.write(folder.file("drizzle/meta/_journal.json"), first);
    await Bun.write(folder.file("drizzle/0000_heart.sql"), Bun.file(join(migrations, "0000_heart.sql")));
    migrateDatabase(db, folder.file("drizzle"), file);
    db.close();
    expect(await refusalOf(1, "backup", folder.file("copy.db"), "--data", file)).toContain("older version");
    const data = folder.file("data");
    await resultOf<RestoreResult>("restore", file, "--data", data);
    await expectRight(data);
    using migrated = openForReading(join(data, "onefold.db"));
    expect(readPragma(migrated, "auto_vacuum")).toBe(2);
  });
});

describe("a backup", () => {
  test("is not restored where a database is, where a node runs, and when it is damaged", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    await node.publish(eventsOf(100, "a"));
    const file = folder.file("backup.db");
    await resultOf<BackupResult>("backup", file, "--data", folder.path);
    expect(await refusalOf(1, "restore", file, "--data", folder.path)).toEndWith(
      "is in use by another onefold process.",
    );
    await node.stop();
    const taken = `${folder.file("onefold.db")} is there already, and is not overwritten.`;
    expect(await refusalOf(1, "restore", file, "--data", folder.path)).toBe(taken);
    expect(await refusalOf(1, "backup", file, "--data", folder.path)).toBe(
      `${file} is there already, and is not overwritten.`,
    );
    const bytes = readFileSync(file).toString("latin1").replaceAll("payload of a-50", "payload of b-50");
    writeFileSync(folder.file("damaged.db"), bytes, "latin1");
    const empty = folder.file("empty");
    expect(await refusalOf(1, "restore", folder.file("damaged.db"), "--data", empty)).toMatch(
      /is not right, so it was not restored: Event \d+ is not as it was written: its checksum differs\. /,
    );
    writeFileSync(folder.file("text.db"), "text\n".repeat(1_000));
    expect(await refusalOf(1, "restore", folder.file("text.db"), "--data", empty)).toContain(
      "cannot be restored: It does",
    );
    expect(readdirSync(empty)).toEqual(["onefold.db.lock"]);
  });
});

test("what is damaged is not kept as a backup, and nothing is left of it", async () => {
  using folder = new TempFolder();
  using target = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  await node.publish(eventsOf(100, "a"));
  await node.stop();
  const db = new Database(folder.file("onefold.db"));
  db.run("UPDATE counters SET received = received + 1");
  db.close();
  expect(await refusalOf(1, "backup", target.file("a.db"), "--data", folder.path)).toContain(
    "is not right, so its copy",
  );
  expect(readdirSync(target.path)).toEqual([]);
});

test.each([
  [2, ["backup"], "Expected a FILE, got none."],
  [2, ["restore"], "Expected a FILE, got none."],
  [2, ["backup", ""], "FILE must not be empty."],
  [2, ["backup", "a", "b"], "Expected one FILE, got `a` and `b`."],
  [1, ["backup", "a.db", "--data", "/nowhere"], "There is no file /nowhere."],
  [1, ["restore", "/nowhere/a.db"], "There is no file /nowhere/a.db."],
])("ends with %i: %j", async (exitCode, args, sentence) => {
  expect(await refusalOf(exitCode, ...args)).toBe(sentence);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s in the midst of a backup leaves nothing behind",
  async (signal) => {
    using folder = new TempFolder();
    using target = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    for (let i = 0; i < 5; i++) await node.publish(eventsOf(8_000, `batch-${i}`));
    await using backup = new Program([executable(), "backup", target.file("a.db"), "--data", folder.path]);
    const isWriting = async (): Promise<void> => {
      while (!readdirSync(target.path).some((name) => name.startsWith("a.db.partial-"))) await Bun.sleep(1);
    };
    await withDeadline(isWriting(), () => "the backup to begin");
    backup.signal(signal);
    expect(await backup.exited()).toBe(signal === "SIGINT" ? 130 : 143);
    expect(readdirSync(target.path)).toEqual([]);
    expect(await node.publish(eventsOf(1, "after"))).toMatchObject({ unique_processed: 1 });
  },
);
