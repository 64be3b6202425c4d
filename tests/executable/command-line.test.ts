/** The command line: every command is found and helps with itself; `healthcheck` says by its status how a node is. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const COMMANDS = [
  "serve",
  "verify",
  "backup",
  "restore",
  "prune",
  "export",
  "bench",
  "healthcheck",
  "token create",
  "token list",
  "token revoke",
];

describe.each([["--help"], ["-h"], ["help"]])("onefold %s", (flag) => {
  test("names every command", async () => {
    const { exitCode, stdout, stderr } = await runToExit([flag]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const command of COMMANDS)
      expect(stdout).toMatch(new RegExp(`^ {2}onefold ${command} +[A-Z].+\\.$`, "m"));
  });
});

test.each([
  ["serve", ["--host ADDRESS", "--data FOLDER", "--max-events EVENTS", "ONEFOLD_PORT"]],
  [
    "bench",
    ["--url URL", "--events EVENTS", "--via http|ws", "--json ", "[5000]", "[http://127.0.0.1:8080]"],
  ],
  ["healthcheck", ["--url URL", "ONEFOLD_HOST"]],
  ["verify", ["onefold verify [flags] [FILE|URL]", "--data FOLDER", "--json ", "ONEFOLD_DATA"]],
  ["backup", ["onefold backup [flags] FILE\n", "--data FOLDER", "--json "]],
  ["restore", ["onefold restore [flags] FILE\n", "--data FOLDER", "--json "]],
  ["prune", ["--retain-events [TOPICS=]LIMIT,…", "--retain-for", "--retain-bytes", "--dedup-window TIME"]],
  ["export", ["onefold export [flags] [FILE]", "--topic TOPIC", "--after SEQ", "--form stored|publish"]],
])("onefold %s --help tells its own flags", async (command, parts) => {
  for (const args of [
    [command, "--help"],
    [command, "-h"],
  ]) {
    const { exitCode, stdout, stderr } = await runToExit(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const part of parts) expect(stdout).toContain(part);
    expect(stdout).toContain(`onefold ${command} [flags]`);
  }
});

test.each(["token create", "bench", "token"])("`onefold help %s` is that command's own", async (command) => {
  const asked = await runToExit(["help", ...command.split(" ")]);
  expect(asked.exitCode).toBe(0);
  expect(asked).toEqual(await runToExit([...command.split(" "), "--help"]));
});

test.each(COMMANDS)(
  "the help of %s is as wide as a terminal at most, with every sentence in one column",
  async (command) => {
    const { stdout } = await runToExit([...command.split(" "), "--help"]);
    const lines = stdout.split("\n");
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const entries = lines.filter((line) => /^ {2}--|^ {10}/.test(line));
    expect(entries).not.toEqual([]);
    expect(entries.filter((line) => !/^(?: {2}--\S.{28}| {33}) \S|^ {2}--\S+ \S+$/.test(line))).toEqual([]);
  },
);

test("flags without a command are those of serve", async () => {
  expect(await runToExit(["--prt", "1"])).toMatchObject({
    exitCode: 2,
    stderr: "onefold: There is no flag --prt; the nearest is --port.\n",
  });
});

test("a command that is near to none is refused with all that there are", async () => {
  expect((await runToExit(["xyzzy"])).stderr).toBe(
    "onefold: There is no command xyzzy; there are serve, verify, backup, restore, prune, export, bench, healthcheck, token.\n",
  );
});

test("a command that does not exist is refused with the nearest that does", async () => {
  expect(await runToExit(["benhc"])).toMatchObject({
    exitCode: 2,
    stdout: "",
    stderr: "onefold: There is no command benhc; the nearest is bench.\n",
  });
});

describe("onefold healthcheck", () => {
  let node: NodeProcess;
  beforeAll(async () => {
    node = await NodeProcess.start({
      flags: ["--host", "0.0.0.0", "--allow-anonymous", "publish,subscribe"],
    });
  });
  afterAll(() => node[Symbol.asyncDispose]());

  test("ends with 0 when the node is ready", async () => {
    const url = `http://127.0.0.1:${node.port}`;
    for (const address of [url, `${url}/`]) {
      expect(await runToExit(["healthcheck", "--url", address])).toEqual({
        exitCode: 0,
        stdout: `The node at ${url} is ready.\n`,
        stderr: "",
      });
    }
  });

  test.each(["0.0.0.0", "127.0.0.1"])(
    "finds the node of its own environment on %s, whatever else is set there",
    async (host) => {
      const env = {
        ONEFOLD_HOST: host,
        ONEFOLD_PORT: String(node.port),
        ONEFOLD_DATA: "/data",
        ONEFOLD_MAX_EVENTS: "1",
        ONEFOLD_OF_A_LATER_VERSION: "1",
      };
      expect(await runToExit(["healthcheck"], { env })).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await runToExit(["bench", "--events", "1", "--duplicates", "0"], { env })).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
    },
  );

  test("ends with 1 and a sentence when the node is not ready, or is not there", async () => {
    const starting = Bun.serve({ port: 0, fetch: () => new Response("", { status: 503 }) });
    const { origin } = starting.url;
    expect(await runToExit(["healthcheck", "--url", origin])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `onefold: The node at ${origin} is not ready: /health/ready answers 503.\n`,
    });
    await starting.stop(true);
    expect(await runToExit(["healthcheck", "--url", origin])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `onefold: No node can be reached at ${origin} (ECONNREFUSED): is it running, and is that its address?\n`,
    });
  });

  test("a port that any node may have cannot be asked, and says so", async () => {
    expect(await runToExit(["healthcheck"], { env: { ONEFOLD_PORT: "0" } })).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: "onefold: ONEFOLD_PORT=0 lets the node take any free port: say where it is with --url.\n",
    });
  });
});
