/**
 * Keys at an address of the issuer's (JWKS): fetched seldom, and those that are known go on while it cannot be reached.
 *
 * Not `createRemoteJWKSet` of jose: that one lets every token wait once its keys have become old and the address is
 * down, asks again for each unknown key after a failure, and takes an answer of any size.
 */

import type { JwtAlgorithm } from "./jwt-algorithms.ts";
import { KeyFault, type KeySet, publicKeysIn, type VerificationKey } from "./jwt-keys.ts";
import type { KeySource } from "./key-source.ts";

/** After so long the address is asked again, while the keys that are known go on. */
export const KEYS_AGE_MAX_MS = 600_000;

/** Whoever sends tokens of unknown keys does not make us ask more often than this. */
export const ASK_AGAIN_MS = 30_000;

/** The same while no keys are known at all, and nobody can be let in. */
export const ASK_AGAIN_WITHOUT_KEYS_MS = 2_000;

/** The whole answer, its body included. */
export const FETCH_TIMEOUT_MS = 5_000;

export const JWKS_BYTES_MAX = 256 * 1024;

export interface RemoteSurroundings {
  /** Milliseconds on a clock that is never set. */
  readonly elapsed: () => number;
  readonly log: (line: string) => void;
  readonly fetchTimeoutMs?: number;
}

export class RemoteKeys implements KeySource {
  #keys: KeySet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly url: URL,
    private readonly algorithm: JwtAlgorithm,
    private readonly surroundings: RemoteSurroundings,
  ) {}

  async find(kid: string | undefined): Promise<readonly VerificationKey[]> {
    if (this.#keys !== undefined) void this.refresh();
    const known = this.#keys?.for(kid) ?? [];
    if (known.length > 0) return known;
    await this.#askNowAndThen();
    return this.#keys?.for(kid) ?? [];
  }

  knows(key: VerificationKey): boolean {
    return this.#keys?.has(key) ?? false;
  }

  refresh(): Promise<void> {
    const isOld = this.#elapsedSince(this.#fetchedAt) > KEYS_AGE_MAX_MS;
    return isOld ? this.#askNowAndThen() : Promise.resolve();
  }

  /** Asks now, however short a while ago that was. What fails is told in the log. */
  reload(): Promise<void> {
    return this.#ask();
  }

  #askNowAndThen(): Promise<void> {
    const pauseMs = this.#keys === undefined ? ASK_AGAIN_WITHOUT_KEYS_MS : ASK_AGAIN_MS;
    if (this.#asking === undefined && this.#elapsedSince(this.#askedAt) < pauseMs) return Promise.resolve();
    return this.#ask();
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Never rejects. */
  async #fetch(): Promise<void> {
    this.#askedAt = this.surroundings.elapsed();
    try {
      const text = await jwksText(this.url, this.surroundings.fetchTimeoutMs ?? FETCH_TIMEOUT_MS);
      this.#keys = await publicKeysIn(text, this.algorithm);
      this.#fetchedAt = this.surroundings.elapsed();
      if (this.#isFailing) this.surroundings.log("the keys of JSON Web Tokens can be fetched again");
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.surroundings.log(this.#sentenceOf(error));
      this.#isFailing = true;
    }
  }

  #sentenceOf(error: unknown): string {
    const { code, message, name } = error as { code?: string; message: string; name: string };
    const reason =
      error instanceof KeyFault
        ? message
        : name === "TimeoutError"
          ? "no whole answer in time"
          : (code ?? message);
    const meanwhile =
      this.#keys === undefined ? "no such token is taken until then" : "those that are known go on";
    return `the keys of JSON Web Tokens cannot be fetched from ${this.url.origin} (${reason}): ${meanwhile}`;
  }

  #elapsedSince(moment: number): number {
    return this.surroundings.elapsed() - moment;
  }
}

/** @throws KeyFault or what `fetch` throws */
async function jwksText(url: URL, timeoutMs: number): Promise<string> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    // Whoever is named in the settings is trusted, and nobody whom that one names.
    redirect: "manual",
    // What is small may grow by a thousand times when it is unpacked.
    decompress: false,
    headers: { accept: "application/json, application/jwk-set+json", "accept-encoding": "identity" },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new KeyFault(`it answers ${response.status}`);
  }
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > JWKS_BYTES_MAX) throw new KeyFault(`it answers with more than ${JWKS_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
