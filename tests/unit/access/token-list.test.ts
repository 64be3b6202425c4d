/** Tokens of our own: whoever is in the file is let in, and nobody else, whatever becomes of the file meanwhile. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import {
  type StoredToken,
  TOKEN_FILE,
  TOKEN_FILE_BYTES_MAX,
  TOPICS_PER_TOKEN_MAX,
  tokenFileText,
} from "../../../src/access/token-file.ts";
import { POLL_INTERVAL_MS, TokenList } from "../../../src/access/token-list.ts";
import { newToken, partsOfToken } from "../../../src/access/token-text.ts";
import { TOKEN_USE_FILE, TokenUse, USE_INTERVAL_MS } from "../../../src/access/token-use.ts";
import { changeTokens, readTokenUses } from "../../../src/maintenance/token-changes.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { refusalOf } from "./refusal.ts";

const NOT_ACCEPTED = "The token is not accepted.";
const START = Date.parse("2026-03-01T00:00:00.000Z");

let folder: TempFolder;
let now: number;
let lines: string[];
const ticks = new Map<number, () => void>();

beforeEach(() => {
  folder = new TempFolder();
  now = START;
  lines = [];
  ticks.clear();
});
afterEach(() => folder[Symbol.dispose]());

const surroundings = {
  now: () => now,
  every: (intervalMs: number, tick: () => void) => {
    ticks.set(intervalMs, tick);
    return () => void ticks.delete(intervalMs);
  },
  log: (line: string) => void lines.push(line),
};

const file = (): string => folder.file(TOKEN_FILE);

async function openList(): Promise<{ list: TokenList; use: TokenUse }> {
  const use = await TokenUse.open(folder.file(TOKEN_USE_FILE), surroundings);
  return { list: await TokenList.open(file(), use, surroundings), use };
}

/** Writes another token into the file. @returns its text. */
function create(more: Partial<StoredToken> = {}): { text: string; id: string } {
  const { id, text, sha256 } = newToken();
  const token: StoredToken = {
    ...{ id, name: id, sha256, scopes: ["publish"], topics: ["orders.*"] },
    ...{ created: START, expires: Number.POSITIVE_INFINITY },
    ...more,
  };
  changeTokens(folder.path, (tokens) => ({ tokens: [...tokens, token], result: undefined }));
  return { text, id };
}

function revoke(id: string): void {
  changeTokens(folder.path, (tokens) => ({
    tokens: tokens.filter((token) => token.id !== id),
    result: undefined,
  }));
}

test("a token is let in with its scopes and topics, and shares one grant each time", async () => {
  const { text } = create({ name: "checkout", scopes: ["publish", "subscribe"], expires: START + 1_000 });
  const { list } = await openList();
  expect(list.isConfigured).toBe(true);
  const principal = list.authenticate(text)!;
  const grant = { subject: "token:checkout", topics: ["orders.*"] };
  expect(principal).toMatchObject({
    ...{ subject: "token:checkout", expiresAt: START + 1_000 },
    grants: { publish: grant, subscribe: grant },
  });
  expect(principal.grants.admin).toBeUndefined();
  expect(principal.isRevoked()).toBe(false);
  expect(list.authenticate(text)).toBe(principal);
  expect(list.authenticate(text)!.grants.publish).toBe(principal.grants.publish!);
});

test("what has not the form of our tokens is somebody else's, what begins like one is refused", async () => {
  const { text } = create();
  const { list } = await openList();
  for (const other of ["", "a.b.c", "Onefold_a_b", ` ${text}`, "__proto__", "constructor"])
    expect(list.authenticate(other)).toBeUndefined();
  const { id, secret } = partsOfToken(text)!;
  const wrong = [
    "onefold_",
    `${text} `,
    `${text}A`,
    text.slice(0, -1),
    `onefold_${id}_`,
    `onefold_${id}_${"A".repeat(43)}`,
    `onefold_${id}_${secret.toLowerCase()}`,
    `onefold_${newToken().id}_${secret}`,
    newToken().text,
    `onefold___proto_____${secret}`,
    `onefold_constructor_${secret}`,
    `onefold_${"a".repeat(1_000_000)}`,
    `onefold_${id}_${secret}\0`,
  ];
  for (const token of wrong) expect(await refusalOf(list, token)).toBe(NOT_ACCEPTED);
});

