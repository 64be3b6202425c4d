/** JSON Web Tokens of somebody else: whose signature, issuer, audience and time are right is let in as its claims say. */

import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { refuse } from "../problem.ts";
import type { Authenticator } from "./authenticator.ts";
import type { JwtAlgorithm } from "./jwt-algorithms.ts";
import { type Claims, identityOf, scopesOf, subjectOf, topicsOf } from "./jwt-claims.ts";
import type { VerificationKey } from "./jwt-keys.ts";
import { GivenKeys, type KeySource } from "./key-source.ts";
import { type Principal, principalOf } from "./principal.ts";
import { RemoteKeys, type RemoteSurroundings } from "./remote-keys.ts";

export interface JwtSettings {
  readonly algorithm: JwtAlgorithm;
  readonly issuer: string;
  readonly audience: string;
  readonly scopeClaim: string;
  readonly topicsClaim: string;
  readonly keys:
    | { readonly file: string }
    | { readonly text: string; readonly origin: string }
    | { readonly url: URL };
}

export interface JwtSurroundings extends RemoteSurroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A longer one is refused unread. */
export const JWT_LENGTH_MAX = 8_192;

/** By how much the issuer's clock may differ from ours. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** So many tokens are remembered for so long, so that not every request costs a signature. */
export const VERIFIED_TOKENS_MAX = 10_000;
export const VERIFIED_FOR_MS = 300_000;

/** Characters of these tokens in all: what is remembered of one is the topics that it names. */
export const VERIFIED_LENGTH_MAX = 8 * 1024 * 1024;

const JWT_FORM = /^[\w-]+\.[\w-]+\.[\w-]*$/;

const NOT_ACCEPTED = "The token is not accepted.";

interface Verified {
  readonly principal: Principal;
  readonly until: number;
  /** Of the token. */
  readonly length: number;
}

export class JwtAuthenticator implements Authenticator {
  readonly isConfigured = true;
  /** By the SHA-256 of a token; in the order of their arrival. */
  #verified = new Map<string, Verified>();
  #verifiedLength = 0;
  readonly #verifying = new Map<string, Promise<Principal>>();

  private constructor(
    private readonly settings: JwtSettings,
    private readonly keys: KeySource,
    private readonly surroundings: JwtSurroundings,
  ) {}

  /**
   * Keys at an address are fetched, and asked for again later where that fails: a node starts without its network.
   * @throws Error with one sentence where keys that were given cannot be used
   */
  static async open(settings: JwtSettings, surroundings: JwtSurroundings): Promise<JwtAuthenticator> {
    const keys = await openKeys(settings, surroundings);
    return new JwtAuthenticator(settings, keys, surroundings);
  }

  authenticate(credential: string): Principal | Promise<Principal> | undefined {
    if (credential.length > JWT_LENGTH_MAX) refuse("unauthorized", "The token is too long.");
    if (!JWT_FORM.test(credential)) return undefined;
    const hash = Bun.SHA256.hash(credential, "base64");
    const known = this.#verified.get(hash);
    if (known !== undefined && known.until > this.surroundings.now() && !known.principal.isRevoked()) {
      return known.principal;
    }
    const verifying = this.#verifying.get(hash) ?? this.#verifyOnce(hash, credential);
    this.#verifying.set(hash, verifying);
    return verifying;
  }

  /** To be called now and then: a key that its issuer has taken back is to end the sockets it let in. Never rejects. */
  refreshKeys(): Promise<void> {
    return this.keys.refresh();
  }

  /** Reads the keys again; whoever came with one that is gone is let in no more. @throws Error with one sentence */
  async reload(): Promise<void> {
    try {
      await this.keys.reload();
    } finally {
      this.#verified = new Map();
      this.#verifiedLength = 0;
    }
  }

  /** Two requests with one token share its principal, also when they come at once. */
  #verifyOnce(hash: string, token: string): Promise<Principal> {
    return this.#verify(token)
      .then((principal) => {
        this.#remember(hash, token.length, principal);
        return principal;
      })
      .finally(() => this.#verifying.delete(hash));
  }

  async #verify(token: string): Promise<Principal> {
    const { algorithm, issuer, audience } = this.settings;
    const { alg, kid } = headerOf(token);
    if (alg !== algorithm) refuse("unauthorized", "The token is signed with an algorithm that is not taken.");
    if (kid !== undefined && typeof kid !== "string") refuse("unauthorized", NOT_ACCEPTED);
    const keys = await this.keys.find(kid);
    if (keys.length === 0) refuse("unauthorized", "The token is signed with a key that is not known.");
    const rules = {
      algorithms: [algorithm],
      issuer,
      audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.surroundings.now()),
    };
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(token, key.key, rules);
        return this.#principalOf(payload, key);
      } catch (error) {
        // It may be signed with the next one.
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        if (error instanceof errors.JOSEError) refuse("unauthorized", reasonOf(error));
        throw error;
      }
    }
    return refuse("unauthorized", NOT_ACCEPTED);
  }

  /** @throws ProblemError `unauthorized` */
  #principalOf(claims: Claims, key: VerificationKey): Principal {
    const { scopeClaim, topicsClaim } = this.settings;
    const { exp } = claims as { exp: number };
    if (!Number.isFinite(exp)) refuse("unauthorized", NO_TIME);
    return principalOf({
      subject: subjectOf(claims),
      identity: identityOf(claims),
      scopes: scopesOf(claims, scopeClaim),
      topics: topicsOf(claims, topicsClaim),
      expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000,
      isRevoked: () => !this.keys.knows(key),
    });
  }

  /** Those that came first go first: at the latest when their time is over, to within five minutes. */
  #remember(hash: string, length: number, principal: Principal): void {
    const now = this.surroundings.now();
    this.#forget(hash);
    for (const [oldest, { until }] of this.#verified) {
      const isFull =
        this.#verified.size >= VERIFIED_TOKENS_MAX || this.#verifiedLength + length > VERIFIED_LENGTH_MAX;
      if (until > now && !isFull) break;
      this.#forget(oldest);
    }
    const until = Math.min(principal.expiresAt, now + VERIFIED_FOR_MS);
    this.#verified.set(hash, { principal, until, length });
    this.#verifiedLength += length;
  }

  #forget(hash: string): void {
    this.#verifiedLength -= this.#verified.get(hash)?.length ?? 0;
    this.#verified.delete(hash);
  }

  /** How many tokens are remembered. */
  get remembered(): number {
    return this.#verified.size;
  }
}

async function openKeys({ keys, algorithm }: JwtSettings, surroundings: JwtSurroundings): Promise<KeySource> {
  if ("file" in keys) return GivenKeys.ofFile(keys.file, algorithm);
  if ("text" in keys) return GivenKeys.ofText(keys.text, keys.origin, algorithm);
  const remote = new RemoteKeys(keys.url, algorithm, surroundings);
  await remote.reload();
  return remote;
}

function headerOf(token: string): { readonly alg?: unknown; readonly kid?: unknown } {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return refuse("unauthorized", NOT_ACCEPTED);
  }
}

const NO_TIME = "The token does not say when it expires.";

/** What a fault of a token that is rightly signed is called; never in words of its own. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "The token has expired.";
  if (!(error instanceof errors.JWTClaimValidationFailed)) return NOT_ACCEPTED;
  switch (error.claim) {
    case "exp":
      return NO_TIME;
    case "nbf":
      return "The token is not valid yet.";
    case "iss":
      return "The token is of another issuer.";
    case "aud":
      return "The token is for another audience.";
    default:
      return NOT_ACCEPTED;
  }
}
