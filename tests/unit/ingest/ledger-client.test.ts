/** The edge's side of the ledger: every publish that is taken gets one answer, in order; the queue is bounded. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import {
  LedgerClient,
  type LedgerClientLimits,
  MESSAGE_TEXT_MAX,
} from "../../../src/ingest/ledger-client.ts";
import {
  type FromLedger,
  outcomesMessage,
  publishesOf,
  type ToLedger,
} from "../../../src/ingest/ledger-messages.ts";
import { type Outcome, type Publish, refusal } from "../../../src/ingest/publish.ts";
import { problem } from "../../../src/problem.ts";

let posted: ToLedger[];
let soon: (() => void)[];
let told: string[];
let client: LedgerClient;

function makeClient(limits: Partial<LedgerClientLimits> = {}): LedgerClient {
  return new LedgerClient({
    limits: { queuePublishesMax: 100, queueBytesMax: 10_000, ...limits },
    post: (message) => posted.push(message),
    soon: (task) => soon.push(task),
    events: {
      opened: () => told.push("opened"),
      committed: ({ at }) => told.push(`committed ${at}`),
      answersKept: ({ count }) => told.push(`${count} answers kept`),
      failed: (reason) => told.push(`failed ${reason}`),
      healed: () => told.push("healed"),
      unusable: (reason) => told.push(`unusable ${reason}`),
      fault: (reason) => told.push(`fault ${reason}`),
    },
  });
}

beforeEach(() => {
  [posted, soon, told] = [[], [], []];
  client = makeClient();
});

function opened(limits: Partial<LedgerClientLimits> = {}): LedgerClient {
  client = makeClient(limits);
  client.receive({ kind: "opened", contents: { databaseId: "", topics: [], events: 0, newest: 0 } });
  return client;
}

/** Submits a publish whose answer is told with its text; what was said when it was not taken. */
function submit(text: string): string | undefined {
  const publish: Publish = { text, form: "body", wantsResults: false, grant: ANYONE };
  const answer = (outcome: Outcome): void => void told.push(`${text}: ${outcome.kind}`);
  return client.submit(publish, answer)?.code;
}

function flush(): void {
  for (const task of soon.splice(0)) task();
}

function answer(count: number, at?: number): void {
  const outcomes = Array.from({ length: count }, () => refusal(problem("invalid_event", "no")));
  const notice = at === undefined ? undefined : { at, newTopics: [], rows: new Float64Array() };
  client.receive(outcomesMessage(outcomes, notice));
}

function textsPosted(): string[][] {
  return posted.flatMap((message) =>
    message.kind === "publishes" ? [publishesOf(message).map(({ text }) => text)] : [],
  );
}

test("what is submitted in one tick crosses in one message, in order", () => {
  opened();
  for (const text of ["a", "b", "c"]) expect(submit(text)).toBeUndefined();
  expect(posted).toEqual([]);
  flush();
  submit("d");
  flush();
  expect(textsPosted()).toEqual([["a", "b", "c"], ["d"]]);
});

test("texts that would make one too long cross in several messages, in order", () => {
  opened({ queueBytesMax: 4 * MESSAGE_TEXT_MAX });
  const large = "x".repeat(MESSAGE_TEXT_MAX / 2);
  for (const text of ["a", large, large, "b", "c"]) expect(submit(text)).toBeUndefined();
  expect(textsPosted().map((texts) => texts.map(({ length }) => length))).toEqual([[1, large.length]]);
  flush();
  expect(textsPosted().map((texts) => texts.map(({ length }) => length))).toEqual([
    [1, large.length],
    [large.length, 1, 1],
  ]);
  answer(5);
  expect(told).toHaveLength(1 + 5);
});

test("answers come in the order of submission, over any number of messages, each once", () => {
  opened();
  for (const text of ["a", "b", "c", "d"]) submit(text);
  flush();
  told.length = 0;
  answer(1);
  answer(2);
  expect(told).toEqual(["a: refused", "b: refused", "c: refused"]);
  expect(client.waiting).toBe(1);
  answer(1);
  expect(told).toHaveLength(4);
  expect(client.waiting).toBe(0);
});

test("counters are told before the answers that they acknowledge", () => {
  opened();
  submit("a");
  flush();
  told.length = 0;
  answer(1, 7);
  expect(told).toEqual(["committed 7", "a: refused"]);
});

test("many thousand answers leave the order as it was", () => {
  opened({ queuePublishesMax: 100_000, queueBytesMax: 1_000_000 });
  for (let i = 0; i < 20_000; i++) submit(String(i));
  flush();
  told.length = 0;
  for (let i = 0; i < 4; i++) answer(5_000);
  expect(told).toEqual(Array.from({ length: 20_000 }, (_, i) => `${i}: refused`));
});

describe("a full queue", () => {
  test("takes as many publishes as it may, says overloaded to the next, and takes again once one is answered", () => {
    opened({ queuePublishesMax: 3 });
    expect(["a", "b", "c", "d"].map(submit)).toEqual([undefined, undefined, undefined, "overloaded"]);
    flush();
    answer(1);
    expect(["e", "f"].map(submit)).toEqual([undefined, "overloaded"]);
    flush();
    expect(textsPosted().flat()).toEqual(["a", "b", "c", "e"]);
  });

  test("takes as much text as it may", () => {
    opened({ queueBytesMax: 10 });
    expect(["12345", "12345", "1"].map(submit)).toEqual([undefined, undefined, "overloaded"]);
    flush();
    answer(1);
    expect(["123456", "12345"].map(submit)).toEqual(["overloaded", undefined]);
  });

  test("takes one publish however large it is, as long as nothing else waits", () => {
    opened({ queueBytesMax: 10 });
    expect(["x".repeat(1_000), "1"].map(submit)).toEqual([undefined, "overloaded"]);
  });
});

