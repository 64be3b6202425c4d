/** An issuer of JSON Web Tokens: keys of every kind, honest tokens, and headers that no honest issuer writes. */

import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { JwtSettings } from "../../src/access/jwt.ts";
import type { JwtAlgorithm } from "../../src/access/jwt-algorithms.ts";

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "onefold";

/** In seconds since 1970. */
export const NOW = 1_800_000_000;

export const SECRET = "0123456789abcdef0123456789abcdef";

export interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const rsa = (bits = 2_048): Pair => generateKeyPairSync("rsa", { modulusLength: bits });
export const ec = (namedCurve = "P-256"): Pair => generateKeyPairSync("ec", { namedCurve });
export const ed = (): Pair => generateKeyPairSync("ed25519");

export function pemOf({ publicKey }: Pair): string {
  return publicKey.export({ type: "spki", format: "pem" }) as string;
}

export function jwkOf({ publicKey }: Pair, more: object = {}): object {
  return { ...publicKey.export({ format: "jwk" }), ...more };
}

export const claims = (more: object = {}): object => ({
  ...{ iss: ISSUER, aud: AUDIENCE, sub: "device-7", exp: NOW + 600 },
  ...{ scope: "publish subscribe", topics: ["orders.*"] },
  ...more,
});

const part = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Signs whatever header and claims there are; text stands for itself. */
export function jwt(header: unknown, payload: unknown, signature: (input: string) => Buffer): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${signature(input).toString("base64url")}`;
}

export const withSecret =
  (secret: string | Buffer = SECRET) =>
  (input: string): Buffer =>
    createHmac("sha256", secret).update(input).digest();

export const withRsa =
  ({ privateKey }: Pair) =>
  (input: string): Buffer =>
    createSign("sha256").update(input).sign(privateKey);

export const withEc =
  ({ privateKey }: Pair) =>
  (input: string): Buffer =>
    sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });

export const withEd =
  ({ privateKey }: Pair) =>
  (input: string): Buffer =>
    sign(null, Buffer.from(input), privateKey);

export const settingsFor = (algorithm: JwtAlgorithm, keys: JwtSettings["keys"]): JwtSettings => ({
  ...{ algorithm, keys, issuer: ISSUER, audience: AUDIENCE },
  ...{ scopeClaim: "scope", topicsClaim: "topics" },
});
