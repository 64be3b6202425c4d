/** Where the keys of JSON Web Tokens come from: a file or variable of ours, or an address of the issuer's. */

import { readFile } from "node:fs/promises";
import type { JwtAlgorithm } from "./jwt-algorithms.ts";
import { KeyFault, type KeySet, keysIn, type VerificationKey } from "./jwt-keys.ts";

export interface KeySource {
  /** Those that a token may be signed with which names this key, or none. Never rejects. */
  find(kid: string | undefined): Promise<readonly VerificationKey[]>;
  /** Whether a key still counts. */
  knows(key: VerificationKey): boolean;
  /** Looks for other keys where those that are known have become old. Never rejects. */
  refresh(): Promise<void>;
  /** Looks for other keys. @throws Error with one sentence; then those that were known go on */
  reload(): Promise<void>;
}

/** Far more than the keys that a set may have. */
const KEY_FILE_BYTES_MAX = 256 * 1024;

/** Keys of a text that somebody has put there for us. */
export class GivenKeys implements KeySource {
  private constructor(
    private keys: KeySet,
    private readonly read: () => Promise<KeySet>,
  ) {}

  /** @throws Error with one sentence */
  static async ofFile(path: string, algorithm: JwtAlgorithm): Promise<GivenKeys> {
    const read = async (): Promise<KeySet> => {
      const text = await contentOf(path);
      return named(`The key file ${path}`, () => keysIn(text, algorithm));
    };
    return new GivenKeys(await read(), read);
  }

  /** @throws Error with one sentence */
  static async ofText(text: string, origin: string, algorithm: JwtAlgorithm): Promise<GivenKeys> {
    const read = (): Promise<KeySet> => named(`The key in ${origin}`, () => keysIn(text, algorithm));
    return new GivenKeys(await read(), read);
  }

  find(kid: string | undefined): Promise<readonly VerificationKey[]> {
    return Promise.resolve(this.keys.for(kid));
  }

  knows(key: VerificationKey): boolean {
    return this.keys.has(key);
  }

  /** Whoever has put them there says by a reload when there are others. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  async reload(): Promise<void> {
    this.keys = await this.read();
  }
}

async function contentOf(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Error(`The key file ${path} cannot be read (${(error as Error).message}).`, { cause: error });
  }
  if (bytes.length > KEY_FILE_BYTES_MAX)
    throw new Error(`The key file ${path} cannot be used: it has more than ${KEY_FILE_BYTES_MAX} bytes.`);
  return bytes.toString("utf8");
}

async function named(what: string, read: () => Promise<KeySet>): Promise<KeySet> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KeyFault)
      throw new Error(`${what} cannot be used: ${error.message}.`, { cause: error });
    throw error;
  }
}