test("a token ends at its time, and its secret is looked at first", async () => {
  const { text, id } = create({ expires: START + 1_000 });
  const { list } = await openList();
  now = START + 999;
  expect(list.authenticate(text)).toBeDefined();
  now = START + 1_000;
  expect(await refusalOf(list, text)).toBe("The token has expired.");
  expect(await refusalOf(list, `onefold_${id}_${"A".repeat(43)}`)).toBe(NOT_ACCEPTED);
});

test("without a file nothing is configured and nobody let in; the first token changes that while the node runs", async () => {
  const { list } = await openList();
  expect(list.isConfigured).toBe(false);
  expect(await refusalOf(list, newToken().text)).toBe(NOT_ACCEPTED);
  let changes = 0;
  list.onChange = () => void changes++;
  const { text } = create();
  await list.poll();
  expect({ changes, isConfigured: list.isConfigured }).toEqual({ changes: 1, isConfigured: true });
  expect(list.authenticate(text)).toBeDefined();
});

test("a revoked token is out, and who has been let in with it is told; the others keep their principal", async () => {
  const [gone, stays] = [create(), create()];
  const { list } = await openList();
  const [first, second] = [list.authenticate(gone.text)!, list.authenticate(stays.text)!];
  let revoked = 0;
  list.onChange = () => void (revoked += Number(first.isRevoked()));
  revoke(gone.id);
  await list.poll();
  await list.poll();
  expect(revoked).toBe(1);
  expect(await refusalOf(list, gone.text)).toBe(NOT_ACCEPTED);
  expect(second.isRevoked()).toBe(false);
  expect(list.authenticate(stays.text)).toBe(second);
});

test.each<[string, Partial<StoredToken>]>([
  ["scopes", { scopes: ["subscribe"] }],
  ["topics", { topics: ["payments"] }],
  ["expiry", { expires: START + 5 }],
])("a token whose %s change by hand is another one from then on", async (_, more) => {
  const { text } = create();
  const { list } = await openList();
  const before = list.authenticate(text)!;
  changeTokens(folder.path, (tokens) => ({
    tokens: tokens.map((token) => ({ ...token, ...more })),
    result: undefined,
  }));
  await list.poll();
  expect(before.isRevoked()).toBe(true);
  const after = list.authenticate(text)!;
  expect(after.isRevoked()).toBe(false);
  expect(after.expiresAt).toBe(more.expires ?? Number.POSITIVE_INFINITY);
  const { topics } = (after.grants.publish ?? after.grants.subscribe)!;
  expect({ scopes: Object.keys(after.grants), topics }).toEqual({
    scopes: more.scopes ?? (["publish"] as string[]),
    topics: more.topics ?? ["orders.*"],
  } as { scopes: string[]; topics: readonly string[] });
});

test("a file that vanishes leaves nobody in and does not open the node", async () => {
  const { text } = create();
  const { list } = await openList();
  const principal = list.authenticate(text)!;
  rmSync(file());
  await list.poll();
  expect(principal.isRevoked()).toBe(true);
  expect(await refusalOf(list, text)).toBe(NOT_ACCEPTED);
  expect(list.isConfigured).toBe(true);
});

function becomeFolder(): void {
  rmSync(file());
  mkdirSync(file());
}

function becomePipe(): void {
  rmSync(file());
  expect(Bun.spawnSync(["mkfifo", file()]).exitCode).toBe(0);
}

