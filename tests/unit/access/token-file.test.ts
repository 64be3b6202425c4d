/** The file of the tokens is read as it was written; whatever else it could be is refused with what is wrong. */

import { describe, expect, test } from "bun:test";
import {
  parseTokenFile,
  type StoredToken,
  TOKENS_MAX,
  TOPICS_PER_TOKEN_MAX,
  tokenFileText,
} from "../../../src/access/token-file.ts";
import { newToken, partsOfToken, sha256Of } from "../../../src/access/token-text.ts";

function storedToken(more: Partial<StoredToken> = {}): StoredToken {
  const { id, sha256 } = newToken();
  const created = Date.parse("2026-01-02T03:04:05.678Z");
  const expires = Number.POSITIVE_INFINITY;
  return { id, name: id, sha256, scopes: ["publish"], topics: ["*"], created, expires, ...more };
}

test("what is written is read again, and nothing of the secret is in it", () => {
  const { id, text, sha256 } = newToken();
  const tokens = [
    storedToken({
      id,
      sha256,
      name: "checkout",
      scopes: ["publish", "subscribe"],
      topics: ["orders.*", "a"],
    }),
    storedToken({ expires: Date.parse("2027-01-01T00:00:00.000Z") }),
  ];
  const written = tokenFileText(tokens);
  expect(parseTokenFile("f", written)).toEqual(tokens);
  expect(written).not.toContain(partsOfToken(text)!.secret);
  expect(written).toContain('"expires": "2027-01-01T00:00:00.000Z"');
});

test("no two tokens are alike, and each can be taken apart", () => {
  const tokens = Array.from({ length: 1_000 }, newToken);
  expect(new Set(tokens.map(({ text }) => text.slice(-43))).size).toBe(1_000);
  expect(new Set(tokens.map(({ id }) => id)).size).toBe(1_000);
  for (const { id, text, sha256 } of tokens) {
    const parts = partsOfToken(text)!;
    expect({ id: parts.id, sha256: sha256Of(parts.secret).toString("hex") }).toEqual({ id, sha256 });
    // 256 bits.
    expect(Buffer.from(parts.secret, "base64url").length).toBe(32);
  }
});

/** A file of one token, in which some members are others. */
const fileWith = (members: object): string => {
  const { tokens } = JSON.parse(tokenFileText([storedToken({ name: "a" })])) as { tokens: object[] };
  return JSON.stringify({ version: 1, tokens: [{ ...tokens[0], ...members }] });
};

const TWICE = storedToken({ name: "a" });

test.each<[string, string, string]>([
  ["nothing", "", "it is not JSON"],
  ["half a file", tokenFileText([storedToken()]).slice(0, -20), "it is not JSON"],
  ["null", "null", "/: expected object"],
  ["a list", "[]", "/: expected object"],
  ["no version", '{"tokens":[]}', "/version: expected required property"],
  ["a later version", '{"version":2,"tokens":[]}', "it has version 2, known is 1"],
  ["an unknown member", '{"version":1,"tokens":[],"open":true}', "/open: unexpected property"],
  ["an unknown member of a token", fileWith({ admin: true }), "/tokens/0/admin: unexpected property"],
  [
    "__proto__ as a member",
    fileWith({}).replace('"name"', '"__proto__":{"a":1},"name"'),
    "/tokens/0/__proto__: unexpected property",
  ],
  [
    "constructor as an id",
    fileWith({ id: "constructor" }),
    "/tokens/0/id: expected string to match '^[a-z2-7]{12}$'",
  ],
  ["an id that is none", fileWith({ id: "A" }), "/tokens/0/id: expected string to match '^[a-z2-7]{12}$'"],
  [
    "a token as its name",
    fileWith({ name: "onefold_aaaaaaaaaaaa_b" }),
    "/tokens/0/name: expected string to match '^(?!onefold_)[\\w.-]{1,64}$'",
  ],
  [
    "a plain secret",
    fileWith({ sha256: "secret" }),
    "/tokens/0/sha256: expected string to match '^[\\da-f]{64}$'",
  ],
  ["an unknown scope", fileWith({ scopes: ["root"] }), "/tokens/0/scopes/0: expected union value"],
  [
    "constructor as a scope",
    fileWith({ scopes: ["constructor"] }),
    "/tokens/0/scopes/0: expected union value",
  ],
  [
    "no scope",
    fileWith({ scopes: [] }),
    "/tokens/0/scopes: expected array length to be greater or equal to 1",
  ],
  [
    "no topic",
    fileWith({ topics: [] }),
    "/tokens/0/topics: expected array length to be greater or equal to 1",
  ],
  [
    "a pattern that cannot be",
    fileWith({ topics: ["a", "*b*"] }),
    "/tokens/0/topics/1: must be a topic, or a prefix and one final `*`",
  ],
  [
    "too many topics",
    fileWith({ topics: Array.from({ length: TOPICS_PER_TOKEN_MAX + 1 }, (_, i) => `t${i}`) }),
    `/tokens/0/topics: expected array length to be less or equal to ${TOPICS_PER_TOKEN_MAX}`,
  ],
  [
    "a time that is none",
    fileWith({ created: "2026-99-01T00:00:00.000Z" }),
    "/tokens/0/created: expected a time",
  ],
  [
    "an expiry that is none",
    fileWith({ expires: "2026-99-01T00:00:00.000Z" }),
    "/tokens/0/expires: expected a time or null",
  ],
  ["no expiry", fileWith({ expires: undefined }), "/tokens/0/expires: expected required property"],
  ["an expiry as a number", fileWith({ expires: 99 }), "/tokens/0/expires: expected union value"],
  ["an id twice", tokenFileText([TWICE, { ...TWICE, name: "b" }]), `the id ${TWICE.id} stands there twice`],
  ["a name twice", tokenFileText([TWICE, storedToken({ name: "a" })]), "the name a stands there twice"],
])("%s is refused", (_, text, what) => {
  expect(() => parseTokenFile("/data/file", text)).toThrow(
    new Error(`The token file /data/file cannot be used: ${what}.`),
  );
});

describe("the limit of tokens", () => {
  const tokens = Array.from({ length: TOKENS_MAX + 1 }, () => storedToken());
  test("is taken", () => {
    expect(parseTokenFile("f", tokenFileText(tokens.slice(1)))).toHaveLength(TOKENS_MAX);
  });
  test("is not passed", () => {
    expect(() => parseTokenFile("f", tokenFileText(tokens))).toThrow(
      `/tokens: expected array length to be less or equal to ${TOKENS_MAX}`,
    );
  });
});
