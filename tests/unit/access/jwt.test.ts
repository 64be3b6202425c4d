/** JSON Web Tokens: what is rightly signed, for us and in its time is let in, and nothing that only looks like it. */

import { beforeEach, describe, expect, test } from "bun:test";
import {
  CLOCK_TOLERANCE_SECONDS,
  JWT_LENGTH_MAX,
  JwtAuthenticator,
  type JwtSettings,
  VERIFIED_FOR_MS,
  VERIFIED_LENGTH_MAX,
  VERIFIED_TOKENS_MAX,
} from "../../../src/access/jwt.ts";
import type { JwtAlgorithm } from "../../../src/access/jwt-algorithms.ts";
import { ProblemError } from "../../../src/problem.ts";
import {
  AUDIENCE,
  claims,
  ec,
  ed,
  ISSUER,
  jwkOf,
  jwt,
  NOW,
  pemOf,
  rsa,
  SECRET,
  settingsFor,
  withEc,
  withEd,
  withRsa,
  withSecret,
} from "../../support/jwt-issuer.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { refusalOf } from "./refusal.ts";

const NOT_ACCEPTED = "The token is not accepted.";
const WRONG_ALGORITHM = "The token is signed with an algorithm that is not taken.";
const NO_TIME = "The token does not say when it expires.";

let nowMs = NOW * 1_000;
beforeEach(() => {
  nowMs = NOW * 1_000;
});

const surroundings = { now: () => nowMs, elapsed: () => nowMs, log: () => {} };

const open = (algorithm: JwtAlgorithm, text: string, more: Partial<JwtSettings> = {}) =>
  JwtAuthenticator.open({ ...settingsFor(algorithm, { text, origin: "a test" }), ...more }, surroundings);

const RSA = rsa();
const OTHER_RSA = rsa();
const EC = ec();
const ED = ed();
const HS = { alg: "HS256" };
const RS = { alg: "RS256" };

const hs = (payload: unknown = claims(), header: unknown = HS): string => jwt(header, payload, withSecret());

test.each<[JwtAlgorithm, string, (input: string) => Buffer]>([
  ["HS256", SECRET, withSecret()],
  ["HS256", `${SECRET}\n`, withSecret()],
  ["HS256", JSON.stringify({ kty: "oct", k: Buffer.from(SECRET).toString("base64url") }), withSecret()],
  ["RS256", pemOf(RSA), withRsa(RSA)],
  ["RS256", RSA.publicKey.export({ type: "pkcs1", format: "pem" }) as string, withRsa(RSA)],
  ["RS256", JSON.stringify(jwkOf(RSA)), withRsa(RSA)],
  ["RS256", pemOf(OTHER_RSA) + pemOf(RSA), withRsa(RSA)],
  ["RS256", JSON.stringify({ keys: [jwkOf(OTHER_RSA), jwkOf(RSA)] }), withRsa(RSA)],
  ["ES256", pemOf(EC), withEc(EC)],
  [
    "ES256",
    JSON.stringify({ keys: [jwkOf(EC, { use: "sig", alg: "ES256", key_ops: ["verify"] })] }),
    withEc(EC),
  ],
  ["EdDSA", pemOf(ED), withEd(ED)],
  ["EdDSA", JSON.stringify(jwkOf(ED)), withEd(ED)],
])("%s with a key like %.30j…", async (algorithm, text, signature) => {
  const authenticator = await open(algorithm, text);
  const token = jwt({ alg: algorithm, typ: "JWT" }, claims(), signature);
  const principal = (await authenticator.authenticate(token))!;
  const grant = { subject: "jwt:device-7", topics: ["orders.*"] };
  expect(principal).toMatchObject({
    ...{ subject: "jwt:device-7", expiresAt: (NOW + 600 + CLOCK_TOLERANCE_SECONDS) * 1_000 },
    grants: { publish: grant, subscribe: grant },
  });
  expect(principal.grants.admin).toBeUndefined();
  expect(principal.isRevoked()).toBe(false);
});

const EMBEDDED = jwkOf(OTHER_RSA);

