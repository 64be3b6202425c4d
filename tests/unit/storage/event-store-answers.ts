/** What every `EventStore` guarantees of the answers that are kept under the keys of requests. */

import { expect, test } from "bun:test";
import { EventStatus } from "../../../src/events/event.ts";
import { StoreError } from "../../../src/storage/event-store.ts";
import type { KeyedAnswer, RequestKey } from "../../../src/storage/request-answers.ts";
import { eventRecord, eventRecords } from "../event-records.ts";
import type { Failure, Suite } from "./store-bench.ts";

export function requestKey(key: string, subject = "alice", fingerprint = "f".repeat(22)): RequestKey {
  return { subject, key, fingerprint };
}

export function keyedAnswer(key: string, answer: string): KeyedAnswer {
  return { key: requestKey(key), answer };
}

export function describeAnswers({ store, bench, restart }: Suite): void {
  const kept = (key: RequestKey): string | undefined => {
    const found = store().answerTo(key);
    return found === undefined || found === "damaged" ? found : found.answer;
  };

  test("an answer is there once its batch is, made from what became of the events, and after a restart", () => {
    store().append({ events: eventRecords(2, "a"), receivedAt: 1 });
    expect(kept(requestKey("k"))).toBeUndefined();
    store().append({
      events: [eventRecord("a1"), eventRecord("b")],
      receivedAt: 2,
      answers: ({ status, seq, firstReceivedAt }) => [
        keyedAnswer("k", JSON.stringify([status[0], status[1], seq[0], seq[1], firstReceivedAt[1]])),
      ],
    });
    const answer = JSON.stringify([EventStatus.duplicate, EventStatus.processed, 2, 3, 2]);
    expect(store().answerTo(requestKey("k"))).toMatchObject({ answer, fingerprint: "f".repeat(22) });
    const figures = store().answersKept;
    expect(figures.count).toBe(1);
    restart();
    expect(kept(requestKey("k"))).toBe(answer);
    expect(store().answersKept).toEqual(figures);
  });

  test("a key is one of its sender: neither of another, nor of one whose name begins where the key ends", () => {
    store().append({ events: [], receivedAt: 1, answers: () => [keyedAnswer("k", "1")] });
    const others = [
      requestKey("k", "bob"),
      requestKey("", "alicek"),
      requestKey("ek", "alic"),
      requestKey("K"),
    ];
    for (const other of others) expect(kept(other)).toBeUndefined();
    // These two are one text to SQLite.
    const folded = [requestKey("k", "\ud800"), requestKey("k", "\ufffd")] as const;
    store().append({ events: [], receivedAt: 1, answers: () => [{ key: folded[0], answer: "2" }] });
    expect(folded.map(kept)).toEqual(["2", undefined]);
  });

  test("a batch of nothing but an answer stores that, and counts nothing", () => {
    const { increments } = store().append({
      events: [],
      receivedAt: 5,
      answers: () => [keyedAnswer("k", "empty")],
    });
    expect([...increments.rows]).toEqual([]);
    expect(restart().topics).toEqual([]);
    expect(kept(requestKey("k"))).toBe("empty");
    expect(bench().rows()).toEqual([]);
  });
  describeFailedAnswers({ store, bench, restart, kept });
}

type Parts = Pick<Suite, "store" | "bench" | "restart"> & { kept: (key: RequestKey) => string | undefined };

function describeFailedAnswers({ store, bench, restart, kept }: Parts): void {
  test.each<[Failure, "refused" | "unknown", boolean]>([
    ["write", "refused", false],
    ["full", "refused", false],
    ["lost", "unknown", false],
    ["stored", "unknown", true],
  ])("a commit that fails (%s) parts no answer from its events", (failure, outcome, isStored) => {
    store().append({
      events: [eventRecord("first")],
      receivedAt: 1,
      answers: () => [keyedAnswer("k0", "0")],
    });
    const before = store().answersKept;
    bench().failNextCommit(failure);
    const batch = { events: [eventRecord("a")], receivedAt: 2, answers: () => [keyedAnswer("k", "1")] };
    let thrown: unknown;
    try {
      store().append(batch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StoreError);
    expect((thrown as StoreError).outcome).toBe(outcome);
    if (outcome === "unknown") restart();
    else expect(store().answersKept).toEqual(before);
    expect(kept(requestKey("k0"))).toBe("0");
    expect([kept(requestKey("k")) !== undefined, bench().rows().length]).toEqual([
      isStored,
      isStored ? 2 : 1,
    ]);
  });
}
