/** Verification of a file: what is damaged is told of, whatever it is, and what is right is never blamed. */

import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { FINGERPRINT_WORDS, Fingerprinter } from "../../../src/events/fingerprint.ts";
import type { Retention } from "../../../src/storage/retention.ts";
import { SqliteEventStore } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { NotVerifiableError } from "../../../src/storage/sqlite/verification/pages.ts";
import { verifyFile } from "../../../src/storage/sqlite/verification/verification.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import { keyedAnswer } from "./event-store-answers.ts";
import { MIGRATIONS, SqliteBench } from "./sqlite-bench.ts";

const RETENTION = {
  events: [{ pattern: "pruned", max: 40 }],
  bytes: [],
  ages: [],
  dedupWindowMs: 1_000,
};

/** A file with some of everything: topics, conflicts, pruned events, ids that have outlived theirs. */
function filled(bench: SqliteBench): void {
  const store = bench.restart();
  store.open();
  for (let i = 0; i < 10; i++) {
    const events = [
      ...eventRecords(50, `a${i}-`, { source: "shop", timestamp: "2026-01-31T12:00:00Z" }),
      ...eventRecords(20, `b${i}-`, { topic: "pruned", payload: '{"text":"long enough to matter"}' }),
      eventRecord("a0-1", { payload: "1" }),
      eventRecord(`scoped${i}`, { scope: "/machine", attributes: '{"subject":"x"}' }),
    ];
    store.append({ events, receivedAt: 1_000 + i * 400 });
  }
  while (!store.prune(4_600, 30).isDone);
  const answers = Array.from({ length: 20 }, (_, i) => keyedAnswer(`k${i}`, ANSWER));
  store.append({ events: [], receivedAt: 5_000, answers: () => answers });
  store.close();
}

const ANSWER = '{"counters":{"received":3,"unique_processed":1,"duplicate_dropped":2,"conflicts":1}}';

const bench = (): SqliteBench => new SqliteBench({ retention: RETENTION });

test("a file with retention, conflicts and scopes is right", () => {
  using healthy = bench();
  filled(healthy);
  const { differences, figures } = verifyFile(healthy.path);
  expect(differences).toEqual([]);
  expect(figures).toMatchObject({ events: 550, pruned: 160, unique_processed: 710, conflicts: 10 });
  expect(figures.outlived_ids).toBeWithin(1, 160);
});

test("keys that share a fingerprint are told apart by themselves", () => {
  const write = spyOn(Fingerprinter.prototype, "write").mockImplementation(
    (_topic, _scope, _id, out, offset) => {
      out.fill(7, offset, offset + FINGERPRINT_WORDS);
    },
  );
  try {
    using colliding = new SqliteBench();
    const store = colliding.restart();
    store.open();
    store.append({ events: eventRecords(100, "a"), receivedAt: 1 });
    store.close();
    expect(verifyFile(colliding.path).differences).toEqual([]);
  } finally {
    expect(write).toHaveBeenCalled();
    write.mockRestore();
  }
});

describe("whatever is appended, removed, forgotten and opened again", () => {
  const TOPICS = ["pruned", "pruned.a", "pruned.b", "other"];
  const HISTORIES = 20;
  const STEPS = 25;

  function randomRetention(random: SeededRandom): Retention {
    const max = (limit: number): number =>
      random.below(4) === 0 ? Number.POSITIVE_INFINITY : random.below(limit);
    return {
      events: [{ pattern: "pruned*", max: max(60) }],
      bytes: [{ pattern: "pruned.a", max: max(4_000) }],
      ages: [{ pattern: "*", max: max(6_000) }],
      dedupWindowMs: random.below(3) === 0 ? 0 : random.below(5_000),
    };
  }

  test("the file stays right", () => {
    const random = SeededRandom.printed("retained files");
    let outlived = 0;
    let pruned = 0;
    for (let history = 0; history < HISTORIES; history++) {
      using folder = new TempFolder();
      const path = folder.file("onefold.db");
      const open = (): SqliteEventStore => {
        const store = new SqliteEventStore({
          path,
          migrationsFolder: MIGRATIONS,
          retention: randomRetention(random),
        });
        store.open();
        return store;
      };
      let store = open();
      let now = 1_000;
      for (let step = 0; step < STEPS; step++) {
        now += random.below(1_500);
        const events = Array.from({ length: random.below(40) }, () =>
          eventRecord(`e${random.below(150)}`, {
            topic: TOPICS[random.below(TOPICS.length)]!,
            payload: String(random.below(3)),
          }),
        );
        store.append({ events, receivedAt: now });
        for (let i = random.below(4); i > 0; i--) store.prune(now, 1 + random.below(60));
        if (random.below(5) === 0) {
          store.close();
          store = open();
        }
        const { differences, figures } = verifyFile(path);
        outlived = Math.max(outlived, figures.outlived_ids);
        pruned = Math.max(pruned, figures.pruned);
        expect({ history, step, differences }).toEqual({ history, step, differences: [] });
      }
      store.close();
    }
    expect(outlived).toBePositive();
    expect(pruned).toBeGreaterThan(outlived);
  }, 60_000);
});

const TABLES = [
  "meta",
  "topics",
  "events",
  "fingerprints",
  "counters",
  "conflicts",
  "topic_segments",
  "request_keys",
];

/** All rows of all tables, or undefined where they cannot be read. */
function contentOf(path: string): string | undefined {
  try {
    using db = new Database(path, { readonly: true });
    return TABLES.map((table) => JSON.stringify(db.query(`SELECT * FROM ${table}`).values())).join("\n");
  } catch {
    return undefined;
  }
}

describe("a file damaged at random", () => {
  const ROUNDS = 300;

  /** Whether verification finds nothing wrong; whatever it throws beside its own refusal is a fault of its own. */
  function isFoundRight(path: string): boolean {
    try {
      return verifyFile(path).differenceCount === 0;
    } catch (error) {
      if (error instanceof NotVerifiableError) return false;
      throw error;
    }
  }

  test("never breaks verification, and is never found right when a row has changed", () => {
    const random = SeededRandom.printed("damage");
    using healthy = bench();
    filled(healthy);
    using folder = new TempFolder();
    const path = folder.file("damaged.db");
    const original = readFileSync(healthy.path);
    const content = contentOf(healthy.path);
    let changed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      copyFileSync(healthy.path, path);
      const bytes = Buffer.from(original);
      const at = random.below(bytes.length);
      const length = round % 3 === 0 ? 1 + random.below(6_000) : 1;
      if (length === 1) bytes[at]! ^= 1 << random.below(8);
      else for (let i = at; i < Math.min(bytes.length, at + length); i++) bytes[i] = random.below(256);
      writeFileSync(path, bytes);
      const isRight = isFoundRight(path);
      const isChanged = contentOf(path) !== content;
      if (isChanged) changed++;
      expect({ round, isRight: isRight && isChanged }).toEqual({ round, isRight: false });
    }
    expect(changed).toBeGreaterThan(ROUNDS / 3);
  }, 60_000);
});
