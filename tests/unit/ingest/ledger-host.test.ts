/** The ledger thread's queue: one commit after the other, an answer to everything, reopening after a loss. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import { LedgerHost, PROBE_DELAY_MS, REOPEN_DELAY_MS } from "../../../src/ingest/ledger-host.ts";
import { commitOutcomesOf, type FromLedger, PublishBatch } from "../../../src/ingest/ledger-messages.ts";
import { PRUNE_POLL_MS, PRUNE_ROWS_MIN } from "../../../src/ingest/prune-schedule.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import { StorageFault, StorageGoneError } from "../../../src/storage/storage-fault.ts";
import { MemoryEventStore } from "./memory-event-store.ts";

let store: MemoryEventStore;
let posted: FromLedger[];
let soon: (() => void)[];
let later: { task: () => void; delayMs: number }[];
/** Tasks that retention has put off. */
let pruning: { task: () => void; delayMs: number }[];
let between: number;
/** Thrown by the next probes, one each. */
let probeFailures: Error[];
let host: LedgerHost;

beforeEach(() => {
  store = new MemoryEventStore();
  [posted, soon, later, pruning, probeFailures, between] = [[], [], [], [], [], 0];
  host = new LedgerHost({
    store,
    limits: { eventsMax: 10_000, eventBytesMax: 1_000, topicsMax: 10 },
    now: () => 1,
    post: (message) => posted.push(message),
    soon: (task) => soon.push(task),
    later: (task, delayMs) => void (delayMs === REOPEN_DELAY_MS ? later : pruning).push({ task, delayMs }),
    probe: () => {
      const failure = probeFailures.shift();
      if (failure !== undefined) throw failure;
    },
    betweenCommits: () => between++,
  });
});

function publish(...ids: string[]): void {
  const batch = new PublishBatch();
  for (const id of ids) {
    const text = `{"type":"publish","id":"${id}","events":[{"event_id":"${id}"}]}`;
    batch.add({ text, form: "frame", wantsResults: false, grant: ANYONE });
  }
  host.receive(batch.take());
}

function runAll(): void {
  for (let task = soon.shift(); task !== undefined; task = soon.shift()) task();
}

/** What was posted since it was last asked, in a few words. */
function told(): string[] {
  return posted.splice(0).map((message) => {
    if (message.kind !== "outcomes") return message.kind;
    const outcomes = commitOutcomesOf(message).outcomes.map(
      (outcome) => `${outcome.frameId}:${outcome.kind === "accepted" ? "ok" : outcome.problem.code}`,
    );
    return outcomes.join(" ");
  });
}

test("all messages of one moment become one commit", () => {
  host.start();
  publish("a", "b");
  publish("c");
  expect(store.batches).toEqual([]);
  runAll();
  expect(store.batches).toHaveLength(1);
  expect(told()).toEqual(["opened", '"a":ok "b":ok "c":ok']);
  expect(between).toBe(1);
});

test("a store that cannot be opened at the start is unusable, and nothing is promised", () => {
  store.openFailures.push(new Error("foreign"));
  host.start();
  expect(posted).toEqual([{ kind: "unusable", reason: "foreign" }]);
  expect(later).toEqual([]);
});

describe("after a commit whose outcome is unknown", () => {
  const lose = (...openFailures: Error[]): void => {
    host.start();
    store.failures.push(new StoreError("unknown", "lost", new Error("EIO")));
    store.openFailures.push(...openFailures);
    publish("a");
    runAll();
  };

  test("its publishes are told so, the store is reopened, and the next is committed", () => {
    lose();
    expect(told()).toEqual(["opened", "failing", '"a":outcome_unknown', "failed", "opened"]);
    expect(between).toBe(0);
    publish("a");
    runAll();
    expect(told()).toEqual(['"a":ok']);
  });

  test("the log is told why", () => {
    lose();
    expect(posted).toContainEqual({
      kind: "failed",
      reason: "lost (EIO)",
      fault: "the storage cannot be used",
    });
  });

  test("while it cannot be reopened everything is refused with its id, and opening is tried again and again", () => {
    lose(new Error("1"), new Error("2"));
    expect(told()).toEqual(["opened", "failing", '"a":outcome_unknown', "failed", "failed"]);
    publish("b", "c");
    runAll();
    expect(told()).toEqual(['"b":storage_failing "c":storage_failing']);
    expect(later.map(({ delayMs }) => delayMs)).toEqual([REOPEN_DELAY_MS]);
    later.shift()!.task();
    expect(told()).toEqual(["failed"]);
    later.shift()!.task();
    expect(told()).toEqual(["opened"]);
    expect(later).toEqual([]);
    publish("b");
    runAll();
    expect(told()).toEqual(['"b":ok']);
  });

  test("a key is not looked up in a store that is closed, nor is it said not to be there", () => {
    lose(new Error("1"));
    told();
    host.receive({ kind: "locate", ticket: 5, topic: "default", scope: "", eventId: "a" });
    expect(posted).toEqual([{ kind: "located", ticket: 5, seqs: null }]);
  });

  test("a node that is closing does not open it again", () => {
    lose(new Error("1"));
    host.receive({ kind: "close" });
    runAll();
    later.shift()!.task();
    expect(told().at(-1)).toBe("closed");
    expect(store.isOpen).toBe(false);
  });
});

