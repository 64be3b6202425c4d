/** Fingerprints are HalfSipHash-2-4, and no two keys are ever the same words to it. */

import { describe, expect, test } from "bun:test";
import {
  FINGERPRINT_KEY_BYTES,
  FINGERPRINT_WORDS,
  Fingerprinter,
  halfSipHash,
} from "../../../src/events/fingerprint.ts";

/** Of the reference implementation (github.com/veorq/SipHash, vectors.h): key 00..07, message 00..length-1. */
const REFERENCE: [number, string][] = [
  [0, "218d1f59b9b83cc8"],
  [1, "be552412f8387315"],
  [2, "064f39ef7c50eb57"],
  [3, "ce0f1a45f7060679"],
  [4, "d5e78a175be52ea1"],
  [5, "cb9d7c3f2f3db580"],
  [8, "edfee820bce4858c"],
  [15, "217d0bcb4e81c902"],
];

/** A message as HalfSipHash takes it: little-endian words, the last one with the rest and the length. */
function messageWords(length: number): Int32Array {
  const words = new Int32Array((length >> 2) + 1);
  for (let i = 0; i < length; i++) words[i >> 2]! |= i << (8 * (i & 3));
  words[length >> 2]! |= length << 24;
  return words;
}

test.each(REFERENCE)(
  "a message of %i bytes hashes as in the reference implementation",
  (length, expected) => {
    const words = messageWords(length);
    const out = new Uint32Array(4);
    halfSipHash(words, words.length, 0x03020100, 0x07060504, out, 1);
    expect(Buffer.from(out.buffer, 4, 8).toString("hex")).toBe(expected);
    expect([out[0], out[3]]).toEqual([0, 0]);
  },
);

const KEY = Uint8Array.from({ length: FINGERPRINT_KEY_BYTES }, (_, i) => i);

function fingerprint(topicId: number, scope: string, eventId: string, key = KEY): string {
  const out = new Uint32Array(FINGERPRINT_WORDS);
  new Fingerprinter(key).write(topicId, scope, eventId, out, 0);
  return out.join("-");
}

describe("the first half of a fingerprint is the hash of the documented words", () => {
  test.each([
    ["Latin-1 without a scope", "", "abcde", [7, 0, 0x64636261, (5 << 24) | 0x65]],
    ["Latin-1 beyond ASCII", "", "é", [7, 0, (1 << 24) | 0xe9]],
    ["Latin-1 with a scope", "ab", "c", [7, 4, (2 << 24) | 0x6261, (1 << 24) | 0x63]],
    ["UTF-16", "", "a世", [7, 1, 0x4e160061, 2 << 16]],
    ["UTF-16 of odd length", "", "世", [7, 1, (1 << 16) | 0x4e16]],
    ["a wide scope", "世", "a", [7, 3, (1 << 16) | 0x4e16, (1 << 16) | 0x61]],
  ])("%s", (_, scope, eventId, words) => {
    const expected = new Uint32Array(FINGERPRINT_WORDS);
    const message = Int32Array.from(words as number[]);
    halfSipHash(message, message.length, 0x03020100, 0x07060504, expected, 0);
    halfSipHash(message, message.length, 0x0b0a0908, 0x0f0e0d0c, expected, 2);
    expect(fingerprint(7, scope, eventId)).toBe(expected.join("-"));
  });
});

test("keys that are told apart have different fingerprints", () => {
  const ids = [
    "a",
    "ab",
    "b",
    "",
    "a\0",
    "\0a",
    "aa",
    "aaa",
    "aaaa",
    "aaaaa",
    "é",
    "e\u0301",
    "世",
    "世a",
    "a世",
  ];
  // What the UTF-16 units of these are in Latin-1, and the other way round.
  ids.push(
    "a\0b\0",
    "\u6261",
    "ab\u0100",
    "\u0100",
    "\u0001\0",
    "\xff",
    "\u00ff\u0100",
    "😀",
    "x".repeat(255),
  );
  ids.push("😀".repeat(255), `${"😀".repeat(254)}x`, "x".repeat(254), "é".repeat(255));
  const scopes = ["", "a", "aa", "https://x", "世", "世界", "x".repeat(255), "😀".repeat(255)];
  const seen = new Map<string, string>();
  for (const topicId of [1, 2, 0x100, 0x61, 1_000_000]) {
    for (const scope of scopes) {
      for (const eventId of ids) {
        const key = JSON.stringify([topicId, scope, eventId]);
        const print = fingerprint(topicId, scope, eventId);
        expect(seen.get(print) ?? key).toBe(key);
        seen.set(print, key);
      }
    }
  }
  expect(seen.size).toBe(5 * scopes.length * ids.length);
});

test("text moved over the boundary of scope and id is another key", () => {
  const text = "abcdefgh世";
  const prints = Array.from({ length: text.length + 1 }, (_, at) =>
    fingerprint(1, text.slice(0, at), text.slice(at)),
  );
  expect(new Set(prints).size).toBe(prints.length);
});

test("the same key gives the same fingerprint, whatever was hashed before", () => {
  const printer = new Fingerprinter(KEY);
  const out = new Uint32Array(FINGERPRINT_WORDS * 3);
  printer.write(1, "scope", "id", out, 0);
  printer.write(2, "😀".repeat(255), "世".repeat(255), out, FINGERPRINT_WORDS);
  printer.write(1, "scope", "id", out, 2 * FINGERPRINT_WORDS);
  expect(out.slice(2 * FINGERPRINT_WORDS)).toEqual(out.slice(0, FINGERPRINT_WORDS));
});

test("every byte of the secret matters", () => {
  const prints = new Set([fingerprint(1, "", "a")]);
  for (let i = 0; i < FINGERPRINT_KEY_BYTES; i++) {
    const key = KEY.slice();
    key[i]! ^= 1;
    prints.add(fingerprint(1, "", "a", key));
  }
  expect(prints.size).toBe(FINGERPRINT_KEY_BYTES + 1);
});

test("a secret may lie anywhere in its buffer", () => {
  const buffer = new Uint8Array(FINGERPRINT_KEY_BYTES + 8);
  buffer.set(KEY, 8);
  expect(fingerprint(1, "", "a", buffer.subarray(8))).toBe(fingerprint(1, "", "a"));
});
