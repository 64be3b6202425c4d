/** `onefold token`: what it makes, lists and takes back, however many do so at once and whatever ends them meanwhile. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTokenFile, TOKEN_FILE, tokenFileText } from "../../src/access/token-file.ts";
import { partsOfToken, sha256Of } from "../../src/access/token-text.ts";
import { TOKEN_USE_FILE } from "../../src/access/token-use.ts";
import { BearerGate } from "../support/bearer-gate.ts";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { cleanEnvironment, executable, NodeProcess, runToExit } from "../support/node-process.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { refusalOf, resultOf } from "./tools/tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly topics: readonly string[];
  readonly created: string;
  readonly last_used: string | null;
  readonly expires: string | null;
  readonly state: string;
}

/** A token that must come to be. @returns its text. */
async function create(data: string, ...flags: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runToExit(["token", "create", "--data", data, ...flags]);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^onefold_[a-z2-7]{12}_[\w-]{43}\n$/),
    stderr: expect.stringMatching(/^onefold: Token [^\n]+\.\n$/),
  });
  const token = stdout.trimEnd();
  expect(stderr).not.toContain(partsOfToken(token)!.secret);
  return token;
}

async function list(data: string): Promise<readonly Listed[]> {
  return (await resultOf<{ tokens: Listed[] }>("token", "list", "--data", data)).tokens;
}

test("a token is made in a folder that is not there yet, which nobody else may enter", async () => {
  using folder = new TempFolder();
  const data = folder.file("a/b");
  const flags = ["--scope", "subscribe,publish", "--topics", "orders.*,payments", "--name", "checkout"];
  const before = Date.now();
  const token = await create(data, ...flags, "--expires", "30d");
  const { id, secret } = partsOfToken(token)!;
  for (const made of [data, folder.file("a")]) expect(statSync(made).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, TOKEN_FILE)).mode & 0o777).toBe(0o600);
  const text = readFileSync(join(data, TOKEN_FILE), "utf8");
  expect(text).not.toContain(secret);
  expect(JSON.parse(text).tokens[0].sha256).toBe(sha256Of(secret).toString("hex"));
  const [listed] = await list(data);
  expect(listed).toEqual({
    ...{ id, name: "checkout", scopes: ["publish", "subscribe"], topics: ["orders.*", "payments"] },
    ...{ created: listed!.created, expires: listed!.expires, last_used: null, state: "active" },
  });
  expect(Date.parse(listed!.created)).toBeWithin(before, Date.now() + 1);
  expect(Date.parse(listed!.expires!) - Date.parse(listed!.created)).toBe(30 * 86_400_000);
});

test("with --replace the token that had the name is taken back, and its file written over", async () => {
  using folder = new TempFolder();
  const output = folder.file("load.token");
  const command = ["token", "create", "--data", folder.path, "--scope", "publish", "--name", "load"];
  const texts: string[] = [];
  for (const more of [[], ["--replace"]]) {
    expect((await runToExit([...command, "--output", output, ...more])).exitCode).toBe(0);
    texts.push(readFileSync(output, "utf8").trimEnd());
  }
  const [first, second] = texts.map((text) => partsOfToken(text)!.id);
  expect(second).not.toBe(first!);
  expect((await list(folder.path)).map(({ id }) => id)).toEqual([second!]);
  expect((await runToExit([...command, "--output", output])).exitCode).toBe(1);
});

test("without more words a token covers every topic for ever, and is called by its id", async () => {
  using folder = new TempFolder();
  const { id } = partsOfToken(await create(folder.path, "--scope", "admin"))!;
  expect(await list(folder.path)).toMatchObject([{ id, name: id, topics: ["*"], expires: null }]);
});

test("the list says of each token what it may do, when it was used last, and whether it has expired", async () => {
  using folder = new TempFolder();
  expect((await runToExit(["token", "list", "--data", folder.path])).stdout).toBe("There are no tokens.\n");
  const { id } = partsOfToken(await create(folder.path, "--scope", "publish", "--name", "a"))!;
  await create(folder.path, "--scope", "publish", "--expires", "1ms", "--name", "b");
  const used = "2026-01-02T03:04:05.678Z";
  writeFileSync(folder.file(TOKEN_USE_FILE), JSON.stringify({ used: { [id]: used } }));
  expect(await list(folder.path)).toMatchObject([
    { name: "a", last_used: used, state: "active" },
    { name: "b", last_used: null, state: "expired" },
  ]);
  const { stdout } = await runToExit(["token", "list", "--data", folder.path]);
  expect(stdout.split("\n")[0]).toMatch(/^id +name +scopes +topics +created +last used +expires +state$/);
  expect(stdout).toMatch(new RegExp(`^${id} +a +publish +\\* +\\S+ +${used} +never +active$`, "m"));
  expect(stdout).not.toMatch(/[\da-f]{64}/);
});

