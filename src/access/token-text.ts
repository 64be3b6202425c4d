/** What a token looks like, how it is made, and what is kept of it: never the token itself. */

import { randomBytes } from "node:crypto";

/** Makes a token recognisable, for scanners of secrets as well: `onefold_<id>_<secret>`. */
export const TOKEN_PREFIX = "onefold_";

const ID_LENGTH = 12;
/** Without digits that look like letters. */
const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** 256 bits cannot be guessed, so that a plain SHA-256 of them keeps them. */
const SECRET_BYTES = 32;

const TOKEN_FORM = /^onefold_([a-z2-7]{12})_([\w-]{43})$/;

export const ID_FORM = /^[a-z2-7]{12}$/;

export interface NewToken {
  readonly id: string;
  /** Shown once. */
  readonly text: string;
  /** Of the secret, in hexadecimal. */
  readonly sha256: string;
}

export function newToken(): NewToken {
  const id = [...randomBytes(ID_LENGTH)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join("");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return { id, text: `${TOKEN_PREFIX}${id}_${secret}`, sha256: sha256Of(secret).toString("hex") };
}

/** The parts of a token, or undefined where a text has not its form. */
export function partsOfToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN_FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function sha256Of(secret: string): Buffer {
  const hash = Buffer.allocUnsafe(Bun.SHA256.byteLength);
  Bun.SHA256.hash(secret, hash);
  return hash;
}
