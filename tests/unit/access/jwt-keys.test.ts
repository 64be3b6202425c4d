/** Keys that are given for JSON Web Tokens: which of them counts, what is no such key, and what reading them again changes. */

import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { JwtAuthenticator } from "../../../src/access/jwt.ts";
import type { JwtAlgorithm } from "../../../src/access/jwt-algorithms.ts";
import { keysIn } from "../../../src/access/jwt-keys.ts";
import {
  claims,
  ec,
  ed,
  jwkOf,
  jwt,
  NOW,
  type Pair,
  pemOf,
  rsa,
  SECRET,
  settingsFor,
  withRsa,
  withSecret,
} from "../../support/jwt-issuer.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { refusalOf } from "./refusal.ts";

const NOT_ACCEPTED = "The token is not accepted.";
const UNKNOWN_KEY = "The token is signed with a key that is not known.";

const surroundings = { now: () => NOW * 1_000, elapsed: () => 0, log: () => {} };

const open = (algorithm: JwtAlgorithm, text: string) =>
  JwtAuthenticator.open(settingsFor(algorithm, { text, origin: "a test" }), surroundings);

const RSA = rsa();
const OTHER_RSA = rsa();
const EC = ec();
const ED = ed();
const HS = { alg: "HS256" };
const RS = { alg: "RS256" };

const hs = (): string => jwt(HS, claims(), withSecret());