test("a token is taken back by its name, its id, or itself, which is not repeated", async () => {
  using folder = new TempFolder();
  const byName = await create(folder.path, "--scope", "publish", "--name", "a");
  const byId = await create(folder.path, "--scope", "publish", "--name", "b");
  const byItself = await create(folder.path, "--scope", "publish", "--name", "c");
  const revoke = (what: string) => resultOf("token", "revoke", what, "--data", folder.path);
  expect(await revoke("a")).toEqual({ id: partsOfToken(byName)!.id, name: "a", revoked: true });
  expect(await revoke(partsOfToken(byId)!.id)).toMatchObject({ name: "b" });
  expect(await refusalOf(1, "token", "revoke", "aa", "--data", folder.path)).toBe(
    "There is no token aa: `onefold token list` has their ids and names.",
  );
  const half = byItself.slice(0, -1);
  expect(await refusalOf(1, "token", "revoke", half, "--data", folder.path)).toBe(
    "There is no such token: `onefold token list` has their ids and names.",
  );
  expect(await revoke(byItself)).toMatchObject({ name: "c" });
  expect(await list(folder.path)).toEqual([]);
  expect(await refusalOf(1, "token", "revoke", byItself, "--data", folder.path)).toBe("There are no tokens.");
});

test("two living tokens have not one name; an expired one makes room", async () => {
  using folder = new TempFolder();
  const { id } = partsOfToken(await create(folder.path, "--scope", "publish", "--name", "a"))!;
  const again = ["token", "create", "--data", folder.path, "--scope", "publish", "--name"];
  const sentence = (name: string): string =>
    `There is a token ${name} already: revoke it first, or give this one another name.`;
  expect(await refusalOf(1, ...again, "a")).toBe(sentence("a"));
  expect(await refusalOf(1, ...again, id)).toBe(sentence(id));
  const { id: old } = partsOfToken(
    await create(folder.path, "--scope", "publish", "--name", "b", "--expires", "1ms"),
  )!;
  await create(folder.path, "--scope", "subscribe", "--name", "b");
  const listed = await list(folder.path);
  expect(listed.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(listed.map((token) => token.id)).not.toContain(old);
});

describe("--output", () => {
  test("holds the token for its owner's eyes, and the output nothing of it", async () => {
    using folder = new TempFolder();
    const output = folder.file("token");
    const args = ["token", "create", "--data", folder.path, "--scope", "publish", "--output", output];
    const { exitCode, stdout, stderr } = await runToExit(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
    expect(statSync(output).mode & 0o777).toBe(0o600);
    const { id, secret } = partsOfToken(readFileSync(output, "utf8").trimEnd())!;
    expect(stderr).toContain(`It is in ${output}.`);
    expect(stderr).not.toContain(secret);
    expect(await list(folder.path)).toMatchObject([{ id }]);
  });

  test("is never written over, and then there is no token either", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file("token"), "precious");
    for (const output of [folder.file("token"), folder.file("missing/token")]) {
      await refusalOf(1, "token", "create", "--data", folder.path, "--scope", "publish", "--output", output);
    }
    expect(readFileSync(folder.file("token"), "utf8")).toBe("precious");
    expect(await list(folder.path)).toEqual([]);
  });
});

test("--json is one line with everything, and the token where it is not in a file", async () => {
  using folder = new TempFolder();
  const args = ["token", "create", "--json", "--data", folder.path, "--scope", "publish"];
  const first = JSON.parse((await runToExit(args)).stdout) as { token: string; id: string };
  expect(partsOfToken(first.token)!.id).toBe(first.id);
  const output = folder.file("token");
  const second = JSON.parse((await runToExit([...args, "--output", output])).stdout) as object;
  expect(second).toMatchObject({ scopes: ["publish"], topics: ["*"], expires: null, output });
  expect(second).not.toHaveProperty("token");
});

