/** Of a stream of lines everything up to the first that is not taken is in, and nothing behind it. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE, type Grant } from "../../../src/access/grant.ts";
import { GroupCommit } from "../../../src/ingest/group-commit.ts";
import { LedgerHost } from "../../../src/ingest/ledger-host.ts";
import { commitOutcomesOf, type FromLedger, PublishBatch } from "../../../src/ingest/ledger-messages.ts";
import type { Outcome, Publish } from "../../../src/ingest/publish.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { MemoryEventStore } from "./memory-event-store.ts";

const LIMITS = { eventsMax: 10, eventBytesMax: 1_000, topicsMax: 3 };

let store: MemoryEventStore;
let commits: GroupCommit;
beforeEach(() => {
  store = new MemoryEventStore();
  commits = new GroupCommit({
    store,
    limits: LIMITS,
    now: () => 1_000,
    onFault: (error) => {
      throw error;
    },
    onDamagedAnswer: () => {},
  });
});

function piece(stream: number, text: string, grant: Grant = ANYONE): Publish {
  return { text, form: "lines", wantsResults: false, grant, stream };
}

const lines = (...ids: string[]): string => ids.map((id) => `{"id":"${id}"}\n`).join("");

/** Events, lines, and what stopped them. */
function shortly(outcome: Outcome): (string | number)[] {
  if (outcome.kind === "refused") return [outcome.problem.code];
  const { count, problem } = outcome.lines!;
  return [outcome.counters.received, count, ...(problem === undefined ? [] : [problem.code])];
}

function run(...queue: Publish[]): (string | number)[][] {
  return commits.run(queue).outcomes.map(shortly);
}

const stored = (): string =>
  store.batches
    .flat()
    .map(({ eventId }) => eventId)
    .join("");

describe("a stream", () => {
  test("goes on, piece by piece, and blank lines are lines", () => {
    expect(run(piece(1, lines("a", "b")), piece(1, `\n${lines("c")}\n`), piece(1, "\n\n"))).toEqual([
      [2, 2],
      [1, 3],
      [0, 2],
    ]);
    expect([stored(), commits.brokenStreams]).toEqual(["abc", 0]);
  });

  test("of nothing but blank lines makes no commit", () => {
    expect(run(piece(1, "\n \n"))).toEqual([[0, 2]]);
    expect(store.batches).toEqual([]);
  });

  test("ends at its first bad line, in this commit and in all that come, and costs the others nothing", () => {
    const bad = piece(1, `${lines("a")}\n{}\n${lines("b")}`);
    expect(run(piece(2, lines("x")), bad, piece(1, lines("c")), piece(2, lines("y")))).toEqual([
      [1, 1],
      [1, 2, "invalid_event"],
      ["overloaded"],
      [1, 1],
    ]);
    expect(run(piece(1, lines("d")), piece(2, lines("z")))).toEqual([["overloaded"], [1, 1]]);
    expect([stored(), commits.brokenStreams]).toEqual(["xayz", 1]);
    commits.forgetStream(1);
    expect(commits.brokenStreams).toBe(0);
  });

  test.each(["refused", "unknown"] as const)(
    "ends at a commit that failed, with %s of it stored",
    (outcome) => {
      store.failures.push(new StoreError(outcome, "no", undefined));
      const code = outcome === "unknown" ? "outcome_unknown" : "storage_failing";
      expect(run(piece(1, lines("a")), piece(2, "\n"))).toEqual([[code], [code]]);
      expect(run(piece(1, lines("b")), piece(3, lines("c")))).toEqual([["overloaded"], [1, 1]]);
      expect([stored(), commits.brokenStreams]).toEqual(["c", 2]);
    },
  );
});

describe("topics", () => {
  const on = (...topics: string[]): string =>
    topics.map((topic) => `{"id":"i","topic":"${topic}"}\n`).join("");

  test("a forbidden one stops at its line", () => {
    const grant = { subject: "s", topics: ["ok", "fine.*"] };
    expect(run(piece(1, `\n${on("ok", "fine.1")}\n${on("no", "ok")}`, grant))).toEqual([
      [2, 4, "forbidden_topic"],
    ]);
  });

  test("whoever may publish to none stops at the first line", () => {
    expect(run(piece(1, on("a"), { subject: "s", topics: [] }))).toEqual([[0, 0, "forbidden_topic"]]);
  });

  test("one too many stops at its line, and those before it are there", () => {
    expect(run(piece(1, on("a", "b", "a", "c", "d", "a")), piece(2, on("a", "c", "e")))).toEqual([
      [4, 4, "too_many_topics"],
      [2, 2, "too_many_topics"],
    ]);
    expect(store.topicCount).toBe(3);
  });

  test("a line that is wrong before the topic is what stops it", () => {
    expect(run(piece(1, `${on("a")}{}\n${on("b", "c", "d")}`))).toEqual([[1, 1, "invalid_event"]]);
    expect(run(piece(2, on("a", "b", "c")))).toEqual([[3, 3]]);
  });
});

test("pieces that meet a store that is not open break their stream, until it is over", () => {
  const told: FromLedger[] = [];
  const tasks: (() => void)[] = [];
  const host = new LedgerHost({
    ...{ store, limits: LIMITS, now: () => 1_000, probe: () => {}, later: (task) => void tasks.push(task) },
    post: (message) => void told.push(message),
    soon: (task) => task(),
  });
  const send = (...publishes: Publish[]): void => {
    const batch = new PublishBatch();
    for (const publish of publishes) batch.add(publish);
    host.receive(batch.take());
  };
  const outcomes = (): (string | number)[][] =>
    told
      .splice(0)
      .flatMap((message) =>
        message.kind === "outcomes" ? commitOutcomesOf(message).outcomes.map(shortly) : [],
      );
  send(piece(1, lines("a")));
  expect(outcomes()).toEqual([["storage_failing"]]);
  host.start();
  send(piece(1, lines("b")), piece(2, lines("c")));
  expect(outcomes()).toEqual([["overloaded"], [1, 1]]);
  host.receive({ kind: "stream-over", stream: 1 });
  send(piece(1, lines("d")));
  expect(outcomes()).toEqual([[1, 1]]);
});