/** Made with `openssl req -x509` for P-256. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUdL8XjTHn5phHzrOgQasN2QRGAF8wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGaXNzdWVyMB4XDTI2MTEyMTIwNDAzMVoXDTI2MTEyMjIwNDAz
MVowETEPMA0GA1UEAwwGaXNzdWVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
KQn6J2vlV86mcDGkQkAIeLGr2ZTZTN6fekdbhEI2JB9H4NZTBLsBfPW7sepgS0hC
LKVLP688UPZ4bUFFuu/1hqNTMFEwHQYDVR0OBBYEFLfVaGeU4MHrir97QnlEjqjn
iFODMB8GA1UdIwQYMBaAFLfVaGeU4MHrir97QnlEjqjniFODMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMcs+Gze3nN5wecD7lWtjSve1RoZZt36
bsZeOdSLFwY7AiBImJYtD1I9lhpIQrLk5jAev9MVeM+sXaohDwNNS99jaA==
-----END CERTIFICATE-----
`;

test("a certificate stands for its key", async () => {
  const pem = new X509Certificate(CERTIFICATE).publicKey.export({ type: "spki", format: "pem" }) as string;
  const thumbprints = await Promise.all(
    [CERTIFICATE, pem, pemOf(EC)].map(
      async (text) => (await keysIn(text, "ES256")).for(undefined)[0]!.thumbprint,
    ),
  );
  expect(thumbprints[0]).toBe(thumbprints[1]!);
  expect(thumbprints[0]).not.toBe(thumbprints[2]!);
});

describe("keys with names", () => {
  const set = (...pairs: [Pair, string][]): string =>
    JSON.stringify({ keys: pairs.map(([pair, kid]) => jwkOf(pair, { kid })) });
  const signed = (pair: Pair, kid?: string): string =>
    jwt({ ...RS, ...(kid === undefined ? {} : { kid }) }, claims(), withRsa(pair));

  test("the one that a token names is taken, and no other", async () => {
    const authenticator = await open("RS256", set([RSA, "a"], [OTHER_RSA, "__proto__"]));
    expect(await authenticator.authenticate(signed(RSA, "a"))).toBeDefined();
    expect(await authenticator.authenticate(signed(OTHER_RSA, "__proto__"))).toBeDefined();
    expect(await authenticator.authenticate(signed(OTHER_RSA))).toBeDefined();
    expect(await refusalOf(authenticator, signed(RSA, "__proto__"))).toBe(NOT_ACCEPTED);
    for (const kid of ["b", "", "constructor", "../../etc/passwd"])
      expect(await refusalOf(authenticator, signed(RSA, kid))).toBe(UNKNOWN_KEY);
  });

  test("a key without a name is tried for a name that is not known", async () => {
    const authenticator = await open("RS256", pemOf(RSA));
    expect(await authenticator.authenticate(signed(RSA, "whatever"))).toBeDefined();
  });
});

describe("keys of a file that are read again", () => {
  const SECOND = "another secret of 32 bytes and a few more";
  async function openFile(folder: TempFolder, content: string) {
    const file = folder.file("keys");
    writeFileSync(file, content);
    const authenticator = await JwtAuthenticator.open(settingsFor("HS256", { file }), surroundings);
    return { authenticator, file };
  }

  test("a token of the old key is out, its socket is told, and one of the new is in", async () => {
    using folder = new TempFolder();
    const { authenticator, file } = await openFile(folder, SECRET);
    const before = (await authenticator.authenticate(hs()))!;
    writeFileSync(file, SECOND);
    expect(await authenticator.authenticate(hs())).toBe(before);
    await authenticator.reload();
    expect(before.isRevoked()).toBe(true);
    expect(await refusalOf(authenticator, hs())).toBe(NOT_ACCEPTED);
    expect(await authenticator.authenticate(jwt(HS, claims(), withSecret(SECOND)))).toBeDefined();
  });

  test("a key that stays keeps its sockets", async () => {
    using folder = new TempFolder();
    const { authenticator } = await openFile(folder, SECRET);
    const before = (await authenticator.authenticate(hs()))!;
    await authenticator.reload();
    expect(before.isRevoked()).toBe(false);
    // The memory of tokens is empty all the same.
    expect(await authenticator.authenticate(hs())).not.toBe(before);
  });

  test("a file that cannot be used leaves the keys as they were", async () => {
    using folder = new TempFolder();
    const { authenticator, file } = await openFile(folder, SECRET);
    writeFileSync(file, "short");
    await expect(authenticator.reload()).rejects.toThrow(
      `The key file ${file} cannot be used: the secret has less than 32 bytes.`,
    );
    expect(await authenticator.authenticate(hs())).toBeDefined();
  });
});

const WEAK = rsa(1_024);
const privatePem = RSA.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const PRIVATE = "there is a private key in it, and only the public one belongs here";

test.each<[string, JwtAlgorithm, string, string]>([
  ["a short secret", "HS256", SECRET.slice(1), "the secret has less than 32 bytes"],
  ["a short secret as JWK", "HS256", '{"kty":"oct","k":"QUFB"}', "the secret has less than 32 bytes"],
  ["an empty one", "HS256", "\n", "the secret has less than 32 bytes"],
  ["a public key as secret", "HS256", pemOf(RSA), "it is a PEM, and HS256 takes a secret"],
  [
    "a public key as secret, as JWK",
    "HS256",
    JSON.stringify(jwkOf(RSA)),
    "there is a key in it that is none for HS256",
  ],
  ["a weak RSA key", "RS256", pemOf(WEAK), "there is an RSA key in it of less than 2048 bits"],
  [
    "a weak one beside a strong one",
    "RS256",
    pemOf(RSA) + pemOf(WEAK),
    "there is an RSA key in it of less than 2048 bits",
  ],
  ["a private key", "RS256", privatePem, PRIVATE],
  ["a private key as JWK", "RS256", JSON.stringify(RSA.privateKey.export({ format: "jwk" })), PRIVATE],
  ["a secret where a public key belongs", "RS256", SECRET, "it is neither PEM nor JSON"],
  ["a key of another kind", "RS256", pemOf(EC), "there is a key in it that is none for RS256"],
  ["a key of another curve", "ES256", pemOf(ec("P-384")), "there is a key in it that is none for ES256"],
  [
    "a key for encryption",
    "RS256",
    JSON.stringify(jwkOf(RSA, { use: "enc" })),
    "there is a key in it that is none for RS256",
  ],
  [
    "a key for another algorithm",
    "RS256",
    JSON.stringify(jwkOf(RSA, { alg: "PS256" })),
    "there is a key in it that is none for RS256",
  ],
  [
    "a point that is not on the curve",
    "ES256",
    JSON.stringify({ ...jwkOf(EC), y: "AAAA" }),
    "there is a key in it that is none for ES256",
  ],
  ["an empty set", "RS256", '{"keys":[]}', "there is no key for RS256 in it"],
  [
    "too many keys",
    "EdDSA",
    JSON.stringify({ keys: Array.from({ length: 33 }, () => jwkOf(ED)) }),
    "there are more than 32 keys in it",
  ],
  ["a set that is none", "RS256", '{"keys":{"a":1}}', "it is neither a JWK nor a JWKS"],
  ["half a JSON", "RS256", '{"keys":[', "it is not JSON"],
  ["half a PEM", "RS256", pemOf(RSA).slice(0, 100), "it is neither PEM nor JSON"],
  [
    "rubbish in a PEM",
    "RS256",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "there is something in it that is no public key",
  ],
])("a start is refused with %s", async (_, algorithm, text, what) => {
  const error = (await open(algorithm, text).catch((thrown: Error) => thrown)) as Error;
  expect(error.message).toBe(`The key in a test cannot be used: ${what}.`);
});

test("a start is refused with a file that is not there", async () => {
  using folder = new TempFolder();
  const file = folder.file("missing");
  await expect(JwtAuthenticator.open(settingsFor("RS256", { file }), surroundings)).rejects.toThrow(
    /^The key file \S+missing cannot be read \(ENOENT.*\)\.$/,
  );
});