test.each<[string, string, string]>([
  ["alg none", jwt({ alg: "none" }, claims(), () => Buffer.alloc(0)), WRONG_ALGORITHM],
  ["alg none in other letters", jwt({ alg: "nOnE" }, claims(), () => Buffer.alloc(0)), WRONG_ALGORITHM],
  ["the public key as HMAC secret", jwt(HS, claims(), withSecret(pemOf(RSA))), WRONG_ALGORITHM],
  ["the same, called RS256", jwt(RS, claims(), withSecret(pemOf(RSA))), NOT_ACCEPTED],
  ["RS512 with the right key", jwt({ alg: "RS512" }, claims(), withRsa(RSA)), WRONG_ALGORITHM],
  ["ES256 with a key of its own", jwt({ alg: "ES256" }, claims(), withEc(EC)), WRONG_ALGORITHM],
  ["another key", jwt(RS, claims(), withRsa(OTHER_RSA)), NOT_ACCEPTED],
  ["another key, in the header", jwt({ ...RS, jwk: EMBEDDED }, claims(), withRsa(OTHER_RSA)), NOT_ACCEPTED],
  [
    "another key, at an address in the header",
    jwt({ ...RS, jku: "http://127.0.0.1:1/k" }, claims(), withRsa(OTHER_RSA)),
    NOT_ACCEPTED,
  ],
  [
    "a certificate at an address",
    jwt({ ...RS, x5u: "http://127.0.0.1:1/k", x5c: ["MA=="] }, claims(), withRsa(OTHER_RSA)),
    NOT_ACCEPTED,
  ],
  ["a critical extension", jwt({ ...RS, crit: ["exp"], exp: 1 }, claims(), withRsa(RSA)), NOT_ACCEPTED],
  [
    "a payload that is not encoded",
    jwt({ ...RS, crit: ["b64"], b64: false }, claims(), withRsa(RSA)),
    NOT_ACCEPTED,
  ],
  ["an alg that is no text", jwt({ alg: ["RS256"] }, claims(), withRsa(RSA)), WRONG_ALGORITHM],
  ["__proto__ as alg", jwt('{"alg":"__proto__"}', claims(), withRsa(RSA)), WRONG_ALGORITHM],
  ["an alg that is inherited", jwt('{"__proto__":{"alg":"RS256"}}', claims(), withRsa(RSA)), WRONG_ALGORITHM],
  ["a kid that is no text", jwt({ ...RS, kid: { a: 1 } }, claims(), withRsa(RSA)), NOT_ACCEPTED],
  ["no header", jwt("", claims(), withRsa(RSA)).replace(/^/, "e30"), WRONG_ALGORITHM],
  ["a header that is a list", jwt("[]", claims(), withRsa(RSA)), NOT_ACCEPTED],
  ["a header that is no JSON", jwt("{", claims(), withRsa(RSA)), NOT_ACCEPTED],
  ["claims that are a list", jwt(RS, "[]", withRsa(RSA)), NOT_ACCEPTED],
  ["claims that are no JSON", jwt(RS, "{", withRsa(RSA)), NOT_ACCEPTED],
  ["claims that are no UTF-8", jwt(RS, claims(), withRsa(RSA)).replace(/\.[^.]+\./, ".gICA."), NOT_ACCEPTED],
  [
    "changed claims",
    jwt(RS, claims(), withRsa(RSA)).replace(/\.[^.]+\./, `.${btoa("{}").replaceAll("=", "")}.`),
    NOT_ACCEPTED,
  ],
  ["no signature", jwt(RS, claims(), () => Buffer.alloc(0)), NOT_ACCEPTED],
  ["a signature cut short", jwt(RS, claims(), withRsa(RSA)).slice(0, -2), NOT_ACCEPTED],
])("refused: %s", async (_, token, reason) => {
  expect(await refusalOf(await open("RS256", pemOf(RSA)), token)).toBe(reason);
});

test.each<[string, object, string]>([
  ["expired", { exp: NOW - CLOCK_TOLERANCE_SECONDS }, "The token has expired."],
  ["not valid yet", { nbf: NOW + CLOCK_TOLERANCE_SECONDS + 1 }, "The token is not valid yet."],
  ["another issuer", { iss: `${ISSUER}/` }, "The token is of another issuer."],
  ["no issuer", { iss: undefined }, "The token is of another issuer."],
  ["an issuer in a list", { iss: [ISSUER] }, "The token is of another issuer."],
  ["another audience", { aud: "elsewhere" }, "The token is for another audience."],
  ["no audience", { aud: undefined }, "The token is for another audience."],
  ["an audience that only contains ours", { aud: `${AUDIENCE}s` }, "The token is for another audience."],
  ["no expiry", { exp: undefined }, NO_TIME],
  ["an expiry as text", { exp: String(NOW + 600) }, NO_TIME],
  ["an expiry that is null", { exp: null }, NO_TIME],
  ["scopes as a number", { scope: 7 }, "The token's scopes are neither text nor a list."],
  ["scopes as an object", { scope: { publish: true } }, "The token's scopes are neither text nor a list."],
  ["a pattern that cannot be", { topics: ["a", "*b"] }, "The token's topics are not patterns of topics."],
  ["a pattern that is no text", { topics: [1] }, "The token's topics are not patterns of topics."],
  ["topics as an object", { topics: { a: 1 } }, "The token's topics are not patterns of topics."],
])("refused although rightly signed: %s", async (_, more, reason) => {
  expect(await refusalOf(await open("HS256", SECRET), hs(claims(more)))).toBe(reason);
});

