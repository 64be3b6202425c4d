/** `onefold token create`, `list` and `revoke`: who may bring which token, said in a file that a running node follows. */

import { rmSync, writeFileSync } from "node:fs";
import { SCOPES, type Scope } from "../access/principal.ts";
import {
  NAME_FORM,
  type StoredToken,
  TOKENS_MAX,
  TOPICS_PER_TOKEN_MAX,
  timeText,
} from "../access/token-file.ts";
import { type NewToken, newToken, partsOfToken } from "../access/token-text.ts";
import type { Flags, Operand, ValuesOf } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlags, parseFlagsAndOperand, UsageError } from "../config/parse-flags.ts";
import { faultOfPattern } from "../events/topic-pattern.ts";
import { changeTokens, readTokens, readTokenUses } from "../maintenance/token-changes.ts";
import { UnfinishedFile } from "../maintenance/unfinished-file.ts";
import { nearest, nearestOrAll } from "../nearest.ts";
import type { Command, Surroundings } from "./command.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { JSON_FLAG, resultText } from "./result.ts";

/** What is good for longer may as well be good for ever. */
const EXPIRES_MAX_MS = 100 * 365 * 24 * 3_600_000;

const FILE_MODE = 0o600;

const CREATE_FLAGS = {
  data: DATA_FLAG,
  scope: {
    kind: "text",
    default: "",
    placeholder: "SCOPES",
    help: `What it may do: ${SCOPES.join(", ")}; several with commas. Must be said.`,
  },
  topics: {
    kind: "text",
    default: "*",
    placeholder: "PATTERNS",
    help: "Topics that it covers, or prefixes with one final *; several with commas.",
  },
  expires: {
    kind: "duration",
    default: 0,
    help: "How long it is good for; 0s is for ever.",
  },
  name: {
    kind: "text",
    default: "",
    placeholder: "NAME",
    help: "What it is listed and revoked by; its id without one. An expired token of that name makes room.",
  },
  output: {
    kind: "text",
    default: "",
    placeholder: "FILE",
    help: "Writes the token there, for its owner's eyes only, and not to standard output.",
  },
  replace: {
    kind: "switch",
    default: false,
    help: "Takes back the token that has the name, and writes over the file of --output.",
  },
  json: JSON_FLAG,
} as const satisfies Flags;

export const tokenCreate: Command = {
  name: "token create",
  summary: "Makes a token and prints it, once.",
  flags: CREATE_FLAGS,
  note: "A node that runs takes it within a second. Only the token goes to standard output.",
  run: runCreate,
};

const LIST_FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const satisfies Flags;

export const tokenList: Command = {
  name: "token list",
  summary: "Lists the tokens, what they may do, and when they were used last.",
  flags: LIST_FLAGS,
  run: runList,
};

const WHICH = {
  placeholder: "ID|NAME",
  isRequired: true,
  help: "The token, as `onefold token list` has it.",
} as const satisfies Operand;

export const tokenRevoke: Command = {
  name: "token revoke",
  summary: "Takes a token back; a running node closes its connections within a second.",
  flags: LIST_FLAGS,
  operand: WHICH,
  run: runRevoke,
};

async function runCreate(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const flags = parseFlags(CREATE_FLAGS, args, variablesOf(environment));
  const token = newToken();
  const stored = storedToken(token, flags, Date.now());
  if (flags.output === "") addToken(flags, stored);
  else {
    if (flags.replace) rmSync(flags.output, { force: true });
    using file = new UnfinishedFile(flags.output);
    writeFileSync(file.path, `${token.text}\n`, { flag: "wx", mode: FILE_MODE });
    addToken(flags, stored);
    file.finish();
  }
  const shown = flags.output === "" ? { token: token.text } : { output: flags.output };
  if (flags.json) console.log(JSON.stringify({ ...membersOf(stored), ...shown }));
  else if (flags.output === "") console.log(token.text);
  console.error(`onefold: ${sentenceOf(stored, flags)}`);
  return 0;
}

async function runList(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const flags = parseFlags(LIST_FLAGS, args, variablesOf(environment));
  const uses = readTokenUses(flags.data);
  const now = Date.now();
  const rows = readTokens(flags.data).map((token) => {
    const lastUsed = uses.get(token.id);
    return {
      ...membersOf(token),
      last_used: lastUsed === undefined ? null : timeText(lastUsed),
      state: token.expires <= now ? "expired" : "active",
    };
  });
  const text = rows.length === 0 ? "There are no tokens." : tableOf(rows);
  console.log(resultText(flags, { members: { tokens: rows }, text }));
  return 0;
}

async function runRevoke(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const { flags, operand } = parseFlagsAndOperand(LIST_FLAGS, WHICH, args, variablesOf(environment));
  // Somebody may have nothing but the token itself; what is said of it is its id.
  const which = partsOfToken(operand)?.id ?? operand;
  // Looked at first, so that no folder is made for nothing.
  if (readTokens(flags.data).length === 0) throw new Error("There are no tokens.");
  const revoked = changeTokens(flags.data, (tokens) => {
    const token = tokens.find(({ id }) => id === which) ?? tokens.find(({ name }) => name === which);
    if (token === undefined) throw new Error(notFound(which, tokens));
    return { tokens: tokens.filter((other) => other !== token), result: token };
  });
  const { id, name } = revoked;
  console.log(resultText(flags, { members: { id, name, revoked: true }, text: `Revoked ${name} (${id}).` }));
  return 0;
}

