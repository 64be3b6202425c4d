/** `SqliteEventStore` keeps what every store promises, and what one file adds to it. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, type Mock, spyOn, test } from "bun:test";
import { EventStatus } from "../../../src/events/event.ts";
import { FINGERPRINT_WORDS, Fingerprinter } from "../../../src/events/fingerprint.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { openForReading, openForWriting, readPragma } from "../../../src/storage/sqlite/database.ts";
import { RecentEvents } from "../../../src/storage/sqlite/recent-events.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import { describeEventStore } from "./event-store-suite.ts";
import { SqliteBench } from "./sqlite-bench.ts";

describeEventStore("a SQLite file", () => new SqliteBench());

describe("where all fingerprints collide", () => {
  let write: Mock<Fingerprinter["write"]>;
  beforeAll(() => {
    write = spyOn(Fingerprinter.prototype, "write").mockImplementation(
      (_topicId, _scope, _eventId, out, offset) => {
        out.fill(0xffff_ffff, offset, offset + FINGERPRINT_WORDS);
      },
    );
  });
  afterAll(() => {
    expect(write).toHaveBeenCalled();
    write.mockRestore();
  });

  describeEventStore("a SQLite file", () => new SqliteBench(), 500);

  test("every row is a candidate, and the answers stay exact", () => {
    using bench = new SqliteBench();
    const store = bench.restart();
    store.open();
    store.append({ events: eventRecords(100, "a"), receivedAt: 1 });
    expect(store.locate("orders", "", "a7").sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    const { verdicts } = store.append({
      events: [eventRecord("a99"), eventRecord("b"), eventRecord("a0")],
      receivedAt: 1,
    });
    expect([...verdicts.status.slice(0, 3)]).toEqual([
      EventStatus.duplicate,
      EventStatus.processed,
      EventStatus.duplicate,
    ]);
    expect([...verdicts.seq.slice(0, 3)]).toEqual([100, 101, 1]);
  });
});

function opened(bench: SqliteBench) {
  const store = bench.restart();
  store.open();
  return store;
}

test("the settings that the promise rests on are read back", () => {
  using bench = new SqliteBench();
  opened(bench);
  const { database } = bench.store;
  expect(readPragma(database, "journal_mode")).toBe("wal");
  expect(readPragma(database, "synchronous")).toBe(2);
  expect(readPragma(database, "wal_autocheckpoint")).toBe(0);
});

test("a database of somebody else is refused and left as it is", () => {
  using bench = new SqliteBench();
  {
    using foreign = new Database(bench.path, { create: true });
    foreign.run("CREATE TABLE theirs (id INTEGER)");
  }
  expect(() => opened(bench)).toThrow("not one of onefold's");
  using db = new Database(bench.path);
  expect(db.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "theirs" }]);
  expect([readPragma(db, "journal_mode"), readPragma(db, "application_id")]).toEqual(["delete", 0]);
});

test("a file that is no database is refused", async () => {
  using bench = new SqliteBench();
  await Bun.write(bench.path, "not a database, but long enough to be taken for one. ".repeat(100));
  expect(() => openForWriting(bench.path)).toThrow();
});

function outcomeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error.outcome;
    throw error;
  }
  return "committed";
}

test("a file takes as many events as it may hold, and refuses one more whole; duplicates still count", () => {
  using bench = new SqliteBench({ eventsMax: 5 });
  const store = opened(bench);
  expect(outcomeOf(() => store.append({ events: eventRecords(6, "a"), receivedAt: 1 }))).toBe("refused");
  expect(outcomeOf(() => store.append({ events: eventRecords(5, "a"), receivedAt: 1 }))).toBe("committed");
  expect(outcomeOf(() => store.append({ events: eventRecords(6, "a"), receivedAt: 1 }))).toBe("refused");
  expect(outcomeOf(() => store.append({ events: eventRecords(5, "a"), receivedAt: 1 }))).toBe("committed");
  expect(bench.rows()).toHaveLength(5);
});

test("a disk that is full refuses the commit, and takes it once there is room", () => {
  using bench = new SqliteBench();
  const store = opened(bench);
  const events = eventRecords(100, "a", { payload: JSON.stringify("x".repeat(10_000)) });
  const pages = Number(readPragma(bench.store.database, "page_count"));
  bench.store.database.run(`PRAGMA max_page_count = ${pages + 10}`);
  expect(outcomeOf(() => store.append({ events, receivedAt: 1 }))).toBe("refused");
  expect(bench.rows()).toEqual([]);
  bench.store.database.run("PRAGMA max_page_count = 1000000");
  expect(outcomeOf(() => store.append({ events, receivedAt: 1 }))).toBe("committed");
  expect(bench.rows()).toHaveLength(100);
});

test("a batch that cannot be prepared counts nothing, also not in the next", () => {
  using bench = new SqliteBench();
  const store = opened(bench);
  store.append({ events: [eventRecord("a")], receivedAt: 1 });
  const events = [eventRecord("b"), eventRecord("a", { payload: "not JSON" })];
  expect(outcomeOf(() => store.append({ events, receivedAt: 1 }))).toBe("refused");
  const { increments } = store.append({ events: [eventRecord("c")], receivedAt: 1 });
  expect([...increments.rows]).toEqual([1, 1, 1, 0, 0]);
  expect(bench.rows().map(({ eventId }) => eventId)).toEqual(["a", "c"]);
});

test("the last 1,000 conflicts are kept, whole, the newest last", () => {
  using bench = new SqliteBench();
  const store = opened(bench);
  store.append({ events: [eventRecord("a")], receivedAt: 1 });
  for (const count of [700, 700, 1_500]) {
    const events = Array.from({ length: count }, (_, i) =>
      eventRecord("a", { payload: `"${count}-${i}"`, source: "s" }),
    );
    store.append({ events, receivedAt: 2 });
  }
  using db = openForReading(bench.path);
  const rows = db
    .prepare<{ payload: string; seq: number; source: string }, []>("SELECT * FROM conflicts ORDER BY id")
    .all();
  expect(rows).toHaveLength(1_000);
  expect(rows[0]).toMatchObject({ payload: '"1500-500"', seq: 1, source: "s" });
  expect(rows.at(-1)!.payload).toBe('"1500-1499"');
});

test("a duplicate of an event that is long gone from memory is found in the file", () => {
  using bench = new SqliteBench();
  const store = opened(bench);
  const old = eventRecords(200, "old", { payload: '{"a":1}' });
  store.append({ events: old, receivedAt: 1 });
  // More bytes than the latest events may take in memory.
  const large = JSON.stringify("x".repeat(1024 * 1024));
  for (let i = 0; i < 34; i++)
    store.append({ events: [eventRecord(`large${i}`, { payload: large })], receivedAt: 2 });
  const again = [...old, eventRecord("old7", { payload: "2" }), eventRecord("new")];
  const { verdicts } = store.append({ events: again, receivedAt: 3 });
  expect([...verdicts.status.slice(0, 200)]).toEqual(Array(200).fill(EventStatus.duplicate));
  expect([...verdicts.seq.slice(0, 200)]).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect(verdicts.firstReceivedAt[0]).toBe(1);
  expect([...verdicts.status.slice(200, 202)]).toEqual([EventStatus.conflict, EventStatus.processed]);
});

test("a commit that memory cannot follow has an unknown outcome, and the file settles it", () => {
  using bench = new SqliteBench();
  const store = opened(bench);
  const add = spyOn(RecentEvents.prototype, "add").mockImplementationOnce(() => {
    throw new RangeError("Out of memory");
  });
  expect(outcomeOf(() => store.append({ events: [eventRecord("a")], receivedAt: 1 }))).toBe("unknown");
  add.mockRestore();
  expect(store.open()).toMatchObject({ events: 1, topics: [{ name: "orders", received: 1 }] });
  const { verdicts } = store.append({ events: eventRecords(2, "").concat(eventRecord("a")), receivedAt: 1 });
  expect([...verdicts.seq.slice(0, 3)]).toEqual([2, 3, 1]);
});

describe("duplicates of huge events that are long gone from memory", () => {
  const huge = (first: string): string => JSON.stringify([first, "x".repeat(4 * 1024 * 1024)]);

  test("are told from conflicts, also where only the order of members differs", () => {
    using bench = new SqliteBench();
    const store = opened(bench);
    const large = JSON.stringify("é".repeat(10_000));
    store.append({ events: [eventRecord("a", { payload: `{"a":1,"b":${large}}` })], receivedAt: 1 });
    for (let i = 0; i < 10; i++)
      store.append({ events: [eventRecord(`${i}`, { payload: huge("") })], receivedAt: 2 });
    const again = [`{"b":${large},"a":1}`, `{"b":${large},"a":2}`, "1"];
    const events = again.map((payload) => eventRecord("a", { payload }));
    const { verdicts } = store.append({ events, receivedAt: 3 });
    const { duplicate, conflict } = EventStatus;
    expect([...verdicts.status.slice(0, 3)]).toEqual([duplicate, conflict, conflict]);
  });

  test("cost a batch of small ones neither their reading nor their parsing", () => {
    using bench = new SqliteBench();
    const store = opened(bench);
    for (let i = 0; i < 20; i++)
      store.append({ events: [eventRecord(`${i}`, { payload: huge(`${i}`) })], receivedAt: 1 });
    const events = Array.from({ length: 10_000 }, (_, i) => eventRecord(`${i % 20}`));
    const started = performance.now();
    const { verdicts } = store.append({ events, receivedAt: 2 });
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(new Set(verdicts.status.slice(0, 10_000))).toEqual(new Set([EventStatus.conflict]));
  });
});
