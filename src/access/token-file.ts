/** The file of the tokens: its shape, checked to the last field, because a field that is passed over could let somebody in. */

import { type Static, Type } from "@sinclair/typebox";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { Value } from "@sinclair/typebox/value";
import { faultOfPattern } from "../events/topic-pattern.ts";
import { SCOPES, type Scope } from "./principal.ts";
import { ID_FORM } from "./token-text.ts";

/** Beside the database, in the data folder. */
export const TOKEN_FILE = "onefold.tokens.json";

/** A file is taken apart on the edge thread: so many cost it a few milliseconds. Who needs more wants JSON Web Tokens. */
export const TOKENS_MAX = 1_000;
export const TOPICS_PER_TOKEN_MAX = 100;
export const TOKEN_FILE_BYTES_MAX = 8 * 1024 * 1024;
export const TOO_LARGE = `it has more than ${TOKEN_FILE_BYTES_MAX} bytes`;

/** Short and plain, because it stands in logs and metrics; and never a token, put there by mistake. */
export const NAME_FORM = /^(?!onefold_)[\w.-]{1,64}$/;

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  /** Of the secret, in hexadecimal. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** Patterns. */
  readonly topics: readonly string[];
  /** Milliseconds since 1970. */
  readonly created: number;
  /** The same; `Infinity` for ever. */
  readonly expires: number;
}

/** The message is one sentence that names the file and what is wrong with it. */
export class TokenFileError extends Error {
  override readonly name = "TokenFileError";
  constructor(path: string, what: string) {
    super(`The token file ${path} cannot be used: ${what}.`);
  }
}

const VERSION = 1;

/** As `Date` writes it: text that is read and written again stays as it is. */
const TIME = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$" });

const TOKEN = Type.Object(
  {
    id: Type.String({ pattern: ID_FORM.source }),
    name: Type.String({ pattern: NAME_FORM.source }),
    sha256: Type.String({ pattern: "^[\\da-f]{64}$" }),
    scopes: Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope))), {
      minItems: 1,
      uniqueItems: true,
    }),
    topics: Type.Array(Type.String(), { minItems: 1, maxItems: TOPICS_PER_TOKEN_MAX }),
    created: TIME,
    expires: Type.Union([TIME, Type.Null()]),
  },
  { additionalProperties: false },
);

const FILE = Type.Object(
  { version: Type.Literal(VERSION), tokens: Type.Array(TOKEN, { maxItems: TOKENS_MAX }) },
  { additionalProperties: false },
);

/** @throws TokenFileError */
export function parseTokenFile(path: string, text: string): StoredToken[] {
  const fail = (what: string): never => {
    throw new TokenFileError(path, what);
  };
  if (Buffer.byteLength(text) > TOKEN_FILE_BYTES_MAX) fail(TOO_LARGE);
  const value = jsonOf(text);
  if (value === undefined) fail("it is not JSON");
  if (!Value.Check(FILE, value)) {
    const version = (value as { version?: unknown } | null)?.version;
    if (Number.isInteger(version) && version !== VERSION)
      fail(`it has version ${version}, known is ${VERSION}`);
    return fail(faultIn(Value.Errors(FILE, value).First()!));
  }
  const tokens = value.tokens.map((token, at) => tokenOf(token, (what) => fail(`/tokens/${at}${what}`)));
  for (const key of ["id", "name"] as const) {
    const twice = firstTwice(tokens.map((token) => token[key]));
    if (twice !== undefined) fail(`the ${key} ${twice} stands there twice`);
  }
  return tokens;
}

/** What a member has to be, where a pattern or a union would be told as such. */
const EXPECTED: Readonly<Record<string, string>> = {
  id: "the id of a token: 12 of a to z and 2 to 7",
  name: "1 to 64 letters, digits, `.`, `_` or `-`, and not to begin like a token",
  sha256: "64 hexadecimal digits",
  created: "a time like 2026-01-02T03:04:05.678Z",
  expires: "a time like 2026-01-02T03:04:05.678Z, or null",
};

/** In words, and never with the value itself, which may be a secret. */
function faultIn({ path, message, type }: ValueError): string {
  if (path === "") return "expected an object with `version` and `tokens`";
  if (type === ValueErrorType.ObjectAdditionalProperties) return `${path} is not known`;
  if (type === ValueErrorType.ObjectRequiredProperty) return `${path} is missing`;
  const [, tokens, at, member, item] = path.split("/");
  const place = `expected ${path} to be`;
  if (tokens !== "tokens" || at === undefined) {
    if (tokens === "version") return `${place} ${VERSION}`;
    return type === ValueErrorType.ArrayMaxItems
      ? `${path} has more than ${TOKENS_MAX} tokens`
      : `${place} a list of tokens`;
  }
  if (member === undefined) return `${place} an object`;
  const known = EXPECTED[member];
  if (known !== undefined) return `${place} ${known}`;
  if (member === "scopes" && item !== undefined) return `${place} one of ${SCOPES.join(", ")}`;
  if (item !== undefined) return `${place} a text`;
  if (type === ValueErrorType.ArrayMinItems) return `${path} is empty`;
  if (type === ValueErrorType.ArrayMaxItems) return `${path} has more than ${TOPICS_PER_TOKEN_MAX}`;
  if (type === ValueErrorType.ArrayUniqueItems) return `${path} has one of them twice`;
  return type === ValueErrorType.Array ? `${place} a list` : `${path}: ${message}`;
}

/** For people, too. */
export function tokenFileText(tokens: readonly StoredToken[]): string {
  const written = tokens.map((token) => ({
    ...token,
    created: timeText(token.created),
    expires: timeText(token.expires),
  }));
  return `${JSON.stringify({ version: VERSION, tokens: written }, null, 2)}\n`;
}

/** @returns null for ever. */
export function timeText(ms: number): string | null {
  return ms === Number.POSITIVE_INFINITY ? null : new Date(ms).toISOString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tokenOf(token: Static<typeof TOKEN>, fail: (what: string) => never): StoredToken {
  const [created, expires] = [token.created, token.expires].map((text) =>
    text === null ? Number.POSITIVE_INFINITY : Date.parse(text),
  );
  if (Number.isNaN(created)) fail("/created: expected a time");
  if (Number.isNaN(expires)) fail("/expires: expected a time or null");
  for (const [at, pattern] of token.topics.entries()) {
    const fault = faultOfPattern(pattern);
    if (fault !== undefined) fail(`/topics/${at}: ${fault}`);
  }
  return { ...token, created: created!, expires: expires! };
}

function firstTwice(texts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return texts.find((text) => seen.has(text) || !seen.add(text));
}