test("a commit that was refused leaves the store open and the next one goes through", () => {
  host.start();
  store.failures.push(new StoreError("refused", "full", undefined));
  publish("a");
  runAll();
  publish("a");
  runAll();
  expect(told()).toEqual(["opened", '"a":storage_failing', '"a":ok']);
});

describe("after a commit that the storage refused", () => {
  const full = new StoreError("refused", "rolled back", Object.assign(new Error(), { code: "SQLITE_FULL" }));
  const fail = (): void => {
    host.start();
    store.failures.push(full);
    publish("a");
    runAll();
  };

  test("health hears of it before the publisher does, and nothing is opened again", () => {
    fail();
    expect(posted[1]).toMatchObject({ kind: "failing", fault: "the disk is full" });
    expect(told()).toEqual(["opened", "failing", '"a":storage_failing']);
    expect(store.isOpen).toBe(true);
  });

  test("the next publish is tried, and heals", () => {
    fail();
    told();
    publish("b");
    runAll();
    expect(told()).toEqual(["healed", '"b":ok']);
    later.shift()!.task();
    expect([told(), later]).toEqual([[], []]);
  });

  test("where nothing is published it is probed until it works, and said once", () => {
    fail();
    store.failures.push(full);
    publish("b");
    runAll();
    probeFailures = [full, full];
    for (let probes = 0; probes < 3; probes++) {
      expect(later.map(({ delayMs }) => delayMs)).toEqual([PROBE_DELAY_MS]);
      expect(told()).not.toContain("healed");
      later.shift()!.task();
    }
    expect([told(), later]).toEqual([["healed"], []]);
  });

  test("a probe whose outcome is unknown has the store opened again", () => {
    fail();
    told();
    probeFailures = [new StoreError("unknown", "lost", new StorageFault("the disk reports an error"))];
    later.shift()!.task();
    expect(told()).toEqual(["failed", "opened"]);
  });

  test("a probe that finds the files gone for good ends the node", () => {
    fail();
    told();
    probeFailures = [new StorageGoneError("the lock file is gone")];
    later.shift()!.task();
    expect(posted).toEqual([{ kind: "unusable", reason: "The lock file is gone." }]);
    expect(later).toEqual([]);
  });
});

test("a commit that is refused for another reason is no failure of the storage", () => {
  host.start();
  store.failures.push(new StoreError("refused", "The file may hold 3 events.", undefined));
  publish("a");
  runAll();
  expect(told()).toEqual(["opened", '"a":storage_failing']);
  expect(later).toEqual([]);
});

test("closing answers what is in the queue first", () => {
  host.start();
  publish("a");
  host.receive({ kind: "close" });
  expect(told()).toEqual(["opened"]);
  runAll();
  expect(told()).toEqual(['"a":ok', "closed"]);
  expect(store.isOpen).toBe(false);
});

describe("retention", () => {
  test("takes a step after each commit, for twice the events it brought in, and looks again by itself", () => {
    host.start();
    publish(...Array.from({ length: 400 }, (_, i) => String(i)));
    runAll();
    expect(store.prunings).toEqual([PRUNE_ROWS_MIN, 800]);
    expect(pruning.map(({ delayMs }) => delayMs)).toEqual([PRUNE_POLL_MS]);
    pruning.shift()!.task();
    expect(store.prunings.at(-1)).toBe(PRUNE_ROWS_MIN);
  });

  test("goes on soon while there is more to remove", () => {
    store.pruneReports.push({ removed: 5, isDone: false, rules: 1 });
    host.start();
    expect(pruning[0]!.delayMs).toBeLessThan(PRUNE_POLL_MS);
  });

  test("whose step fails leaves the node as it is; one of unknown outcome has the store opened again", () => {
    host.start();
    told();
    store.pruneFailures.push(new StoreError("refused", "full", undefined));
    pruning.shift()!.task();
    expect(told()).toEqual(["fault"]);
    store.pruneFailures.push(new StoreError("unknown", "lost", new Error("EIO")));
    pruning.shift()!.task();
    expect(told()).toEqual(["failed", "opened"]);
  });

  test("leaves a store alone that is not open", () => {
    store.openFailures.push(new Error("1"));
    host.start();
    expect(store.prunings).toEqual([]);
  });

  test("takes larger steps the more rules have to share them, and says once why it cannot go on", () => {
    host.start();
    told();
    store.pruneReports.push({ removed: 1, isDone: false, rules: 3 });
    for (const prefix of ["a", "b"]) {
      publish(...Array.from({ length: 400 }, (_, i) => `${prefix}${i}`));
      runAll();
    }
    expect(store.prunings).toEqual([PRUNE_ROWS_MIN, 800, 2_400]);
    told();
    for (let i = 0; i < 3; i++) {
      store.pruneFailures.push(new StoreError("refused", "no", new Error("full")));
      pruning.shift()!.task();
    }
    expect(told()).toEqual(["fault"]);
  });
});