const BROKEN: [string, () => void, RegExp][] = [
  ["no JSON", () => writeFileSync(file(), '{"version":1,'), /it is not JSON/],
  ["an unknown field", () => writeFileSync(file(), '{"version":1,"tokens":[],"x":1}'), /\/x is not known/],
  ["a folder", becomeFolder, /it is no file/],
  ["a pipe", becomePipe, /it is no file/],
  ["far too large", () => truncateSync(file(), TOKEN_FILE_BYTES_MAX + 1), /more than \d+ bytes/],
];

test.each(BROKEN)("a file that is %s refuses a start, by name", async (_, breakFile, reason) => {
  create();
  breakFile();
  const error = (await openList().catch((thrown: Error) => thrown)) as Error;
  expect(error.message).toMatch(reason);
  expect(error.message).toMatch(/^The token file \S+onefold\.tokens\.json cannot be used: [^\n]+\.$/);
});

test.each(BROKEN)(
  "a running node keeps what it knew when the file becomes %s, says so once, and heals",
  async (_, breakFile, reason) => {
    const { text } = create();
    const { list } = await openList();
    const principal = list.authenticate(text)!;
    const good = readFileSync(file(), "utf8");
    breakFile();
    for (let poll = 0; poll < 3; poll++) await list.poll();
    expect(lines).toEqual([expect.stringMatching(reason)]);
    expect(list.authenticate(text)).toBe(principal);
    expect(await refusalOf(list, newToken().text)).toBe(NOT_ACCEPTED);
    rmSync(file(), { recursive: true });
    writeFileSync(file(), good);
    await list.poll();
    expect(lines.slice(1)).toEqual(["the token file can be used again"]);
    expect(list.authenticate(text)).toBe(principal);
    revoke(partsOfToken(text)!.id);
    await list.poll();
    expect(principal.isRevoked()).toBe(true);
  },
);

test("a file that cannot be used and was never there before closes the node as well", async () => {
  const { list } = await openList();
  writeFileSync(file(), "garbage");
  await list.poll();
  expect(list.isConfigured).toBe(true);
  expect(lines).toHaveLength(1);
});

test("it looks at the file four times a second until it is closed, and one look at a time", async () => {
  const { list } = await openList();
  expect(ticks.has(POLL_INTERVAL_MS)).toBe(true);
  expect(POLL_INTERVAL_MS).toBeLessThanOrEqual(250);
  const look = list.poll();
  expect(list.poll()).toBe(look);
  await look;
  const { text } = create();
  ticks.get(POLL_INTERVAL_MS)!();
  await list.poll();
  expect(list.authenticate(text)).toBeDefined();
  list.close();
  expect(ticks.has(POLL_INTERVAL_MS)).toBe(false);
});

