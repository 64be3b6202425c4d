/** What an Idempotency-Key may be, and that one request of a key is let in at a time. */

import { describe, expect, test } from "bun:test";
import type { ProblemError } from "../../../src/problem.ts";
import {
  idempotencyKeyOf,
  KEY_LENGTH_MAX,
  KeyedRequests,
  requestFingerprint,
} from "../../../src/server/keyed-requests.ts";

const keyIn = (...values: string[]): string | undefined =>
  idempotencyKeyOf(new Headers(values.map((value) => ["Idempotency-Key", value] as [string, string])));

function codeOf(task: () => unknown): string | undefined {
  try {
    task();
    return undefined;
  } catch (error) {
    return (error as ProblemError).problem.code;
  }
}

describe("a key", () => {
  test("is absent where there is no header", () => expect(keyIn()).toBeUndefined());

  test.each([
    ["8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ['"two words, and; more"', "two words, and; more"],
    [String.raw`"a \"quote\" and a \\"`, String.raw`a "quote" and a \ `.trimEnd()],
    ["a/b:c=d+e~!#$%&'()*<>?@[]^_`{|}", "a/b:c=d+e~!#$%&'()*<>?@[]^_`{|}"],
    ["x".repeat(KEY_LENGTH_MAX), "x".repeat(KEY_LENGTH_MAX)],
    [`"${'\\"'.repeat(KEY_LENGTH_MAX)}"`, '"'.repeat(KEY_LENGTH_MAX)],
  ])("%s is one", (value, key) => expect(keyIn(value)).toBe(key));

  test.each([
    [""],
    ['""'],
    ['"'],
    ['"a'],
    ['a"'],
    ['"a"b"'],
    [String.raw`"a\b"`],
    ["two words"],
    ["a,b"],
    ["a;b=1"],
    ['"a";b=1'],
    ["a\\b"],
    ["ä"],
    ['"ä"'],
    ["a\tb"],
    ["x".repeat(KEY_LENGTH_MAX + 1)],
    [`"${"x".repeat(KEY_LENGTH_MAX + 1)}"`],
  ])("%s is none", (value) => expect(codeOf(() => keyIn(value))).toBe("invalid_idempotency_key"));

  test.each([
    ["a", "a"],
    ['"a"', '"a"'],
    ["a", '"b"'],
  ])("sent twice is none: %s and %s", (first, second) => {
    expect(codeOf(() => keyIn(first, second))).toBe("invalid_idempotency_key");
  });
});

test("one request of a sender and key is let in at a time, and others do not hinder it", () => {
  const requests = new KeyedRequests();
  const leave = requests.enter("alice", "a");
  expect(codeOf(() => requests.enter("alice", "a"))).toBe("idempotency_key_in_use");
  const others = [requests.enter("bob", "a"), requests.enter("alice", "b"), requests.enter("a", "alice")];
  expect(requests.inFlight).toBe(4);
  leave();
  leave();
  requests.enter("alice", "a")();
  for (const other of others) other();
  expect(requests.inFlight).toBe(0);
});

test("a fingerprint depends on the text, the form and whether results are wanted", () => {
  const all = [
    requestFingerprint("[]", "body", false),
    requestFingerprint("[]", "body", true),
    requestFingerprint("[]", "cloud-event-batch", false),
    requestFingerprint("[] ", "body", false),
    requestFingerprint("", "body", false),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(requestFingerprint("[]", "body", false)).toBe(all[0]!);
  for (const fingerprint of all) expect(fingerprint).toHaveLength(22);
});