const create_ = (...flags: string[]): string[] => ["token", "create", ...flags];

test.each<[string[], string]>([
  [["token"], "Expected one of `onefold token create`, `onefold token list`, `onefold token revoke`."],
  [
    ["token", "--json"],
    "Expected one of `onefold token create`, `onefold token list`, `onefold token revoke`.",
  ],
  [["token", "creat"], "There is no command token creat; the nearest is token create."],
  [["tokens"], "There is no command tokens; the nearest is token."],
  [create_(), "Say with --scope what the token may do: publish, subscribe, admin."],
  [create_("--scope", "publsh"), "There is no scope `publsh`; the nearest is publish."],
  [create_("--scope", "publish,"), "There is no scope ``; there are publish, subscribe, admin."],
  [
    create_("--scope", "constructor"),
    "There is no scope `constructor`; there are publish, subscribe, admin.",
  ],
  [
    create_("--scope", "publish", "--topics", "a,*b*"),
    "Expected --topics to name topics: `*b*` must be a topic, or a prefix and one final `*`.",
  ],
  [
    create_("--scope", "publish", "--topics", Array.from({ length: 101 }, (_, i) => `t${i}`).join(",")),
    "Expected --topics to name 100 patterns at most.",
  ],
  [
    create_("--scope", "publish", "--expires", "soon"),
    "Expected --expires to be a time like `90s`, `12h` or `30d`, got `soon`.",
  ],
  [
    create_("--scope", "publish", "--expires", "36501d"),
    "Expected --expires to be 36500d at most, or 0s for ever.",
  ],
  [
    create_("--scope", "publish", "--name", "a b"),
    "Expected --name to have 1 to 64 letters, digits, `.`, `_` or `-`, and not to begin like a token.",
  ],
  [
    create_("--scope", "publish", "--name", `onefold_${"a".repeat(12)}_b`),
    "Expected --name to have 1 to 64 letters, digits, `.`, `_` or `-`, and not to begin like a token.",
  ],
  [create_("--scop", "publish"), "There is no flag --scop; the nearest is --scope."],
  [["token", "foo"], "There is no command token foo; there are token create, token list, token revoke."],
  [["token", "revoke"], "Expected an ID or a NAME, got none."],
  [["token", "revoke", "a", "b"], "Expected one ID or NAME, got `a` and `b`."],
])("%j cannot be understood, and makes nothing", async (args, sentence) => {
  using folder = new TempFolder();
  const exit = await runToExit(args, { cwd: folder.path });
  expect(exit).toEqual({ exitCode: 2, stdout: "", stderr: `onefold: ${sentence}\n` });
  expect(() => statSync(folder.file("data"))).toThrow("ENOENT");
});

test("`onefold token --help` tells of its three commands, and each helps with itself", async () => {
  const { exitCode, stdout } = await runToExit(["token", "--help"]);
  expect({
    exitCode,
    lines: stdout.match(/^ {2}onefold token (?:create|list|revoke) +[A-Z].+\.$/gm)?.length,
  }).toEqual({
    exitCode: 0,
    lines: 3,
  });
  for (const verb of ["create", "list", "revoke"]) {
    const help = await runToExit(["token", verb, "--help"]);
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain(`onefold token ${verb} [flags]`);
  }
});

test("a file that cannot be used is told of by name and left alone", async () => {
  using folder = new TempFolder();
  writeFileSync(folder.file(TOKEN_FILE), '{"version":1,"tokens":[],"open":true}');
  for (const args of [["create", "--scope", "publish"], ["list"], ["revoke", "a"]]) {
    expect(await refusalOf(1, "token", ...args, "--data", folder.path)).toBe(
      `The token file ${folder.file(TOKEN_FILE)} cannot be used: /open is not known.`,
    );
  }
  expect(readFileSync(folder.file(TOKEN_FILE), "utf8")).toContain("open");
});

test("a data folder that cannot be one is told of", async () => {
  using folder = new TempFolder();
  writeFileSync(folder.file("data"), "");
  const sentence = await refusalOf(1, "token", "create", "--scope", "publish", "--data", folder.file("data"));
  expect(sentence).toMatch(/^The token file \S+ cannot be changed \([^\n]+\)\.$/);
});

