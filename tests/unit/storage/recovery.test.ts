/** What is kept in memory is rebuilt from the file, and a file that contradicts itself is refused. */

import { describe, expect, test } from "bun:test";
import { EventStatus } from "../../../src/events/event.ts";
import { metaChecksum } from "../../../src/storage/sqlite/checksums.ts";
import { DatabaseUnusableError } from "../../../src/storage/sqlite/database.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";

/** A closed file with three commits in it, the last of which only holds duplicates. */
function filledBench(): SqliteBench {
  const bench = new SqliteBench();
  const store = bench.restart();
  store.open();
  store.append({ events: eventRecords(3, "a"), receivedAt: 1_000 });
  store.append({
    events: [...eventRecords(2, "b", { topic: "second" }), eventRecord("a0")],
    receivedAt: 2_000,
  });
  store.append({ events: eventRecords(3, "a"), receivedAt: 3_000 });
  store.close();
  return bench;
}

describe("a file is refused", () => {
  test.each([
    ["whose last fingerprints are missing", "DELETE FROM fingerprints WHERE first_seq = 4"],
    ["whose first fingerprints are missing", "DELETE FROM fingerprints WHERE first_seq = 1"],
    ["whose fingerprints are all missing", "DELETE FROM fingerprints"],
    [
      "whose fingerprints are cut off",
      "UPDATE fingerprints SET words = substr(words, 1, 20) WHERE first_seq = 1",
    ],
    ["whose fingerprints go beyond its events", "DELETE FROM events WHERE seq = 5"],
    ["whose events are missing", "DELETE FROM events"],
    [
      "whose fingerprints stand twice",
      "INSERT INTO fingerprints (first_seq, count, words) SELECT 2, count, words FROM fingerprints WHERE first_seq = 1",
    ],
    ["whose topics have a gap", "UPDATE topics SET id = 7 WHERE id = 1"],
    ["whose secret is missing", "DELETE FROM meta WHERE key = 'fingerprint_key'"],
    [
      "whose secret has a flipped bit",
      "UPDATE meta SET value = randomblob(16) WHERE key = 'fingerprint_key'",
    ],
    ["whose counters were changed", "UPDATE counters SET conflicts = conflicts + 1 WHERE topic_id = 1"],
    ["whose times were changed", "UPDATE counters SET last_at = last_at + 1 WHERE topic_id = 1"],
    ["whose topic has another name", "UPDATE topics SET name = 'other' WHERE id = 1"],
    [
      "whose fingerprints have a flipped bit",
      "UPDATE fingerprints SET words = zeroblob(48) WHERE first_seq = 1",
    ],
    ["whose newest event is gone", "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)"],
    ["whose identity is damaged", "UPDATE meta SET value = 'x' WHERE key = 'database_id'"],
    ["whose secret is cut off", "UPDATE meta SET value = x'00' WHERE key = 'fingerprint_key'"],
  ])("%s", (_, sql) => {
    using bench = filledBench();
    bench.tamper(sql);
    expect(() => bench.restart().open()).toThrow(DatabaseUnusableError);
    // Not once and then taken: it stays refused.
    expect(() => bench.restart().open()).toThrow(DatabaseUnusableError);
  });

  test("and the same file opens when nothing is wrong with it", () => {
    using bench = filledBench();
    bench.tamper("UPDATE topics SET id = 1 WHERE id = 1");
    expect(bench.restart().open()).toMatchObject({
      events: 5,
      topics: [{ name: "orders" }, { name: "second" }],
    });
  });
});

test("a file of its own secret: fingerprints of two files differ", () => {
  const wordsOf = (): string => {
    using bench = filledBench();
    bench.restart().open();
    const row = bench.store.database
      .prepare<{ words: Uint8Array }, []>("SELECT words FROM fingerprints")
      .get();
    return Buffer.from(row!.words).toString("hex");
  };
  expect(wordsOf()).not.toBe(wordsOf());
});

test("a file has an identity, which stays; one of before there were any gets its own", () => {
  using bench = filledBench();
  using other = filledBench();
  const idOf = (file: SqliteBench): string => file.restart().open().databaseId;
  const id = idOf(bench);
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect([idOf(bench), idOf(other) === id]).toEqual([id, false]);
  bench.tamper("DELETE FROM meta WHERE key = 'database_id'");
  const made = idOf(bench);
  expect([idOf(bench), made === id]).toEqual([made, false]);
});

test("numbers that one flipped bit has made blobs of are read all the same", () => {
  using bench = filledBench();
  const checksum = metaChecksum("forgotten_through", "0");
  bench.tamper(
    `INSERT INTO meta (key, value, checksum) VALUES ('forgotten_through', CAST('0' AS BLOB), ${checksum})`,
  );
  expect(bench.restart().open().events).toBe(5);
});

test("128 bits an event are stored, in the commit that stores the events", () => {
  using bench = filledBench();
  bench.restart().open();
  const rows = bench.store.database
    .prepare("SELECT first_seq, count, length(words) AS bytes FROM fingerprints ORDER BY first_seq")
    .all();
  expect(rows).toEqual([
    { first_seq: 1, count: 3, bytes: 48 },
    { first_seq: 4, count: 2, bytes: 32 },
  ]);
});

test("more commits than are read at once are all taken in", () => {
  using bench = new SqliteBench();
  const store = bench.restart();
  store.open();
  const events = eventRecords(600, "a");
  for (const event of events) store.append({ events: [event], receivedAt: 1 });
  const again = bench.restart();
  expect(again.open().events).toBe(600);
  const { verdicts } = again.append({ events, receivedAt: 2 });
  expect(verdicts.status.slice(0, 600).every((status) => status === EventStatus.duplicate)).toBe(true);
});
