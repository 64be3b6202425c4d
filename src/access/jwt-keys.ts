/** Keys that JSON Web Tokens are checked with, out of whatever text they come in: PEM, JWK, JWKS, or a secret. */

import { createHash, createPublicKey } from "node:crypto";
import { calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { type JwtAlgorithm, KEY_KINDS, RSA_BITS_MIN, SECRET_BYTES_MIN } from "./jwt-algorithms.ts";

/** A token that names no key is tried with each. */
export const KEYS_MAX = 32;

export interface VerificationKey {
  /** Names the key itself, whatever set it is in. */
  readonly thumbprint: string;
  readonly kid: string | undefined;
  readonly key: CryptoKey | Uint8Array;
}

/** A key that cannot be used; the message completes "… cannot be used: ". */
export class KeyFault extends Error {
  override readonly name = "KeyFault";
}

export class KeySet {
  readonly #thumbprints: ReadonlySet<string>;

  constructor(private readonly keys: readonly VerificationKey[]) {
    this.#thumbprints = new Set(keys.map(({ thumbprint }) => thumbprint));
  }

  /** The keys that a token may be signed with: those it names, else those that have no name, which a PEM never has. */
  for(kid: string | undefined): readonly VerificationKey[] {
    if (kid === undefined) return this.keys;
    const named = this.keys.filter((key) => key.kid === kid);
    return named.length > 0 ? named : this.keys.filter((key) => key.kid === undefined);
  }

  has({ thumbprint }: VerificationKey): boolean {
    return this.#thumbprints.has(thumbprint);
  }
}

/**
 * Keys that somebody has put there for us: every one of them must be right.
 * @throws KeyFault
 */
export async function keysIn(text: string, algorithm: JwtAlgorithm): Promise<KeySet> {
  const jwks = text.trimStart().startsWith("{") ? jwksOf(text) : undefined;
  if (algorithm === "HS256" && jwks === undefined) return new KeySet([secretOf(text)]);
  const all = jwks ?? jwksOfPem(text);
  for (const jwk of all) refuseUnfit(jwk, algorithm);
  return new KeySet(await imported(all, algorithm));
}

/**
 * Keys that a public address gives, of which those for other uses are passed over.
 * @throws KeyFault where nothing is left
 */
export async function publicKeysIn(text: string, algorithm: JwtAlgorithm): Promise<KeySet> {
  const usable = jwksOf(text).filter((jwk) => {
    try {
      refuseUnfit(jwk, algorithm);
      return true;
    } catch {
      return false;
    }
  });
  return new KeySet(await imported(usable, algorithm));
}

async function imported(jwks: readonly JWK[], algorithm: JwtAlgorithm): Promise<VerificationKey[]> {
  if (jwks.length === 0) throw new KeyFault(`there is no key for ${algorithm} in it`);
  if (jwks.length > KEYS_MAX) throw new KeyFault(`there are more than ${KEYS_MAX} keys in it`);
  try {
    return await Promise.all(
      jwks.map(async (jwk) => ({
        thumbprint: await calculateJwkThumbprint(jwk),
        kid: jwk.kid,
        // What else the key says of itself was looked at already.
        key: (await importJWK(bare(jwk), algorithm)) as CryptoKey | Uint8Array,
      })),
    );
  } catch {
    throw new KeyFault(`there is a key in it that is none for ${algorithm}`);
  }
}

function bare({ kty, crv, x, y, n, e, k }: JWK): JWK {
  const members = Object.entries({ kty, crv, x, y, n, e, k }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members) as unknown as JWK;
}

/** @throws KeyFault */
function refuseUnfit(jwk: JWK, algorithm: JwtAlgorithm): void {
  const { kty, crv } = KEY_KINDS[algorithm];
  if (jwk.d !== undefined)
    throw new KeyFault("there is a private key in it, and only the public one belongs here");
  const fits = jwk.kty === kty && jwk.crv === crv;
  const isForIt = (jwk.alg ?? algorithm) === algorithm && (jwk.use ?? "sig") === "sig";
  const mayVerify =
    jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"));
  const hasName = jwk.kid === undefined || typeof jwk.kid === "string";
  if (!fits || !isForIt || !mayVerify || !hasName)
    throw new KeyFault(`there is a key in it that is none for ${algorithm}`);
  if (kty === "RSA" && bitsOf(jwk.n) < RSA_BITS_MIN)
    throw new KeyFault(`there is an RSA key in it of less than ${RSA_BITS_MIN} bits`);
  if (kty === "oct" && bytesOf(jwk.k).length < SECRET_BYTES_MIN) throw new KeyFault(TOO_SHORT);
}

const TOO_SHORT = `the secret has less than ${SECRET_BYTES_MIN} bytes`;

function bytesOf(base64url: unknown): Buffer {
  return Buffer.from(typeof base64url === "string" ? base64url : "", "base64url");
}

/** Of a number, without the zeros in front. */
function bitsOf(base64url: unknown): number {
  const bytes = bytesOf(base64url);
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first]!) - 24);
}

/** @throws KeyFault */
function jwksOf(text: string): JWK[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeyFault("it is not JSON");
  }
  const { keys = [value] } = (value ?? {}) as { keys?: unknown };
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null);
  if (!isList) throw new KeyFault("it is neither a JWK nor a JWKS");
  return keys as JWK[];
}

/** Several, one after the other, are several keys: so one can be replaced by another while tokens of both are about. */
function jwksOfPem(text: string): JWK[] {
  if (/PRIVATE KEY-----/.test(text)) {
    throw new KeyFault("there is a private key in it, and only the public one belongs here");
  }
  const blocks = text.match(/-----BEGIN ([A-Z\d ]+)-----[^-]+-----END \1-----/g) ?? [];
  if (blocks.length === 0) throw new KeyFault("it is neither PEM nor JSON");
  try {
    return blocks.map((block) => createPublicKey(block).export({ format: "jwk" }) as JWK);
  } catch {
    throw new KeyFault("there is something in it that is no public key");
  }
}

/** @throws KeyFault */
function secretOf(text: string): VerificationKey {
  if (text.includes("-----BEGIN ")) throw new KeyFault("it is a PEM, and HS256 takes a secret");
  // The line's end is the editor's.
  const key = new Uint8Array(Buffer.from(text.replace(/\r?\n$/, "")));
  if (key.length < SECRET_BYTES_MIN) throw new KeyFault(TOO_SHORT);
  return { thumbprint: createHash("sha256").update(key).digest("hex"), kid: undefined, key };
}