test("an expiry beyond all numbers is none", async () => {
  const payload = JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999');
  expect(await refusalOf(await open("HS256", SECRET), hs(payload))).toBe(NO_TIME);
});

test("a clock may differ by the tolerance and no more", async () => {
  const authenticator = await open("HS256", SECRET);
  const [old, young] = [
    hs(claims({ exp: NOW - CLOCK_TOLERANCE_SECONDS + 1 })),
    hs(claims({ nbf: NOW + CLOCK_TOLERANCE_SECONDS })),
  ];
  expect(await authenticator.authenticate(old)).toBeDefined();
  expect(await authenticator.authenticate(young)).toBeDefined();
});

test.each<[string, object, string[], readonly string[]]>([
  [
    "as text",
    { scope: "publish admin other", topics: "orders.* payments" },
    ["publish", "admin"],
    ["orders.*", "payments"],
  ],
  ["as lists", { scope: ["subscribe", 7, "root"], topics: ["a", "a", "b*"] }, ["subscribe"], ["a", "b*"]],
  ["left out", { scope: undefined, topics: undefined }, [], []],
  ["scopes alone", { topics: undefined }, ["publish", "subscribe"], []],
  ["without words", { scope: "  ", topics: "" }, [], []],
  [
    "names of every object",
    { scope: "constructor __proto__ publish", topics: "constructor" },
    ["publish"],
    ["constructor"],
  ],
])("scopes and topics %s", async (_, more, scopes, topics) => {
  const authenticator = await open("HS256", SECRET);
  const { grants } = (await authenticator.authenticate(hs(claims(more))))!;
  expect(Object.keys(grants)).toEqual(scopes);
  for (const grant of Object.values(grants)) expect(grant.topics).toEqual(topics);
});

test.each(["constructor", "__proto__", "toString"])(
  "a claim may be called %s, and counts only where it is written",
  async (name) => {
    const authenticator = await open("HS256", SECRET, { scopeClaim: name, topicsClaim: name });
    expect((await authenticator.authenticate(hs()))!.grants).toEqual({});
    const written = JSON.stringify(claims()).replace("{", `{"${name}":["publish"],`);
    const { grants } = (await authenticator.authenticate(hs(written)))!;
    expect(grants).toEqual({ publish: { subject: "jwt:device-7", topics: ["publish"] } });
  },
);

test.each<[unknown, string]>([
  ["device-7", "jwt:device-7"],
  ["gerät-7", "jwt:gerät-7"],
  ["a\nonefold: all is well\u001b[2J \ud800", "jwt:a?onefold:?all?is?well?[2J??"],
  ["x".repeat(1_000), `jwt:${"x".repeat(64)}`],
  [undefined, "jwt:"],
  [7, "jwt:"],
])("the subject %j is called %j", async (sub, subject) => {
  const authenticator = await open("HS256", SECRET);
  expect((await authenticator.authenticate(hs(claims({ sub }))))!.subject).toBe(subject);
});

test("a token may be 8 KiB long and no longer; what has not the form of one is somebody else's", async () => {
  const authenticator = await open("HS256", SECRET);
  const fill = (length: number): string => {
    const short = hs(claims({ fill: "" })).length;
    // Four characters of a token hold three bytes.
    const token = hs(claims({ fill: "x".repeat(Math.floor(((length - short) * 3) / 4)) }));
    return token;
  };
  const longest = fill(JWT_LENGTH_MAX);
  expect(longest.length).toBeWithin(JWT_LENGTH_MAX - 3, JWT_LENGTH_MAX + 1);
  expect(await authenticator.authenticate(longest)).toBeDefined();
  expect(await refusalOf(authenticator, fill(JWT_LENGTH_MAX + 4))).toBe("The token is too long.");
  expect(await refusalOf(authenticator, "x".repeat(10_000_000))).toBe("The token is too long.");
  for (const other of ["", "a", "a.b", "a.b.c.d", "a.b.c ", "..", "onefold_a_b", "a.b=.c", "__proto__"])
    expect(authenticator.authenticate(other)).toBeUndefined();
});

