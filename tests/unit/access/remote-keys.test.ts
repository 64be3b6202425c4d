/** Keys at an address: rotated without a restart, asked for seldom, and no answer of that address holds anything up. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { JwtAuthenticator } from "../../../src/access/jwt.ts";
import {
  ASK_AGAIN_MS,
  ASK_AGAIN_WITHOUT_KEYS_MS,
  JWKS_BYTES_MAX,
  KEYS_AGE_MAX_MS,
} from "../../../src/access/remote-keys.ts";
import { until, withDeadline } from "../../support/deadline.ts";
import { claims, jwkOf, jwt, NOW, type Pair, rsa, settingsFor, withRsa } from "../../support/jwt-issuer.ts";
import { refusalOf } from "./refusal.ts";

const UNKNOWN_KEY = "The token is signed with a key that is not known.";

const [FIRST, SECOND] = [rsa(), rsa()];

type Answer = () => Response | Promise<Response>;

const setOf = (...pairs: [Pair, string][]): Answer => {
  const keys = pairs.map(([pair, kid]) => jwkOf(pair, { kid, use: "sig" }));
  return () => Response.json({ keys });
};

let nowMs: number;
/** Short only where it has to run out. */
let patienceMs: number;
let asked: number;
let answer: Answer;
let lines: string[];
let server: ReturnType<typeof Bun.serve>;

beforeEach(() => {
  nowMs = NOW * 1_000;
  patienceMs = 10_000;
  asked = 0;
  lines = [];
  answer = setOf([FIRST, "a"]);
  server = Bun.serve({
    port: 0,
    fetch: () => {
      asked++;
      return answer();
    },
  });
});
afterEach(() => server.stop(true));

const open = (url = server.url): Promise<JwtAuthenticator> =>
  JwtAuthenticator.open(settingsFor("RS256", { url }), {
    ...{ now: () => nowMs, elapsed: () => nowMs, log: (line) => void lines.push(line) },
    get fetchTimeoutMs() {
      return patienceMs;
    },
  });

let serial = 0;
/** Each is another token, so that none is remembered. */
const tokenOf = (pair: Pair, kid: string): string =>
  jwt({ alg: "RS256", kid }, claims({ exp: NOW + 86_400, jti: serial++ }), withRsa(pair));

test("keys are fetched once, at the start", async () => {
  const authenticator = await open();
  for (let i = 0; i < 5; i++) expect(await authenticator.authenticate(tokenOf(FIRST, "a"))).toBeDefined();
  expect(asked).toBe(1);
});

test("a token of a new key makes it ask, and is let in", async () => {
  const authenticator = await open();
  const before = (await authenticator.authenticate(tokenOf(FIRST, "a")))!;
  answer = setOf([FIRST, "a"], [SECOND, "b"]);
  nowMs += ASK_AGAIN_MS;
  const tokens = Array.from({ length: 5 }, () => tokenOf(SECOND, "b"));
  const principals = await Promise.all(tokens.map((token) => authenticator.authenticate(token)));
  expect(principals.every((principal) => principal !== undefined)).toBe(true);
  expect({ asked, isRevoked: before.isRevoked() }).toEqual({ asked: 2, isRevoked: false });
  answer = setOf([SECOND, "b"]);
  await authenticator.reload();
  expect(before.isRevoked()).toBe(true);
  expect(await refusalOf(authenticator, tokenOf(FIRST, "a"))).toBe(UNKNOWN_KEY);
});

test("tokens of unknown keys cannot make it ask more than now and then", async () => {
  const authenticator = await open();
  for (let i = 0; i < 20; i++)
    expect(await refusalOf(authenticator, tokenOf(SECOND, `k${i}`))).toBe(UNKNOWN_KEY);
  expect(asked).toBe(1);
  nowMs += ASK_AGAIN_MS;
  for (let i = 0; i < 20; i++)
    expect(await refusalOf(authenticator, tokenOf(SECOND, `k${i}`))).toBe(UNKNOWN_KEY);
  expect(asked).toBe(2);
  answer = () => new Response("", { status: 500 });
  nowMs += ASK_AGAIN_MS;
  for (let i = 0; i < 20; i++)
    expect(await refusalOf(authenticator, tokenOf(SECOND, `k${i}`))).toBe(UNKNOWN_KEY);
  expect(asked).toBe(3);
});

test("keys that have become old are looked after without any token, and what their issuer took back is revoked", async () => {
  const authenticator = await open();
  const principal = (await authenticator.authenticate(tokenOf(FIRST, "a")))!;
  await authenticator.refreshKeys();
  expect(asked).toBe(1);
  answer = await setOf([SECOND, "b"]);
  nowMs += KEYS_AGE_MAX_MS + 1;
  await authenticator.refreshKeys();
  expect(asked).toBe(2);
  expect(principal.isRevoked()).toBe(true);
});

