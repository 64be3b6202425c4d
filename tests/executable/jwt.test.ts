/** JSON Web Tokens on the executable: keys from a file, a variable and an address, their rotation, and what ends a start. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { TOKEN_FILE } from "../../src/access/token-file.ts";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import {
  AUDIENCE,
  claims,
  ec,
  ed,
  ISSUER,
  jwkOf,
  jwt,
  type Pair,
  pemOf,
  rsa,
  SECRET,
  withEc,
  withEd,
  withRsa,
  withSecret,
} from "../support/jwt-issuer.ts";
import { NodeProcess } from "../support/node-process.ts";
import { openPublishChannel } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { refusalOf } from "./tools/tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const flagsFor = (algorithm: string, ...more: string[]): string[] => [
  ...["--jwt-algorithm", algorithm, "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE],
  ...more,
];

/** The clock of the executable is the real one. */
const inTenMinutes = (): number => Math.floor(Date.now() / 1_000) + 600;

const EC = ec();
const OTHER_EC = ec();
const RSA = rsa();
const ED = ed();

const signed = (pair: Pair, more: object = {}): string =>
  jwt({ alg: "ES256", ...more }, claims({ exp: inTenMinutes(), topics: ["*"] }), withEc(pair));

async function answerTo(node: NodeProcess, token: string): Promise<{ status: number; detail?: string }> {
  const response = await fetch(`${node.url}/stats`, { headers: { authorization: `Bearer ${token}` } });
  const { detail } = (await response.json()) as { detail?: string };
  return { status: response.status, ...(detail !== undefined && { detail }) };
}

const statusOf = async (node: NodeProcess, token: string): Promise<number> =>
  (await answerTo(node, token)).status;

test.each<[string, string, (input: string) => Buffer]>([
  ["HS256", SECRET, withSecret()],
  ["RS256", pemOf(RSA), withRsa(RSA)],
  ["ES256", JSON.stringify({ keys: [jwkOf(EC)] }), withEc(EC)],
  ["EdDSA", pemOf(ED), withEd(ED)],
])("%s with keys of a file, and of a variable", async (alg, keys, signature) => {
  using folder = new TempFolder();
  writeFileSync(folder.file("keys"), keys);
  const payload = claims({ exp: inTenMinutes() });
  const ways = [
    { flags: flagsFor(alg, "--jwt-key-file", folder.file("keys")) },
    { flags: flagsFor(alg), env: { ONEFOLD_JWT_KEY: keys } },
  ];
  for (const way of ways) {
    await using node = await NodeProcess.start(way);
    expect(await answerTo(node, jwt({ alg }, payload, signature))).toEqual({ status: 200 });
    expect(
      await answerTo(
        node,
        jwt({ alg: "none" }, payload, () => Buffer.alloc(0)),
      ),
    ).toEqual({
      status: 401,
      detail: "The token is signed with an algorithm that is not taken.",
    });
    const confused = await answerTo(node, jwt({ alg: "HS256" }, payload, withSecret(keys.repeat(2))));
    expect(confused.status).toBe(401);
    expect(await answerTo(node, jwt({ alg }, claims({ exp: 1 }), signature))).toEqual({
      status: 401,
      detail: "The token has expired.",
    });
    expect(node.output).not.toContain(keys.slice(0, 32));
  }
});

test("at SIGHUP a new key comes in and the old one goes with its sockets; a file that is wrong changes nothing", async () => {
  using folder = new TempFolder();
  const file = folder.file("keys.pem");
  writeFileSync(file, pemOf(EC));
  await using node = await NodeProcess.start({ flags: flagsFor("ES256", "--jwt-key-file", file) });
  const [before, after] = [signed(EC), signed(OTHER_EC)];
  using channel = await openPublishChannel(node.wsUrl, { headers: { authorization: `Bearer ${before}` } });
  expect(await statusOf(node, after)).toBe(401);

  writeFileSync(file, pemOf(RSA));
  node.signal("SIGHUP");
  await until(async () => (await statusOf(node, before)) === 200 && node.output.includes("cannot be used"));
  expect(node.output).toContain(
    `The key file ${file} cannot be used: there is a key in it that is none for ES256.`,
  );
  expect(await statusOf(node, before)).toBe(200);

  writeFileSync(file, pemOf(EC) + pemOf(OTHER_EC));
  node.signal("SIGHUP");
  await until(async () => (await statusOf(node, after)) === 200);
  channel.send({ event_id: "1" });
  expect(await channel.next()).toMatchObject({ type: "ack" });

  writeFileSync(file, pemOf(OTHER_EC));
  node.signal("SIGHUP");
  expect(await channel.closed).toMatchObject({ code: 4401 });
  expect(await statusOf(node, before)).toBe(401);
  expect(await statusOf(node, after)).toBe(200);
});