test("when a token was used last is written behind, read again, and forgotten with the token", async () => {
  const [first, second] = [create(), create()];
  const { list, use } = await openList();
  list.authenticate(first.text);
  await refusalOf(list, `onefold_${second.id}_${"A".repeat(43)}`);
  expect(readTokenUses(folder.path).size).toBe(0);
  ticks.get(USE_INTERVAL_MS)!();
  await use.save();
  expect([...readTokenUses(folder.path)]).toEqual([[first.id, START]]);
  expect(statSync(folder.file(TOKEN_USE_FILE)).mode & 0o777).toBe(0o600);
  const { list: again, use: useAgain } = await openList();
  now += 1_000;
  again.authenticate(second.text);
  await useAgain.close();
  expect(new Map(readTokenUses(folder.path))).toEqual(
    new Map([
      [first.id, START],
      [second.id, START + 1_000],
    ]),
  );
  revoke(first.id);
  await again.poll();
  again.authenticate(second.text);
  await useAgain.close();
  expect([...readTokenUses(folder.path).keys()]).toEqual([second.id]);
  expect(readdirSync(folder.path).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("a disk that takes no last use lets everybody in all the same, and is told of once", async () => {
  const { text } = create();
  const { list, use } = await openList();
  mkdirSync(folder.file(`${TOKEN_USE_FILE}.new`));
  for (let round = 0; round < 3; round++) {
    expect(list.authenticate(text)).toBeDefined();
    await use.save();
  }
  expect(lines).toEqual([expect.stringMatching(/^when tokens were used last cannot be written \(/)]);
  rmSync(folder.file(`${TOKEN_USE_FILE}.new`), { recursive: true });
  await use.save();
  expect([...readTokenUses(folder.path).keys()]).toEqual([partsOfToken(text)!.id]);
});

test("a disk that hangs lets everybody in all the same, and is asked by one write at a time", async () => {
  const { text } = create();
  const { list, use } = await openList();
  const pipe = folder.file(`${TOKEN_USE_FILE}.new`);
  // Opening a pipe waits until somebody reads from it.
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  list.authenticate(text);
  const hanging = use.save();
  for (let round = 0; round < 100; round++) {
    expect(list.authenticate(text)).toBeDefined();
    expect(use.save()).toBe(hanging);
  }
  revoke(partsOfToken(text)!.id);
  await list.poll();
  expect(await refusalOf(list, text)).toBe(NOT_ACCEPTED);
  expect(await Bun.$`cat ${pipe}`.text()).toContain('"used"');
  await hanging;
});

test.each([
  "",
  "garbage",
  "null",
  '{"used":5}',
  '{"used":{"__proto__":"2026-01-01","constructor":"x","aaaaaaaaaaaa":{}}}',
])("times of last use that read %j keep nobody out", async (content) => {
  writeFileSync(folder.file(TOKEN_USE_FILE), content);
  const { text } = create();
  const { list, use } = await openList();
  expect(list.authenticate(text)).toBeDefined();
  await use.close();
  expect([...readTokenUses(folder.path).keys()]).toEqual([partsOfToken(text)!.id]);
});

test("the file is for its owner's eyes only, also where it was open before and a killed command left something behind", () => {
  writeFileSync(file(), tokenFileText([]));
  chmodSync(file(), 0o644);
  writeFileSync(`${file()}.new`, "half");
  chmodSync(`${file()}.new`, 0o666);
  create();
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path).sort()).toEqual([TOKEN_FILE, `${TOKEN_FILE}.lock`]);
});

test("a file that a node would not read is not written", () => {
  create();
  const before = readFileSync(file(), "utf8");
  const topics = Array.from({ length: TOPICS_PER_TOKEN_MAX }, (_, i) => `${"é".repeat(240)}${i}`);
  const many = Array.from({ length: 200 }, (): StoredToken => {
    const { id, sha256 } = newToken();
    return { id, name: id, sha256, scopes: ["publish"], topics, created: START, expires: START };
  });
  const change = (count: number) => () => ({ tokens: many.slice(0, count), result: undefined });
  expect(() => changeTokens(folder.path, change(200))).toThrow(
    `it has more than ${TOKEN_FILE_BYTES_MAX} bytes.`,
  );
  expect(readFileSync(file(), "utf8")).toBe(before);
  changeTokens(folder.path, change(150));
  expect(statSync(file()).size).toBeWithin(7_000_000, TOKEN_FILE_BYTES_MAX);
});

test("a change that fails leaves the file as it was", () => {
  create();
  const before = readFileSync(file(), "utf8");
  const fails = () => {
    throw new Error("no");
  };
  expect(() => changeTokens(folder.path, fails)).toThrow("no");
  expect(() =>
    changeTokens(folder.path, (tokens) => ({ tokens: [...tokens, ...tokens], result: 0 })),
  ).toThrow("twice");
  expect(readFileSync(file(), "utf8")).toBe(before);
  renameSync(file(), folder.file("elsewhere"));
  writeFileSync(file(), "garbage");
  expect(() => create()).toThrow("it is not JSON");
  expect(readFileSync(file(), "utf8")).toBe("garbage");
});