type CreateFlags = ValuesOf<typeof CREATE_FLAGS>;

/** @throws UsageError */
function storedToken({ id, sha256 }: NewToken, flags: CreateFlags, now: number): StoredToken {
  const { name, expires } = flags;
  if (name !== "" && !NAME_FORM.test(name)) {
    throw new UsageError(
      "Expected --name to have 1 to 64 letters, digits, `.`, `_` or `-`, and not to begin like a token.",
    );
  }
  if (expires > EXPIRES_MAX_MS)
    throw new UsageError("Expected --expires to be 36500d at most, or 0s for ever.");
  return {
    id,
    name: name === "" ? id : name,
    sha256,
    scopes: scopesIn(flags.scope),
    topics: topicsIn(flags.topics),
    created: now,
    expires: expires === 0 ? Number.POSITIVE_INFINITY : now + expires,
  };
}

/** @throws Error with one sentence */
function addToken({ data, replace }: CreateFlags, token: StoredToken): void {
  changeTokens(data, (tokens) => {
    const isKept = ({ name, expires }: StoredToken): boolean =>
      name !== token.name || (expires > token.created && !replace);
    const kept = tokens.filter(isKept);
    if (kept.some(({ id, name }) => id === token.name || name === token.name)) {
      throw new Error(
        `There is a token ${token.name} already: revoke it first, or give this one another name.`,
      );
    }
    if (kept.length >= TOKENS_MAX) {
      throw new Error(`There are ${TOKENS_MAX} tokens, which is as many as there may be: revoke some.`);
    }
    return { tokens: [...kept, token], result: undefined };
  });
}

/** @throws UsageError */
function scopesIn(text: string): Scope[] {
  if (text === "") throw new UsageError(`Say with --scope what the token may do: ${SCOPES.join(", ")}.`);
  const names = new Set(text.split(","));
  const wrong = [...names].find((name) => !isScope(name));
  if (wrong !== undefined) {
    throw new UsageError(`There is no scope \`${wrong}\`; ${nearestOrAll(wrong, SCOPES)}.`);
  }
  return SCOPES.filter((scope) => names.has(scope));
}

function isScope(name: string): name is Scope {
  return (SCOPES as readonly string[]).includes(name);
}

/** @throws UsageError */
function topicsIn(text: string): string[] {
  const patterns = [...new Set(text.split(","))];
  for (const pattern of patterns) {
    const fault = faultOfPattern(pattern);
    if (fault !== undefined)
      throw new UsageError(`Expected --topics to name topics: \`${pattern}\` ${fault}.`);
  }
  if (patterns.length > TOPICS_PER_TOKEN_MAX) {
    throw new UsageError(`Expected --topics to name ${TOPICS_PER_TOKEN_MAX} patterns at most.`);
  }
  return patterns;
}

function notFound(which: string, tokens: readonly StoredToken[]): string {
  if (tokens.length === 0) return "There are no tokens.";
  if (!NAME_FORM.test(which)) return "There is no such token: `onefold token list` has their ids and names.";
  // An id is nothing that somebody misspells: one that looks like it is another token.
  const names = tokens.flatMap(({ id, name }) => (name === id ? [] : [name]));
  const meant = nearest(which, names);
  if (meant !== undefined) return `There is no token ${which}; the nearest is ${meant}.`;
  return `There is no token ${which}: \`onefold token list\` has their ids and names.`;
}

interface TokenMembers {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly topics: readonly string[];
  readonly created: string | null;
  readonly expires: string | null;
}

function membersOf({ id, name, scopes, topics, created, expires }: StoredToken): TokenMembers {
  return { id, name, scopes, topics, created: timeText(created), expires: timeText(expires) };
}

function sentenceOf({ id, name, scopes, topics, expires }: StoredToken, { output }: CreateFlags): string {
  const until = timeText(expires);
  const where = output === "" ? "It is not shown again." : `It is in ${output}.`;
  return (
    `Token ${name} (${id}) may ${scopes.join(", ")} on ${topics.join(", ")}, ` +
    `${until === null ? "for ever" : `until ${until}`}. ${where}`
  );
}

type Row = TokenMembers & { readonly last_used: string | null; readonly state: string };

function tableOf(rows: readonly Row[]): string {
  const heads = ["id", "name", "scopes", "topics", "created", "last used", "expires", "state"];
  const lines = rows.map((row) => [
    row.id,
    row.name,
    row.scopes.join(","),
    row.topics.join(","),
    row.created ?? "",
    row.last_used ?? "never",
    row.expires ?? "never",
    row.state,
  ]);
  const widths = heads.map((head, at) => Math.max(head.length, ...lines.map((line) => line[at]!.length)));
  return [heads, ...lines]
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