describe("nothing is taken", () => {
  test("before the store is open", () => {
    expect(submit("a")).toBe("starting");
    expect(client.isReady).toBe(false);
  });

  test("while storage fails; afterwards again", () => {
    opened();
    client.receive({ kind: "failed", reason: "disk", fault: "the disk is full" });
    expect([submit("a"), client.state, client.storageFault]).toEqual([
      "storage_failing",
      "failing",
      "the disk is full",
    ]);
    client.receive({ kind: "opened", contents: { databaseId: "", topics: [], events: 0, newest: 0 } });
    expect(submit("a")).toBeUndefined();
    expect(told).toEqual(["opened", "failed disk", "opened"]);
  });

  test("but while storage refuses and the store is open: a commit that succeeds is what ends it", () => {
    opened();
    const failing = { kind: "failing", reason: "rolled back", fault: "the disk is full" } as const;
    client.receive(failing);
    client.receive({ ...failing, reason: "the probe failed" });
    expect([submit("a"), client.state, client.isReady]).toEqual([undefined, "failing", false]);
    expect(client.storageFault).toBe("the disk is full");
    client.receive({ kind: "healed" });
    expect([client.state, client.storageFault]).toEqual(["ready", undefined]);
    // The log is told once.
    expect(told).toEqual(["opened", "failed rolled back", "healed"]);
  });

  test("while draining, whatever the store says", async () => {
    opened();
    await client.drain();
    for (const message of [
      { kind: "failed", reason: "x", fault: "y" },
      { kind: "opened", contents: { databaseId: "", topics: [], events: 0, newest: 0 } },
    ] as FromLedger[]) {
      client.receive(message);
      expect(submit("a")).toBe("draining");
    }
  });
});

describe("a drain", () => {
  test("ends when everything taken has been answered, and not before", async () => {
    opened();
    submit("a");
    submit("b");
    let isDrained = false;
    const drained = client.drain().then(() => (isDrained = true));
    flush();
    answer(1);
    await Promise.resolve();
    expect(isDrained).toBe(false);
    answer(1);
    await drained;
    expect(told).toEqual(["opened", "a: refused", "b: refused"]);
  });

  test("closing waits until the store is closed", async () => {
    opened();
    const closed = client.close();
    expect(posted).toEqual([{ kind: "close" }]);
    client.receive({ kind: "closed" });
    await closed;
  });
});

test("look-ups get their own answers, in any order", async () => {
  opened();
  const [a, b] = [client.locate("t", "", "a"), client.locate("t", "s", "b")];
  const tickets = posted.map((message) => (message.kind === "locate" ? message.ticket : 0));
  client.receive({ kind: "located", ticket: tickets[1]!, seqs: [2] });
  client.receive({ kind: "located", ticket: tickets[0]!, seqs: [1] });
  expect(await Promise.all([a, b])).toEqual([[1], [2]]);
});

test("a look-up in a store that is not open fails, rather than say that there is no such key", async () => {
  opened();
  const located = client.locate("t", "", "a");
  client.receive({ kind: "located", ticket: 1, seqs: null });
  await expect(located).rejects.toMatchObject({ problem: { code: "storage_failing", status: 503 } });
});

test("what the ledger says of itself is passed on", () => {
  client.receive({ kind: "unusable", reason: "foreign" });
  client.receive({ kind: "fault", reason: "odd" });
  expect(told).toEqual(["unusable foreign", "fault odd"]);
});

test("what an answer holds is let go once it was given, though there is always something waiting", async () => {
  opened();
  const held: WeakRef<object>[] = [];
  const submitHolding = (): void => {
    const large = { text: "x".repeat(1_000) };
    held.push(new WeakRef(large));
    const publish: Publish = { text: "a", form: "body", wantsResults: false, grant: ANYONE };
    client.submit(publish, () => void told.push(String(large.text.length)));
  };
  submitHolding();
  for (let i = 0; i < 200; i++) {
    submitHolding();
    flush();
    answer(1);
    posted.length = 0;
  }
  expect(client.waiting).toBe(1);
  // In this turn of the loop a weak reference keeps what it was made of.
  await new Promise(setImmediate);
  Bun.gc(true);
  // The collector takes what merely looks like a reference on the stack for one.
  expect(held.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(20);
});

test("those who wait for it are told when it drains, unless they have taken that back", async () => {
  opened();
  const takeBack = client.onDraining(() => told.push("not this one"));
  client.onDraining(() => told.push("drains"));
  takeBack();
  told = [];
  await client.drain();
  expect(told).toEqual(["drains"]);
});

test("streams have numbers of their own, and the ledger is told when one that broke is over", () => {
  opened();
  const [first, second] = [client.beginStream(), client.beginStream()];
  expect(first).toBePositive();
  expect(second).not.toBe(first);
  client.forgetStream(second);
  expect(posted).toEqual([{ kind: "stream-over", stream: second }]);
});