test("keys at an address: a node starts without it, and lets people in as soon as it answers", async () => {
  let isUp = false;
  using address = Bun.serve({
    port: 0,
    fetch: () =>
      isUp ? Response.json({ keys: [jwkOf(EC, { kid: "a" })] }) : new Response("", { status: 503 }),
  });
  const url = new URL("/keys.json", address.url).href;
  await using node = await NodeProcess.start({ flags: flagsFor("ES256", "--jwt-jwks", url) });
  const token = signed(EC, { kid: "a" });
  expect(await answerTo(node, token)).toEqual({
    status: 401,
    detail: "The token is signed with a key that is not known.",
  });
  expect(node.output).toContain("(it answers 503): no such token is taken until then");
  isUp = true;
  await until(async () => (await statusOf(node, token)) === 200);
  isUp = false;
  expect(await statusOf(node, signed(EC, { kid: "a" }))).toBe(200);
  expect(await statusOf(node, signed(OTHER_EC, { kid: "a" }))).toBe(401);
});

describe("a start is refused, with one sentence and nothing of a secret in it,", () => {
  const serve = (folder: TempFolder): string[] => ["serve", "--port", "0", "--data", folder.path];

  test.each<[string, string[], number, string | RegExp]>([
    [
      "without an issuer",
      ["--jwt-algorithm", "HS256", "--jwt-audience", "a"],
      2,
      /^JSON Web Tokens need --jwt-issuer: /,
    ],
    [
      "without a key",
      flagsFor("HS256"),
      2,
      /^JSON Web Tokens need one of --jwt-key-file, --jwt-jwks and ONEFOLD_JWT_KEY/,
    ],
    ["with no algorithm", flagsFor("none"), 2, /got `none`\.$/],
    [
      "with an unsafe address",
      flagsFor("RS256", "--jwt-jwks", "http://issuer.example/k"),
      2,
      /^Expected --jwt-jwks to be /,
    ],
    [
      "with a file that is not there",
      flagsFor("RS256", "--jwt-key-file", "missing"),
      1,
      /^The key file missing cannot be read \(ENOENT/,
    ],
  ])("%s", async (_, flags, exitCode, sentence) => {
    using folder = new TempFolder();
    expect(await refusalOf(exitCode, ...serve(folder), ...flags)).toMatch(sentence);
  });

  test("with a weak key", async () => {
    using folder = new TempFolder();
    const file = folder.file("keys");
    for (const [algorithm, keys, what] of [
      ["HS256", SECRET.slice(1), "the secret has less than 32 bytes"],
      ["RS256", pemOf(rsa(1_024)), "there is an RSA key in it of less than 2048 bits"],
      ["HS256", pemOf(RSA), "it is a PEM, and HS256 takes a secret"],
    ] as const) {
      writeFileSync(file, keys);
      const sentence = await refusalOf(1, ...serve(folder), ...flagsFor(algorithm, "--jwt-key-file", file));
      expect(sentence).toBe(`The key file ${file} cannot be used: ${what}.`);
    }
  });

  test("with a token file that cannot be used", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file(TOKEN_FILE), '{"version":1,"tokens":[],"open":true}');
    expect(await refusalOf(1, ...serve(folder))).toBe(
      `The token file ${folder.file(TOKEN_FILE)} cannot be used: /open is not known.`,
    );
  });
});
