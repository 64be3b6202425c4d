/** A publish with a key is done once: what the group commit makes of those that come again. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import { COMMIT_EVENTS_MAX, COMMIT_TEXT_MAX, GroupCommit } from "../../../src/ingest/group-commit.ts";
import type { Outcome, Publish } from "../../../src/ingest/publish.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { keptBytes } from "../../../src/storage/request-answers.ts";
import { MemoryEventStore } from "./memory-event-store.ts";

const ANSWER_BYTES_MAX = 4_096;
const LIMITS = { eventsMax: 10_000, eventBytesMax: 1_000, topicsMax: 5, answerBytesMax: ANSWER_BYTES_MAX };

let store: MemoryEventStore;
let commits: GroupCommit;
let damaged: number;
beforeEach(() => {
  store = new MemoryEventStore();
  damaged = 0;
  commits = new GroupCommit({
    store,
    limits: LIMITS,
    now: () => 1_000,
    onFault: (error) => {
      throw error;
    },
    onDamagedAnswer: () => damaged++,
  });
});

interface Sent extends Partial<Publish> {
  readonly subject?: string;
  readonly fingerprint?: string;
}

function keyed(key: string, value: unknown, { subject = "alice", fingerprint, ...more }: Sent = {}): Publish {
  const text = JSON.stringify(value);
  const name = { subject, key, fingerprint: fingerprint ?? text };
  return { text, form: "body", wantsResults: false, grant: ANYONE, key: name, ...more };
}

function unkeyed(value: unknown): Publish {
  return { text: JSON.stringify(value), form: "body", wantsResults: false, grant: ANYONE };
}

const run = (...queue: Publish[]): readonly Outcome[] => commits.run(queue).outcomes;
const codeOf = (outcome?: Outcome): string =>
  outcome?.kind === "refused" ? outcome.problem.code : "accepted";
const replayOf = (outcome?: Outcome): object => ({ ...outcome, isReplayed: true });
const received = (): number => store.batches.flat().length;

describe("a publish that comes again with its key", () => {
  test.each<[string, unknown, boolean]>([
    ["one bare event", { id: "a", payload: 1 }, false],
    ["one bare event, with results", { id: "a", topic: 'q"\\' }, true],
    ["several", [{ id: "a" }, { id: "b" }, { id: "a", payload: 2 }], true],
    ["none", [], false],
    ["none, with results", [], true],
  ])("gets its first outcome, and is not counted again: %s", (_, value, wantsResults) => {
    const publish = keyed("k", value, { wantsResults });
    const [first] = run(unkeyed({ id: "b" }), publish).slice(1);
    expect(first).toMatchObject({ kind: "accepted" });
    expect(first).not.toHaveProperty("isReplayed");
    const before = received();
    const report = commits.run([publish]);
    expect(report.outcomes).toEqual([replayOf(first) as Outcome]);
    expect(report).toMatchObject({ notice: undefined, events: 0, failure: undefined });
    expect(received()).toBe(before);
  });

  test("is not even decoded, and the store is not asked to commit", () => {
    const [first] = run(keyed("k", { id: "a" }));
    store.failures.push(new StoreError("refused", "full", undefined));
    const again = keyed("k", "not an event", { fingerprint: '{"id":"a"}' });
    expect(run(again)).toEqual([replayOf(first) as Outcome]);
    expect(store.failures).toHaveLength(1);
  });

  test("but holds something else is refused, whatever it holds, and nothing of it is stored", () => {
    run(keyed("k", { id: "a" }));
    expect(run(keyed("k", { id: "b" }), keyed("k", "wrong")).map(codeOf)).toEqual([
      "idempotency_key_reused",
      "idempotency_key_reused",
    ]);
    expect(received()).toBe(1);
  });

  test("is another one where another sent it, and no key at all is never the same", () => {
    run(keyed("k", { id: "a" }));
    const [outcome] = run(keyed("k", { id: "a" }, { subject: "bob" }));
    expect(outcome).toMatchObject({ counters: { duplicate_dropped: 1 } });
    expect(outcome).not.toHaveProperty("isReplayed");
    run(unkeyed({ id: "a" }), unkeyed({ id: "a" }));
    expect(received()).toBe(4);
  });
});

test("two with one key in one commit are one publish and a refusal, and others are not concerned", () => {
  const publishes = [keyed("k", { id: "a" }), unkeyed({ id: "b" }), keyed("k", { id: "a" }), keyed("l", [])];
  expect(run(...publishes).map(codeOf)).toEqual([
    ...["accepted", "accepted", "idempotency_key_in_use", "accepted"],
  ]);
  expect(received()).toBe(2);
  expect(codeOf(run(keyed("k", { id: "a" }))[0])).toBe("accepted");
});

describe("nothing is kept of a publish", () => {
  test("that was refused: it is judged again, and may hold something else", () => {
    expect(run(keyed("k", { id: "" }), keyed("l", { id: "a", topic: "no way" })).map(codeOf)).toEqual([
      "invalid_event",
      "invalid_event",
    ]);
    expect(store.answers.size).toBe(0);
    expect(run(keyed("k", { id: "a" }), keyed("l", [])).map(codeOf)).toEqual(["accepted", "accepted"]);
  });

  test.each(["refused", "unknown"] as const)("whose commit failed with outcome %s", (outcome) => {
    for (const value of [{ id: "a" }, []]) {
      store.failures.push(new StoreError(outcome, "full", undefined));
      const [refused] = run(keyed("k", value));
      expect(codeOf(refused)).toBe(outcome === "refused" ? "storage_failing" : "outcome_unknown");
      expect(store.answers.size).toBe(0);
    }
    expect(codeOf(run(keyed("k", { id: "a" }))[0])).toBe("accepted");
  });
});

test("where the answers cannot be read, publishes with keys are refused and no others", () => {
  store.answerFailures.push(new StoreError("refused", "gone", undefined));
  expect(run(keyed("k", { id: "a" }), unkeyed({ id: "b" })).map(codeOf)).toEqual([
    "storage_failing",
    "accepted",
  ]);
});

test("a damaged answer is told of, and its request done again", () => {
  store.answers.set(JSON.stringify(["alice", "k"]), "damaged");
  expect(codeOf(run(keyed("k", { id: "a" }))[0])).toBe("accepted");
  expect(damaged).toBe(1);
  expect(run(keyed("k", { id: "a" }))[0]).toMatchObject({ isReplayed: true });
});

test("an answer that could not be kept is refused before anything is stored, to the byte or nearly", () => {
  const events = (count: number): object[] => Array.from({ length: count }, (_, i) => ({ id: `"${i}"` }));
  const outcomes = Array.from(
    { length: 40 },
    (_, i) => run(keyed(`${i}`, events(i), { wantsResults: true }))[0],
  );
  const fits = outcomes.filter((outcome) => outcome?.kind === "accepted").length;
  expect(outcomes.map(codeOf)).toEqual([
    ...Array<string>(fits).fill("accepted"),
    ...Array<string>(40 - fits).fill("batch_too_large"),
  ]);
  expect(fits).toBeWithin(5, 40);
  const sizes = [...store.answers.values()].map((kept) => keptBytes((kept as { answer: string }).answer));
  expect(Math.max(...sizes)).toBeWithin(ANSWER_BYTES_MAX * 0.8, ANSWER_BYTES_MAX + 1);
  // Without results, or without a key, it is no question.
  expect(run(keyed("many", events(40)), { ...unkeyed(events(40)), wantsResults: true }).map(codeOf)).toEqual([
    "accepted",
    "accepted",
  ]);
});

describe("a commit stays short", () => {
  test("where publishes with keys hold nothing", () => {
    const queue = Array.from({ length: COMMIT_EVENTS_MAX + 5 }, (_, i) => keyed(`${i}`, []));
    expect(commits.run(queue).outcomes).toHaveLength(COMMIT_EVENTS_MAX);
    expect(queue).toHaveLength(5);
  });

  test("where answers that are given again are long", () => {
    const results = "x".repeat(COMMIT_TEXT_MAX / 4);
    const counters = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
    const answer = JSON.stringify({ counters, results });
    store.answers.set(JSON.stringify(["alice", "k"]), { fingerprint: "[]", answer });
    const queue = Array.from({ length: 20 }, () => keyed("k", []));
    expect(commits.run(queue).outcomes).toHaveLength(4);
  });
});