test("keys that have become old are fetched again while they go on", async () => {
  const authenticator = await open();
  const askedAgain = Promise.withResolvers<void>();
  const release = Promise.withResolvers<Response>();
  answer = () => {
    askedAgain.resolve();
    return release.promise;
  };
  nowMs += KEYS_AGE_MAX_MS + 1;
  expect(await authenticator.authenticate(tokenOf(FIRST, "a"))).toBeDefined();
  await withDeadline(askedAgain.promise, () => "the keys to be asked for again");
  release.resolve(await setOf([SECOND, "a"])());
  await until(async () => (await outcomeOf(authenticator, tokenOf(FIRST, "a"))) === "refused");
});

async function outcomeOf(authenticator: JwtAuthenticator, token: string): Promise<string> {
  try {
    await authenticator.authenticate(token);
    return "let in";
  } catch {
    return "refused";
  }
}

const gone = (): Response => Response.json({ keys: [jwkOf(SECOND, { kid: "a" })] });

const FAULTS: [string, Answer, RegExp][] = [
  ["an error", () => new Response("", { status: 503 }), /it answers 503/],
  ["a redirect to a set", () => Response.redirect("/elsewhere", 302), /it answers 302/],
  ["a set that is huge", () => new Response(" ".repeat(JWKS_BYTES_MAX + 1)), /more than 262144 bytes/],
  [
    "a set that is huge once unpacked",
    () => new Response(Bun.gzipSync(Buffer.alloc(50_000_000)), { headers: { "content-encoding": "gzip" } }),
    /not JSON/,
  ],
  ["nothing at all", () => new Promise<Response>(() => {}), /no whole answer in time/],
  [
    "a set that never ends",
    () =>
      new Response(
        new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{"keys":[')) }),
      ),
    /no whole answer in time/,
  ],
  ["no JSON", () => new Response("<html>"), /not JSON/],
  ["null", () => new Response("null"), /neither a JWK nor a JWKS/],
  ["no keys", () => Response.json({ keys: [] }), /no key for RS256/],
  ["weak keys alone", () => Response.json({ keys: [jwkOf(rsa(1_024), { kid: "a" })] }), /no key for RS256/],
  [
    "private keys alone",
    () => Response.json({ keys: [FIRST.privateKey.export({ format: "jwk" })] }),
    /no key for RS256/,
  ],
  [
    "a secret",
    () => Response.json({ keys: [{ kty: "oct", kid: "a", k: "A".repeat(43) }] }),
    /no key for RS256/,
  ],
];

test.each(FAULTS)(
  "an address that answers with %s leaves the keys as they were, and is told of once",
  async (_, fault, reason) => {
    const authenticator = await open();
    const before = (await authenticator.authenticate(tokenOf(FIRST, "a")))!;
    answer = fault;
    if (reason.source.includes("in time")) patienceMs = 100;
    for (let round = 0; round < 2; round++) {
      await authenticator.reload();
      expect(await authenticator.authenticate(tokenOf(FIRST, "a"))).toBeDefined();
    }
    patienceMs = 10_000;
    expect(before.isRevoked()).toBe(false);
    expect(lines).toEqual([expect.stringMatching(reason)]);
    expect(lines[0]).toMatch(
      /^the keys of JSON Web Tokens cannot be fetched from http:\/\/\S+ \(.*\): those that are known go on$/,
    );
    answer = gone;
    await authenticator.reload();
    expect(lines.slice(1)).toEqual(["the keys of JSON Web Tokens can be fetched again"]);
    expect(before.isRevoked()).toBe(true);
  },
);

test.each(FAULTS)(
  "a start with an address that answers with %s lets nobody in until it answers rightly",
  async (_, fault, reason) => {
    const right = answer;
    answer = fault;
    if (reason.source.includes("in time")) patienceMs = 100;
    const authenticator = await open();
    for (let i = 0; i < 5; i++) expect(await refusalOf(authenticator, tokenOf(FIRST, "a"))).toBe(UNKNOWN_KEY);
    expect(asked).toBe(1);
    answer = right;
    patienceMs = 10_000;
    nowMs += ASK_AGAIN_WITHOUT_KEYS_MS;
    expect(await authenticator.authenticate(tokenOf(FIRST, "a"))).toBeDefined();
  },
);

test("keys for other uses beside ours are passed over", async () => {
  const others = [
    { kty: "future", kid: "a" },
    jwkOf(SECOND, { kid: "a", use: "enc" }),
    jwkOf(rsa(1_024), { kid: "a" }),
  ];
  answer = () => Response.json({ keys: [...others, jwkOf(FIRST, { kid: "a" })] });
  const authenticator = await open();
  expect(await authenticator.authenticate(tokenOf(FIRST, "a"))).toBeDefined();
  expect(lines).toEqual([]);
});

test("a start without its network goes on", async () => {
  const { url } = server;
  await server.stop(true);
  const authenticator = await open(url);
  expect(await refusalOf(authenticator, tokenOf(FIRST, "a"))).toBe(UNKNOWN_KEY);
  expect(lines).toEqual([expect.stringMatching(/no such token is taken until then$/)]);
});
