/** What arrived together is committed together, judged one by one, and answered in its order. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE, type Grant } from "../../../src/access/grant.ts";
import { COMMIT_EVENTS_MAX, COMMIT_TEXT_MAX, GroupCommit } from "../../../src/ingest/group-commit.ts";
import type { Accepted, Outcome, Publish } from "../../../src/ingest/publish.ts";
import type { ProblemCode } from "../../../src/problem.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { MemoryEventStore } from "./memory-event-store.ts";

const LIMITS = { eventsMax: 10_000, eventBytesMax: 1024 * 1024, topicsMax: 5 };

let store: MemoryEventStore;
let commits: GroupCommit;
let faults: unknown[];
beforeEach(() => {
  store = new MemoryEventStore();
  faults = [];
  commits = new GroupCommit({
    store,
    limits: LIMITS,
    now: () => 1_000,
    onFault: (error) => faults.push(error),
    onDamagedAnswer: () => faults.push("a damaged answer"),
  });
});

function body(value: unknown, more: Partial<Publish> = {}): Publish {
  return { text: JSON.stringify(value), form: "body", wantsResults: false, grant: ANYONE, ...more };
}

function frame(value: unknown, grant = ANYONE): Publish {
  return body({ type: "publish", ...(value as object) }, { form: "frame", grant });
}

function counts(outcome: Outcome | undefined): number[] | ProblemCode {
  if (outcome?.kind !== "accepted") return outcome!.problem.code;
  const { received, unique_processed, duplicate_dropped, conflicts } = outcome.counters;
  return [received, unique_processed, duplicate_dropped, conflicts];
}

function run(...queue: Publish[]): (number[] | ProblemCode)[] {
  return commits.run(queue).outcomes.map(counts);
}

describe("grouping", () => {
  test("everything that waits becomes one commit, and every publish its own outcome, in order", () => {
    const outcomes = run(
      body({ id: "a" }),
      body([{ id: "b" }, { id: "a" }]),
      frame({ events: [{ id: "b", payload: 1 }] }),
    );
    expect(outcomes).toEqual([
      [1, 1, 0, 0],
      [2, 1, 1, 0],
      [1, 0, 1, 1],
    ]);
    expect(store.batches.map((batch) => batch.map(({ eventId }) => eventId))).toEqual([["a", "b", "a", "b"]]);
  });

  test("what is wrong is refused alone, with none of its events, and costs the others nothing", () => {
    const bad = [
      body("nope"),
      body([{ id: "x" }, {}]),
      { ...body(1), text: "{" },
      frame({ id: 3, events: [{ id: "" }] }),
    ];
    expect(run(body({ id: "a" }), ...bad, body({ id: "b" }))).toEqual([
      [1, 1, 0, 0],
      "invalid_event",
      "invalid_event",
      "malformed_json",
      "invalid_event",
      [1, 1, 0, 0],
    ]);
    expect(store.batches.flat().map(({ eventId }) => eventId)).toEqual(["a", "b"]);
  });

  test("a refused frame keeps its id", () => {
    const { outcomes } = commits.run([
      frame({ id: 3, events: [{ id: "" }] }),
      frame({ id: "f", events: [{ id: "a" }] }),
    ]);
    expect(outcomes.map(({ frameId }) => frameId)).toEqual(["3", '"f"']);
  });

  test("where nothing is left to store there is no commit", () => {
    const report = commits.run([body([]), { ...body(1), text: "{" }]);
    expect(report.outcomes.map(counts)).toEqual([[0, 0, 0, 0], "malformed_json"]);
    expect(report.notice).toBeUndefined();
    expect(store.batches).toEqual([]);
  });

  test("the notice is what the store says it added", () => {
    const { notice } = commits.run([body({ id: "a", topic: "t" }), body({ id: "a", topic: "t" })]);
    expect(notice).toMatchObject({ at: 1_000, newTopics: ["t"] });
  });

  test("a commit takes no more once it is large; the rest waits for the next", () => {
    const batch = (n: number): Publish =>
      body(Array.from({ length: 1_000 }, (_, i) => ({ id: `${n}-${i}` })));
    const taken = Math.ceil(COMMIT_EVENTS_MAX / 1_000);
    const queue = Array.from({ length: 2 * taken }, (_, n) => batch(n));
    expect(commits.run(queue).outcomes).toHaveLength(taken);
    expect(queue).toHaveLength(taken);
    expect(commits.run(queue).outcomes.map(counts)[0]).toEqual([1_000, 1_000, 0, 0]);
    expect(queue).toEqual([]);
  });

  test("a commit takes no more once it has much text", () => {
    const large = (id: string): Publish => body({ id, payload: "x".repeat(1_000_000) });
    const queue = Array.from({ length: 20 }, (_, i) => large(String(i)));
    expect(commits.run(queue).outcomes).toHaveLength(Math.ceil(COMMIT_TEXT_MAX / large("0").text.length));
  });
});

describe("topics", () => {
  const on = (...topics: string[]): Publish => body(topics.map((topic, i) => ({ id: `${i}`, topic })));

  test("there may be as many as allowed, and a publish that would begin one more is refused alone", () => {
    expect(run(on("a", "b"), on("c", "d", "e"), on("f"), on("a", "e"))).toEqual([
      [2, 2, 0, 0],
      [3, 3, 0, 0],
      "too_many_topics",
      [2, 1, 1, 0],
    ]);
    expect(run(on("f"), on("a"))).toEqual(["too_many_topics", [1, 0, 1, 0]]);
  });

  test("a refused publish begins none: the room it would have taken is there for the next", () => {
    expect(run(on("a", "b", "c", "d", "e", "f"), on("a", "b", "c", "d", "e"))).toEqual([
      "too_many_topics",
      [5, 5, 0, 0],
    ]);
  });

  const granted = (...topics: string[]): Grant => ({ subject: "somebody", topics });
  test.each([
    [["orders"], ["orders"], true],
    [["orders.*"], ["orders.eu", "orders.us"], true],
    [["orders", "pay.*"], ["pay.card", "orders"], true],
    [["*"], ["anything"], true],
    [["orders.*"], ["orders"], false],
    [["orders"], ["orders", "pay"], false],
    [[], ["orders"], false],
  ])("with a grant for %j publishing to %j is %s", (patterns, topics, isAllowed) => {
    const publish = frame(
      { id: 9, events: topics.map((topic) => ({ id: "a", topic })) },
      granted(...patterns),
    );
    const { outcomes } = commits.run([publish]);
    expect(counts(outcomes[0])).toEqual(isAllowed ? [topics.length, topics.length, 0, 0] : "forbidden_topic");
    expect(outcomes[0]!.frameId).toBe("9");
    expect(store.batches).toHaveLength(isAllowed ? 1 : 0);
  });

  test("each publish is judged by its own grant, whatever came before it", () => {
    const event = { id: "a", topic: "a" };
    const [a, b] = [granted("a"), granted("b")];
    expect(
      run(body(event, { grant: a }), body(event, { grant: b }), body(event), body(event, { grant: b })),
    ).toEqual([[1, 1, 0, 0], "forbidden_topic", [1, 0, 1, 0], "forbidden_topic"]);
  });
});

describe("an answer", () => {
  const accepted = (publish: Publish): Accepted => commits.run([publish]).outcomes[0] as Accepted;

  test("to one bare event says what became of it", () => {
    const event = { id: 'a"', topic: "t" };
    const members = '"is_duplicate":false,"topic":"t","event_id":"a\\"","seq":1';
    expect(accepted(body(event)).single).toBe(members);
    expect(accepted(body(event)).single).toBe(members.replace("false", "true"));
    expect(accepted(body([event])).single).toBeUndefined();
    expect(accepted(body(event, { form: "frame" })).single).toBeUndefined();
  });

  test("holds a result per event, in order, where they were asked for", () => {
    store.append({ events: [], receivedAt: 1 });
    const events = [{ id: "a" }, { id: "b" }, { id: "a" }, { id: "b", payload: 1 }];
    expect(accepted(body(events)).results).toBeUndefined();
    const time = "1970-01-01T00:00:01.000Z";
    const result = (event_id: string, status: string, seq: number) => {
      return { event_id, topic: "default", status, seq, first_received_at: time };
    };
    const { results } = accepted(body([...events, { id: "c" }], { wantsResults: true }));
    expect(JSON.parse(`[${results}]`)).toEqual([
      result("a", "duplicate", 1),
      result("b", "duplicate", 2),
      result("a", "duplicate", 1),
      result("b", "conflict", 2),
      result("c", "processed", 3),
    ]);
    expect(accepted(frame({ results: true, events: [] })).results).toBe("");
  });
});

test("results are of the publish's own events, wherever they stand in the commit", () => {
  const publishes = ["a", "b"].map((id) => body([{ id }, { id: `${id}2` }], { wantsResults: true }));
  const { outcomes } = commits.run([body({ id: "x" }), ...publishes]);
  const results = outcomes
    .slice(1)
    .map((outcome) => JSON.parse(`[${(outcome as Accepted).results}]`) as { seq: number }[]);
  expect(results.map((list) => list.map(({ seq }) => seq))).toEqual([
    [2, 3],
    [4, 5],
  ]);
});

describe("a commit that fails", () => {
  const queue = (): Publish[] => [
    body({ id: "a" }),
    { ...body(1), text: "{" },
    frame({ id: 7, events: [{ id: "b" }] }),
  ];

  test.each([
    ["refused", "storage_failing"],
    ["unknown", "outcome_unknown"],
  ] as const)(
    "with outcome %s answers %s to all that was in it, and nothing to the rest",
    (outcome, code) => {
      store.failures.push(new StoreError(outcome, "in a test", undefined));
      const report = commits.run(queue());
      expect(report.outcomes.map(counts)).toEqual([code, "malformed_json", code]);
      expect(report.outcomes[2]!.frameId).toBe("7");
      expect(report.notice).toBeUndefined();
      expect(report.failure?.outcome).toBe(outcome);
      expect(commits.run(queue()).outcomes.map(counts)).toEqual([
        [1, 1, 0, 0],
        "malformed_json",
        [1, 1, 0, 0],
      ]);
    },
  );

  test("leaves no topic behind that would count against the limit", () => {
    const on = (id: string): Publish =>
      body(["a", "b", "c", "d", "e"].map((topic) => ({ id, topic: `${topic}${id}` })));
    store.failures.push(new StoreError("refused", "in a test", undefined));
    expect(run(on("1"))).toEqual(["storage_failing"]);
    expect(run(on("2"))).toEqual([[5, 5, 0, 0]]);
  });
});

test("nothing that a publisher can send makes decoding throw what it should not", () => {
  const deep = "[".repeat(8_000);
  run({ ...body(1), text: `{"id":"a","payload":${deep}1e400${deep.replaceAll("[", "]")}}` });
  expect(faults).toEqual([]);
});