describe("the memory of tokens", () => {
  test("one token has one principal and one grant, also when it comes twice at once", async () => {
    const authenticator = await open("HS256", SECRET);
    const token = hs();
    const both = await Promise.all([authenticator.authenticate(token), authenticator.authenticate(token)]);
    expect(both[0]).toBe(both[1]!);
    // From now on without a signature: at once.
    expect(authenticator.authenticate(token)).toBe(both[0]!);
  });

  test("a token is out when it expires, however well it is remembered", async () => {
    const authenticator = await open("HS256", SECRET);
    const token = hs(claims({ exp: NOW + 10 }));
    await authenticator.authenticate(token);
    nowMs += 9_999 + CLOCK_TOLERANCE_SECONDS * 1_000;
    expect(await authenticator.authenticate(token)).toBeDefined();
    nowMs += 1;
    expect(await refusalOf(authenticator, token)).toBe("The token has expired.");
  });

  test("it forgets after a while", async () => {
    const authenticator = await open("HS256", SECRET);
    const token = hs(claims({ exp: NOW + 86_400 }));
    const before = await authenticator.authenticate(token);
    nowMs += VERIFIED_FOR_MS;
    expect(authenticator.authenticate(token)).toBeInstanceOf(Promise);
    expect(await authenticator.authenticate(token)).not.toBe(before!);
  });

  test("it is bounded: the oldest goes first", async () => {
    const authenticator = await open("HS256", SECRET);
    const tokens = Array.from({ length: VERIFIED_TOKENS_MAX + 1 }, (_, i) => hs(claims({ sub: `s${i}` })));
    for (const token of tokens) await authenticator.authenticate(token);
    expect(authenticator.authenticate(tokens[1]!)).not.toBeInstanceOf(Promise);
    expect(authenticator.authenticate(tokens[0]!)).toBeInstanceOf(Promise);
  });

  test("it is bounded in what it holds of long tokens, too", async () => {
    const authenticator = await open("HS256", SECRET);
    const topics = Array.from({ length: 500 }, (_, i) => `topic-${i}`);
    const [first, ...others] = Array.from({ length: 1_200 }, (_, i) => hs(claims({ sub: `s${i}`, topics })));
    expect(first!.length).toBeWithin(JWT_LENGTH_MAX * 0.9, JWT_LENGTH_MAX);
    await authenticator.authenticate(first!);
    for (const token of others) await authenticator.authenticate(token);
    expect(authenticator.authenticate(others.at(-1)!)).not.toBeInstanceOf(Promise);
    expect(authenticator.authenticate(first!)).toBeInstanceOf(Promise);
    expect(authenticator.remembered).toBeLessThanOrEqual(VERIFIED_LENGTH_MAX / first!.length);
  });

  test("what is over is dropped when another comes", async () => {
    const authenticator = await open("HS256", SECRET);
    const tokens = Array.from({ length: 100 }, (_, i) => hs(claims({ sub: `s${i}`, exp: NOW + 86_400 })));
    for (const token of tokens) await authenticator.authenticate(token);
    expect(authenticator.remembered).toBe(100);
    nowMs += VERIFIED_FOR_MS;
    await authenticator.authenticate(tokens[7]!);
    expect(authenticator.remembered).toBe(1);
  });

  test("a refusal is not remembered as anything", async () => {
    const authenticator = await open("HS256", SECRET);
    const token = hs(claims({ nbf: NOW + 60 }));
    expect(await refusalOf(authenticator, token)).toBe("The token is not valid yet.");
    nowMs += 60_000;
    expect(await authenticator.authenticate(token)).toBeDefined();
  });
});

test("whatever is done to a token, it is refused and nothing else happens", async () => {
  const random = SeededRandom.printed("changed tokens");
  const authenticator = await open("RS256", pemOf(RSA));
  const good = jwt({ ...RS, kid: "a" }, claims(), withRsa(RSA));
  const letters = 'AZaz09-_.=+/ \0é{}"';
  for (let round = 0; round < 2_000; round++) {
    let token = good;
    for (let change = 0; change <= random.below(3); change++) {
      const at = random.below(token.length);
      const letter = letters[random.below(letters.length)]!;
      token = token.slice(0, at) + letter.repeat(random.below(3)) + token.slice(at + random.below(3));
    }
    let outcome: unknown;
    try {
      outcome = await authenticator.authenticate(token);
    } catch (error) {
      outcome = error;
    }
    const isRefused = outcome === undefined || outcome instanceof ProblemError;
    // The last bits of the last letter mean nothing, and some changes change nothing.
    if (!isRefused)
      expect(Buffer.from(token.split(".")[2]!, "base64url")).toEqual(
        Buffer.from(good.split(".")[2]!, "base64url"),
      );
  }
});
