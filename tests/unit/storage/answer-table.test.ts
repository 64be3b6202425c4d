/** Answers that are kept under keys: for how long, in how much room, and what damage does to them. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ANSWER_OVERHEAD_BYTES, type AnswerLimits, keptBytes } from "../../../src/storage/request-answers.ts";
import type { SqliteEventStore } from "../../../src/storage/sqlite/sqlite-event-store.ts";
import { verifyFile } from "../../../src/storage/sqlite/verification/verification.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { keyedAnswer, requestKey } from "./event-store-answers.ts";
import { SqliteBench } from "./sqlite-bench.ts";

const DAY_MS = 86_400_000;

function opened(answers: Partial<AnswerLimits>): SqliteBench {
  const bench = new SqliteBench({ answers: { windowMs: DAY_MS, bytesMax: 1_000_000, ...answers } });
  bench.restart().open();
  return bench;
}

function keep(store: SqliteEventStore, receivedAt: number, ...keys: string[]): void {
  store.append({
    events: [],
    receivedAt,
    answers: () => keys.map((key) => keyedAnswer(key, JSON.stringify(key))),
  });
}

const isKept = (store: SqliteEventStore, key: string): boolean =>
  store.answerTo(requestKey(key)) !== undefined;

test("an answer is kept for its time, to the millisecond, and then removed in a step of retention", () => {
  using bench = opened({ windowMs: 1_000 });
  const { store } = bench;
  keep(store, 5_000, "a");
  keep(store, 5_400, "b");
  expect(store.prune(5_999, 1)).toMatchObject({ isDone: true });
  expect(["a", "b"].map((key) => isKept(store, key))).toEqual([true, true]);
  while (!store.prune(6_000, 1).isDone);
  expect(["a", "b"].map((key) => isKept(store, key))).toEqual([false, true]);
  while (!store.prune(6_400, 1).isDone);
  expect(store.answersKept).toEqual({ count: 0, bytes: 0 });
  using db = new Database(bench.path, { readonly: true });
  expect(db.query("SELECT count(*) FROM request_keys").values()).toEqual([[0]]);
});

test("a step removes no more than its share, and rules of retention have their turn beside it", () => {
  const retention = { events: [{ pattern: "*", max: 10 }], bytes: [], ages: [], dedupWindowMs: 0 };
  using bench = new SqliteBench({ retention, answers: { windowMs: 1, bytesMax: 10_000_000 } });
  bench.restart().open();
  const { store } = bench;
  const keys = Array.from({ length: 1_200 }, (_, i) => `k${i}`);
  keep(store, 1, ...keys);
  const left: number[] = [];
  for (let step = 0; step < 20; step++) {
    const before = store.answersKept.count;
    if (store.prune(100, 1).isDone) break;
    if (store.answersKept.count !== before) left.push(store.answersKept.count);
  }
  expect(left).toEqual([688, 176, 0]);
});

test("they never take more than their limit: the oldest go, in the same commit", () => {
  const size = keptBytes('"k0"');
  using bench = opened({ bytesMax: 3 * size });
  const { store } = bench;
  for (let i = 0; i < 9; i++) {
    keep(store, i, `k${i}`);
    expect(store.answersKept.bytes).toBeLessThanOrEqual(3 * size);
  }
  expect(store.answersKept).toEqual({ count: 3, bytes: 3 * size });
  expect(["k5", "k6", "k7", "k8"].map((key) => isKept(store, key))).toEqual([false, true, true, true]);
  // More than there is room for in one commit: the first of them are the oldest.
  keep(store, 9, "l0", "l1", "l2", "l3", "l4");
  expect(["k8", "l0", "l1", "l2", "l3", "l4"].map((key) => isKept(store, key))).toEqual([
    ...[false, false, false, true, true, true],
  ]);
  expect(store.answersKept.bytes).toBe(3 * size);
});

test("sums stay those of the rows, whatever is kept, forgotten, refused and opened again", () => {
  const random = SeededRandom.printed("kept answers");
  for (let history = 0; history < 15; history++) {
    using bench = opened({ windowMs: 1 + random.below(300), bytesMax: 400 + random.below(9_000) });
    let { store } = bench;
    const model = new Map<string, string>();
    let now = 1;
    let keys = 0;
    for (let step = 0; step < 40; step++) {
      now += random.below(60);
      const fresh = Array.from({ length: random.below(4) }, () => `k${keys++}`);
      const answers = fresh.map((key) => keyedAnswer(key, "x".repeat(random.below(200))));
      if (random.below(8) === 0) {
        bench.failNextCommit("full");
        expect(() => store.append({ events: [], receivedAt: now, answers: () => answers })).toThrow();
      } else {
        store.append({ events: [], receivedAt: now, answers: () => answers });
        for (const { key, answer } of answers) model.set(key.key, answer);
      }
      if (random.below(4) === 0) store.prune(now, 1);
      if (random.below(10) === 0) {
        bench.restart().open();
        ({ store } = bench);
      }
      const found = [...model].filter(([key, answer]) => {
        const kept = store.answerTo(requestKey(key));
        if (kept !== undefined) expect(kept).toMatchObject({ answer });
        return kept !== undefined;
      });
      const bytes = found.reduce((sum, [, answer]) => sum + ANSWER_OVERHEAD_BYTES + answer.length, 0);
      expect(store.answersKept).toEqual({ count: found.length, bytes });
      // The oldest went first: what is left is what came last.
      expect(found).toEqual(found.length === 0 ? [] : [...model].slice(-found.length));
    }
  }
}, 60_000);

test("one that is damaged is told from one that is not known, another takes its place, and verification names it", () => {
  using bench = opened({});
  keep(bench.store, 1, "a", "b");
  bench.tamper("UPDATE request_keys SET answer = '\"c\"' WHERE id = 1");
  const [difference] = verifyFile(bench.path).differences;
  expect(difference).toMatchObject({ check: "checksums", detail: expect.stringContaining("Kept answer 1 ") });
  bench.restart().open();
  const { store } = bench;
  expect(store.answerTo(requestKey("a"))).toBe("damaged");
  expect(store.answerTo(requestKey("b"))).toMatchObject({ answer: '"b"' });
  store.append({ events: [], receivedAt: 2, answers: () => [keyedAnswer("a", "longer than before")] });
  expect(store.answerTo(requestKey("a"))).toMatchObject({ answer: "longer than before" });
  expect(store.answersKept).toEqual({ count: 2, bytes: keptBytes('"b"') + keptBytes("longer than before") });
});

test("an index that does not fit its table is refused at the start", () => {
  using bench = opened({});
  keep(bench.store, 1, "a", "b");
  bench.store.close();
  const bytes = readFileSync(bench.path);
  using db = new Database(bench.path, { readonly: true });
  const [[digest]] = db.query("SELECT digest FROM request_keys").values() as [[string]];
  const places = placesOf(bytes, digest).filter((at) => bytes[at - (at % PAGE_BYTES)] === INDEX_LEAF);
  expect(places).toHaveLength(1);
  bytes[places[0]!]! ^= 1;
  writeFileSync(bench.path, bytes);
  expect(() => bench.restart().open()).toThrow("request_keys");
});

const PAGE_BYTES = 4_096;
const INDEX_LEAF = 0x0a;

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
