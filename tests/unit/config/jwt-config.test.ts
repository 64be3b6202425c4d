/** JSON Web Tokens are taken when everything is said that makes them prove something, and a start says what is missing. */

import { expect, test } from "bun:test";
import { jwtSettingsOf } from "../../../src/config/jwt-config.ts";
import { type Environment, parseConfig } from "../../../src/config/parse-config.ts";
import { UsageError } from "../../../src/config/parse-flags.ts";

const settings = (line: string, environment: Environment = {}) =>
  jwtSettingsOf(parseConfig(line.split(" ").filter(Boolean), environment), environment);

const WHOLE = "--jwt-algorithm RS256 --jwt-issuer https://issuer --jwt-audience onefold";
const KEY = { ONEFOLD_JWT_KEY: "secret" };

test("they are off by default, whatever other secrets there are", () => {
  expect(settings("")).toBeUndefined();
  expect(settings("", { ONEFOLD_TOKEN: "t" })).toBeUndefined();
  expect(settings("--jwt-scope-claim scp")).toBeUndefined();
});

test.each([
  [`${WHOLE} --jwt-key-file keys.pem`, {}, { file: "keys.pem" }],
  [`${WHOLE} --jwt-jwks https://issuer/keys?v=1`, {}, { url: new URL("https://issuer/keys?v=1") }],
  [`${WHOLE} --jwt-jwks http://127.0.0.1:9/keys`, {}, { url: new URL("http://127.0.0.1:9/keys") }],
  [`${WHOLE} --jwt-jwks http://[::1]:9/keys`, {}, { url: new URL("http://[::1]:9/keys") }],
  [`${WHOLE} --jwt-jwks http://localhost/keys`, {}, { url: new URL("http://localhost/keys") }],
  [WHOLE, KEY, { text: "secret", origin: "ONEFOLD_JWT_KEY" }],
])("%s with %j", (line, environment, keys) => {
  expect(settings(line, environment)).toEqual({
    ...{ algorithm: "RS256", issuer: "https://issuer", audience: "onefold" },
    ...{ scopeClaim: "scope", topicsClaim: "topics", keys },
  });
});

const UNSAFE = /^Expected --jwt-jwks to be an address with https, or with http on this machine: /;

test.each<[string, Environment, string | RegExp]>([
  [
    WHOLE,
    {},
    "JSON Web Tokens need one of --jwt-key-file, --jwt-jwks and ONEFOLD_JWT_KEY, and no other: got 0.",
  ],
  [`${WHOLE} --jwt-key-file f`, KEY, /and no other: got 2\.$/],
  [`${WHOLE} --jwt-key-file f --jwt-jwks https://issuer/k`, KEY, /and no other: got 3\.$/],
  ["--jwt-algorithm RS256 --jwt-audience a --jwt-key-file f", {}, /^JSON Web Tokens need --jwt-issuer: /],
  ["--jwt-algorithm RS256 --jwt-issuer a --jwt-key-file f", {}, /^JSON Web Tokens need --jwt-audience: /],
  ["--jwt-issuer a", {}, "--jwt-issuer is set, but no JSON Web Tokens are taken: name --jwt-algorithm."],
  ["--jwt-audience a", {}, /^--jwt-audience is set, but /],
  ["--jwt-key-file a", {}, /^--jwt-key-file is set, but /],
  ["--jwt-jwks a", {}, /^--jwt-jwks is set, but /],
  ["", KEY, /^ONEFOLD_JWT_KEY is set, but /],
  [
    "--jwt-algorithm none",
    {},
    /^Expected --jwt-algorithm to be off or HS256 or RS256 or ES256 or EdDSA, got `none`\.$/,
  ],
  ["--jwt-algorithm RS384", {}, /got `RS384`\.$/],
  [WHOLE.replace("RS256", "HS256").concat(" --jwt-jwks https://issuer/k"), {}, /^HS256 has a secret, /],
  ...[
    ..."http://issuer/k ftp://127.0.0.1/k file:///etc/passwd http://127.0.0.1.example/k issuer/k".split(" "),
    ..."https://user:secret@issuer/k http://localhost.example/k http://10.0.0.1/k".split(" "),
  ].map((url): [string, Environment, RegExp] => [`${WHOLE} --jwt-jwks ${url}`, {}, UNSAFE]),
])("`%s` with %j is refused", (line, environment, sentence) => {
  const refused = () => settings(line, environment);
  expect(refused).toThrow(UsageError);
  expect(refused).toThrow(sentence);
  expect(refused).not.toThrow(/secret@/);
});
