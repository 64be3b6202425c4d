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
  ["null", "null", "expected an object with `version` and `tokens`"],
  ["a list", "[]", "expected an object with `version` and `tokens`"],
  ["no version", '{"tokens":[]}', "/version is missing"],
  ["a later version", '{"version":2,"tokens":[]}', "it has version 2, known is 1"],
  ["an unknown member", '{"version":1,"tokens":[],"open":true}', "/open is not known"],
  ["an unknown member of a token", fileWith({ admin: true }), "/tokens/0/admin is not known"],
  [
    "__proto__ as a member",
    fileWith({}).replace('"name"', '"__proto__":{"a":1},"name"'),
    "/tokens/0/__proto__ is not known",
  ],
  [
    "constructor as an id",
    fileWith({ id: "constructor" }),
    "expected /tokens/0/id to be the id of a token: 12 of a to z and 2 to 7",
  ],
  [
    "an id that is none",
    fileWith({ id: "A" }),
    "expected /tokens/0/id to be the id of a token: 12 of a to z and 2 to 7",
  ],
  [
    "a token as its name",
    fileWith({ name: "onefold_aaaaaaaaaaaa_b" }),
    "expected /tokens/0/name to be 1 to 64 letters, digits, `.`, `_` or `-`, and not to begin like a token",
  ],
  ["a plain secret", fileWith({ sha256: "secret" }), "expected /tokens/0/sha256 to be 64 hexadecimal digits"],
  [
    "an unknown scope",
    fileWith({ scopes: ["root"] }),
    "expected /tokens/0/scopes/0 to be one of publish, subscribe, admin",
  ],
  [
    "constructor as a scope",
    fileWith({ scopes: ["constructor"] }),
    "expected /tokens/0/scopes/0 to be one of publish, subscribe, admin",
  ],
  ["no scope", fileWith({ scopes: [] }), "/tokens/0/scopes is empty"],
  ["no topic", fileWith({ topics: [] }), "/tokens/0/topics is empty"],
  [
    "a pattern that cannot be",
    fileWith({ topics: ["a", "*b*"] }),
    "/tokens/0/topics/1: must be a topic, or a prefix and one final `*`",
  ],
  [
    "too many topics",
    fileWith({ topics: Array.from({ length: TOPICS_PER_TOKEN_MAX + 1 }, (_, i) => `t${i}`) }),
    `/tokens/0/topics has more than ${TOPICS_PER_TOKEN_MAX}`,
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
  ["no expiry", fileWith({ expires: undefined }), "/tokens/0/expires is missing"],
  [
    "an expiry as a number",
    fileWith({ expires: 99 }),
    "expected /tokens/0/expires to be a time like 2026-01-02T03:04:05.678Z, or null",
  ],
  ["a token that is a text", '{"version":1,"tokens":["t"]}', "expected /tokens/0 to be an object"],
  ["tokens that are no list", '{"version":1,"tokens":{}}', "expected /tokens to be a list of tokens"],
  ["a topic that is no text", fileWith({ topics: [7] }), "expected /tokens/0/topics/0 to be a text"],
  ["scopes that are a text", fileWith({ scopes: "publish" }), "expected /tokens/0/scopes to be a list"],
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
      `/tokens has more than ${TOKENS_MAX} tokens`,
    );
  });
});
