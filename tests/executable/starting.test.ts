/** How a node is started: settings that are wrong, data that must not be served, and what the sentence says then. */

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { type Exit, NodeProcess, runToExit } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** One sentence on stderr and nothing else: no stack, no second line. */
function expectOneSentence({ stderr, stdout }: Exit): void {
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^onefold: [^\n]+[.?]\n$/);
  expect(stderr).not.toMatch(/\bat \S+ \(|bunfs|Error:/);
}

describe("without arguments", () => {
  test("it serves, with its settings from the environment and its data in ./data", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.startWith([], { cwd: folder.path, env: { ONEFOLD_PORT: "0" } });
    expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
    expect(existsSync(folder.file("data/onefold.db"))).toBeTrue();
  });

  test("a flag beats its variable, and a .env file that lies about is not read", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file(".env"), "ONEFOLD_PORT=not-a-port\nONEFOLD_MAX_TOPICS=none\n");
    await using node = await NodeProcess.startWith(["serve", "--port=0", "--data", folder.file("a/b/c")], {
      cwd: folder.path,
      env: { ONEFOLD_PORT: "70000", ONEFOLD_MAX_EVENTS: "1" },
    });
    expect((await node.post([{ event_id: "1" }, { event_id: "2" }])).status).toBe(413);
    expect(existsSync(folder.file("a/b/c/onefold.db"))).toBeTrue();
  });
});

test.each(["--version", "-v"])("%s is the version and nothing else", async (flag) => {
  expect(await runToExit([flag])).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: "" });
});

describe("a wrong setting ends the start with 2 and one sentence that says why:", () => {
  test.each([
    [["--port", "abc"], {}, /--port.*`abc`/],
    [["--port", "70000"], {}, /--port.*65535/],
    [["--port", "80.5"], {}, /--port/],
    [["--port="], {}, /--port/],
    [["--port"], {}, /--port/],
    [["--data", ""], {}, /--data.*empty/],
    [["--host", ""], {}, /--host.*empty/],
    [["--max-events", "0"], {}, /--max-events.*from 1/],
    [["--prot", "1"], {}, /--prot.*--port/],
    [["--maxEvents", "1"], {}, /--maxEvents.*--max-events/],
    [["serve", "now"], {}, /now/],
    [["sevre"], {}, /sevre.*serve/],
    [["-x"], {}, /-x/],
    [[], { ONEFOLD_PORT: "abc" }, /ONEFOLD_PORT.*`abc`/],
    [[], { ONEFOLD_PORT: "" }, /ONEFOLD_PORT/],
    [[], { ONEFOLD_PROT: "1" }, /ONEFOLD_PROT.*ONEFOLD_PORT/],
    [[], { ONEFOLD_MAX_EVENTS: "many" }, /ONEFOLD_MAX_EVENTS/],
  ] as const)("%j %j", async (args, env, sentence) => {
    using folder = new TempFolder();
    const exit = await runToExit(args, { env, cwd: folder.path });
    expect(exit.exitCode).toBe(2);
    expectOneSentence(exit);
    expect(exit.stderr).toMatch(sentence);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

/** A start that must end with 1 and one sentence. @returns the sentence. */
async function refusalToStart(data: string, port = "0"): Promise<string> {
  const exit = await runToExit(["serve", "--port", port, "--data", data]);
  expect(exit.exitCode).toBe(1);
  expectOneSentence(exit);
  return exit.stderr;
}

describe("a start that cannot succeed ends with 1 and one sentence", () => {
  test("when another process has the data, which goes on unharmed", async () => {
    using folder = new TempFolder();
    await using first = await NodeProcess.start({ data: folder.path });
    expect(await refusalToStart(folder.path)).toMatch(/in use by another onefold process/);
    expect(await first.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
    await first.kill9();
    // The lock died with its holder.
    await using second = await NodeProcess.start({ data: folder.path });
    expect((await second.stats()).received).toBe(1);
  });

  test("when the port is taken", async () => {
    using folder = new TempFolder();
    await using first = await NodeProcess.start();
    expect(await refusalToStart(folder.path, String(first.port))).toBe(
      `onefold: --port ${first.port} is taken on --host 127.0.0.1: another process listens there.\n`,
    );
  });

  test.each([
    ["192.0.2.1", "--host 192.0.2.1 is no address of this machine."],
    ["2001:db8::1", "--host 2001:db8::1 is no address of this machine."],
    ["nohost.invalid", "--host nohost.invalid is the name of no address of this machine."],
  ])("when --host %s is not of this machine", async (host, sentence) => {
    using folder = new TempFolder();
    const flags = ["--host", host, "--allow-anonymous", "publish", "--data", folder.path];
    const exit = await runToExit(["serve", "--port", "0", ...flags]);
    expect(exit.exitCode).toBe(1);
    expectOneSentence(exit);
    expect(exit.stderr).toStartWith(`onefold: ${sentence}`);
  });

  test("when the data folder is a file", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file("occupied"), "");
    expect(await refusalToStart(folder.file("occupied"))).toContain(folder.file("occupied"));
  });
});

describe("a file that must not be served is refused and stays as it is:", () => {
  async function expectUntouched(folder: TempFolder, sentence: RegExp): Promise<void> {
    const bytes = readFileSync(folder.file("onefold.db"));
    expect(await refusalToStart(folder.path)).toMatch(sentence);
    expect(readFileSync(folder.file("onefold.db")).equals(bytes)).toBeTrue();
  }

  test("another program's database", async () => {
    using folder = new TempFolder();
    const foreign = new Database(folder.file("onefold.db"), { create: true });
    foreign.run("CREATE TABLE events (their TEXT)");
    foreign.close();
    await expectUntouched(folder, /onefold\.db .*not one of onefold's/);
  });

  test("no database at all", async () => {
    using folder = new TempFolder();
    writeFileSync(folder.file("onefold.db"), "this is not a database, and never was one. ".repeat(1_000));
    await expectUntouched(folder, /onefold\.db is not a database/);
  });

  test("our own, damaged", async () => {
    using folder = new TempFolder();
    {
      await using node = await NodeProcess.start({ data: folder.path });
      await node.publish(
        Array.from({ length: 5_000 }, (_, i) => ({ event_id: String(i), payload: "x".repeat(100) })),
      );
      expect(await node.stop()).toBe(0);
    }
    const bytes = readFileSync(folder.file("onefold.db"));
    writeFileSync(folder.file("onefold.db"), bytes.fill(0xff, 4_096, bytes.length - 4_096));
    await expectUntouched(folder, /damaged|malformed/);
  });
});