test("twenty commands at once lose nothing, while a node has the folder", async () => {
  using folder = new TempFolder();
  const data = folder.path;
  await using node = await NodeProcess.start({ data });
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  const tokens = await Promise.all(numbers.map((i) => create(data, "--scope", "publish", "--name", `n${i}`)));
  const listed = await list(data);
  expect(listed.map(({ id }) => id).sort()).toEqual(tokens.map((token) => partsOfToken(token)!.id).sort());
  // The node has seen the first token come, and lets nobody in without one any more.
  await until(async () => (await fetch(`${node.url}/stats`)).status === 401);
  await Promise.all(numbers.map((i) => resultOf("token", "revoke", `n${i}`, "--data", data)));
  expect(await list(data)).toEqual([]);
});

test("a command that is killed at any moment leaves a file that can be read, with every token that was printed", async () => {
  using folder = new TempFolder();
  const random = SeededRandom.printed("killed commands");
  const file = folder.file(TOKEN_FILE);
  writeFileSync(file, tokenFileText([]));
  const printed: string[] = [];
  let killed = 0;
  for (let round = 0; round < 60; round++) {
    const child = Bun.spawn([executable(), "token", "create", "--data", folder.path, "--scope", "publish"], {
      env: cleanEnvironment(),
      ...({ stdout: "pipe", stderr: "ignore" } as const),
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), random.below(60));
    const stdout = await child.stdout.text();
    await child.exited;
    clearTimeout(timer);
    killed += Number(child.signalCode === "SIGKILL");
    if (stdout !== "") printed.push(partsOfToken(stdout.trimEnd())!.id);
    const ids = parseTokenFile(file, readFileSync(file, "utf8")).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(printed));
  }
  expect(killed).toBeGreaterThan(0);
  await create(folder.path, "--scope", "publish", "--name", "last");
  expect((await list(folder.path)).at(-1)).toMatchObject({ name: "last" });
});

describe("a node that lets nobody in without a token", () => {
  const TOKEN = "onefold_aaaaaaaaaaaa_secret";
  const WITHOUT =
    "The node refused GET /stats with 401: Not without a token. ONEFOLD_TOKEN or --token-file brings a token.";

  test("is verified and loaded with the token of a variable or a file, over HTTP and WebSocket", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file("token"), `${TOKEN}\n`);
    await using node = await NodeProcess.start();
    using gate = new BearerGate(node.url, TOKEN);
    const commands = [
      ["bench", "--url", gate.url, "--events", "100", "--duplicates", "10", "--via", "http"],
      ["bench", "--url", gate.url, "--events", "100", "--duplicates", "10", "--via", "ws"],
      ["verify", gate.url],
    ];
    for (const command of commands) {
      expect(await refusalOf(1, ...command)).toBe(WITHOUT);
      expect(await runToExit(command, { env: { ONEFOLD_TOKEN: TOKEN } })).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
      const byFile = [...command, "--token-file", folder.file("token")];
      const { exitCode, stdout, stderr } = await runToExit(byFile, { env: { ONEFOLD_TOKEN: "another" } });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).not.toContain(TOKEN);
    }
    expect(gate.refused).toBeGreaterThanOrEqual(3);
  });

  test.each([
    [
      "a file that is not there",
      ["--token-file", "missing"],
      {},
      /^The token file missing cannot be read \(it is not there\)\.$/,
    ],
    [
      "an empty variable",
      [],
      { ONEFOLD_TOKEN: "" },
      /^Expected ONEFOLD_TOKEN to hold one token and nothing else\.$/,
    ],
    [
      "two lines",
      [],
      { ONEFOLD_TOKEN: "secret\nx: y" },
      /^Expected ONEFOLD_TOKEN to hold one token and nothing else\.$/,
    ],
  ])("is not asked with %s", async (_, flags, env, sentence) => {
    for (const command of [["bench"], ["verify", "http://127.0.0.1:1"]]) {
      const { exitCode, stderr } = await runToExit([...command, ...flags], { env });
      expect(exitCode).toBe(1);
      expect(stderr.slice("onefold: ".length).trimEnd()).toMatch(sentence);
      expect(stderr).not.toContain("secret");
    }
  });

  test("there is no flag for the token itself, and a node starts with the variable", async () => {
    expect(await refusalOf(2, "bench", "--token", TOKEN)).toBe(
      "There is no flag --token; the nearest is --token-file.",
    );
    await using node = await NodeProcess.start({ env: { ONEFOLD_TOKEN: TOKEN } });
    expect(node.output).not.toContain(TOKEN);
  });
});
