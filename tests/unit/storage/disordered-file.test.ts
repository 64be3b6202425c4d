/** Rows out of order, and numbers beyond all that a file can hold: nothing that reads it goes on for ever. */

import { describe, expect, test } from "bun:test";
import { exportEvents } from "../../../src/maintenance/event-export.ts";
import { DamagedError, type EventQuery } from "../../../src/storage/event-reader.ts";
import { DatabaseUnusableError, openForReading } from "../../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../../src/storage/sqlite/sqlite-event-reader.ts";
import { verifyFile } from "../../../src/storage/sqlite/verification/verification.ts";
import { eventRecords } from "../event-records.ts";
import { SqliteBench } from "./sqlite-bench.ts";
import { TablePages } from "./table-pages.ts";

const EVENTS = 1_000;

/** Beyond 2^32 segments of events. */
const FAR_AWAY = 2 ** 50;

/** A closed file of several pages of events, and the topic "pruned", whose events came last and are gone. */
function filled(): SqliteBench {
  const retention = { events: [{ pattern: "pruned", max: 0 }], bytes: [], ages: [], dedupWindowMs: 0 };
  const bench = new SqliteBench({ retention });
  const store = bench.restart();
  store.open();
  for (let i = 0; i < EVENTS; i += 100)
    store.append({ events: eventRecords(100, `e${i}-`), receivedAt: 1_000 + i });
  store.append({ events: eventRecords(10, "p", { topic: "pruned" }), receivedAt: 3_000 });
  while (!store.prune(4_000, 100).isDone);
  store.close();
  return bench;
}

function eventPages(bench: SqliteBench): TablePages {
  const pages = new TablePages(bench.path, "events");
  expect(pages.rowids.flat()).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1));
  return pages;
}

const detailsOf = (path: string): string[] => verifyFile(path).differences.map(({ detail }) => detail);

describe("verification", () => {
  test("reads past a number that went back in front of a page that cannot be read", () => {
    using bench = filled();
    const pages = eventPages(bench);
    const [before, broken, after] = [pages.rowids[4]!, pages.rowids[5]!, pages.rowids[6]!];
    pages.renumber(before.at(-1)!, 3);
    pages.breakPageOf(broken[0]!);
    const { differences, figures } = verifyFile(bench.path);
    expect(differences).toContainEqual({
      check: "events",
      detail: "Events: number 3 stands where it does not belong.",
    });
    expect(figures.events).toBeWithin(EVENTS - 200, EVENTS - broken.length);
    expect(after[0]).toBeLessThan(EVENTS);
  });

  test("loses one row to a number that is too great, and one to a number that is too small", () => {
    for (const wrong of [900, 300]) {
      using bench = filled();
      eventPages(bench).renumber(500, wrong);
      const { differences, figures } = verifyFile(bench.path);
      expect(differences).toContainEqual({
        check: "events",
        detail: `Events: number ${wrong} stands where it does not belong.`,
      });
      expect(figures.events).toBe(EVENTS - 1);
    }
  });

  test.each([
    [
      "an event",
      `UPDATE events SET seq = ${FAR_AWAY} WHERE seq = ${EVENTS}`,
      /^Event \d+ is not as it was written/,
    ],
    [
      "a list",
      `INSERT INTO topic_segments (segment, topic_id, offsets, checksum) VALUES (${FAR_AWAY}, 1, x'0000', 0)`,
      /^The list of topic 1 in segment \d+ names 1 events wrongly/,
    ],
  ])("tells of %s with a number that is far away", (_, sql, sentence) => {
    using bench = filled();
    bench.tamper(sql);
    expect(detailsOf(bench.path)).toContainEqual(expect.stringMatching(sentence));
  });
});

test.each([
  ["", ""],
  [" in a file that is to get its checksums", "DELETE FROM meta WHERE key = 'checksums'"],
])("a start refuses a last event whose number went back%s", (_, sql) => {
  using bench = filled();
  if (sql !== "") bench.tamper(sql);
  eventPages(bench).renumber(EVENTS, 3);
  expect(() => bench.restart().open()).toThrow(DatabaseUnusableError);
});

describe("a reader", () => {
  const query: EventQuery = { order: "asc", limit: 20 };

  /** What is thrown, on a connection of its own. */
  function read(bench: SqliteBench, asked: Partial<EventQuery>): unknown {
    const reader = new SqliteEventReader(openForReading(bench.path), () => 0);
    try {
      return reader.page({ ...query, ...asked });
    } finally {
      reader.close();
    }
  }

  test("gives no event twice, and no cursor that goes back", async () => {
    using bench = filled();
    const pages = eventPages(bench);
    const page = pages.rowids[3]!;
    pages.repeat(page[4]!, page[6]!);
    expect(() => read(bench, { order: "asc", after: page[0]! })).toThrow(DamagedError);
    expect(() => read(bench, { order: "desc", after: page[9]! })).toThrow(DamagedError);
    const exported = exportEvents({
      databasePath: bench.path,
      form: "stored",
      topic: undefined,
      after: 0,
      write: async () => {},
      onProgress: () => {},
    });
    await expect(exported).rejects.toThrow(DamagedError);
  });

  test("looks for no time among numbers that go back", () => {
    using bench = new SqliteBench();
    const store = bench.restart();
    store.open();
    const timeOf = (seq: number): number => 1_000 + seq;
    for (let seq = 1; seq <= 300; seq++)
      store.append({ events: eventRecords(1, `e${seq}-`), receivedAt: timeOf(seq) });
    store.close();
    const pages = new TablePages(bench.path, "events");
    const last = pages.rowids[0]!.at(-1)!;
    pages.renumber(last, 100);
    pages.renumber(last + 1, 101);
    // The search asks for `last` and gets event 101 in its place, which was received before the time as well.
    expect(() => read(bench, { since: timeOf(last + 2) })).toThrow(DamagedError);
  });

  test("refuses a newest event whose number cannot be counted on from", () => {
    using bench = filled();
    bench.tamper(`UPDATE events SET seq = ${2 ** 60} WHERE seq = ${EVENTS}`);
    for (const asked of [{}, { order: "desc" }, { since: 1_500 }] as const)
      expect(() => read(bench, asked)).toThrow(DamagedError);
  });
});
