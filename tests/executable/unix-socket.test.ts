/** A node on a unix socket: who may connect, what is found in its place at the start, and what is left at the end. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { TEST_TIMEOUT_MS, until } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { find } from "../support/prerequisites.ts";
import { lacksSystemFaults } from "../support/system-faults.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** A folder for a socket, and nodes on it. */
class SocketFolder extends TempFolder {
  readonly socket = this.file("onefold.sock");

  flags(...more: string[]): string[] {
    return ["--host", "none", "--unix-socket", this.socket, ...more];
  }

  start(...more: string[]): Promise<NodeProcess> {
    return NodeProcess.start({ flags: this.flags(...more), client: { unix: this.socket } });
  }

  /** A start that must be refused. @returns the sentence. */
  async refusal(): Promise<string> {
    const args = ["serve", "--data", this.file("data"), ...this.flags()];
    const { exitCode, stdout, stderr } = await runToExit(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^onefold: [^\n]+\.\n$/);
    return stderr;
  }
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("a node on a unix socket", () => {
  test("takes publishes there, says so in its ready line, and leaves nothing behind", async () => {
    using folder = new SocketFolder();
    await using node = await folder.start();
    expect(node.output).toContain(`is ready on unix:${folder.socket} (`);
    expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
    expect(await node.stats()).toMatchObject({ received: 1 });
    expect(readdirSync(folder.path)).toEqual(["onefold.sock"]);
    expect(await node.stop()).toBe(0);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("is reached over TCP as well, unless that is left out", async () => {
    using folder = new SocketFolder();
    await using node = await NodeProcess.start({ flags: ["--unix-socket", folder.socket] });
    expect(node.output).toContain(`is ready on ${node.url} and unix:${folder.socket} (`);
    await node.publish({ event_id: "1" });
    const response = await fetch("http://localhost/stats", { unix: folder.socket });
    expect(await response.json()).toMatchObject({ received: 1 });
    expect(await node.stop()).toBe(0);
  });

  test.each([
    [[], "660"],
    [["--unix-socket-mode", "600"], "600"],
    [["--unix-socket-mode", "0666"], "666"],
  ])("with %j its mode is %s", async (flags, mode) => {
    using folder = new SocketFolder();
    await using _node = await folder.start(...flags);
    expect(modeOf(folder.socket)).toBe(mode);
  });

  test("gives what else it makes the mode that it would have without", async () => {
    using folder = new SocketFolder();
    await using _with = await folder.start("--data", folder.file("with"));
    await using _without = await NodeProcess.start({ data: folder.file("without") });
    for (const name of readdirSync(folder.file("without")))
      expect(modeOf(folder.file(`with/${name}`))).toBe(modeOf(folder.file(`without/${name}`)));
  });

  test("is found by healthcheck where there is no TCP", async () => {
    using folder = new SocketFolder();
    const env = { ONEFOLD_HOST: "none", ONEFOLD_UNIX_SOCKET: folder.socket };
    expect(await runToExit(["healthcheck"], { env })).toMatchObject({ exitCode: 1 });
    await using _node = await folder.start();
    expect(await runToExit(["healthcheck"], { env })).toEqual({
      exitCode: 0,
      stdout: `The node at unix:${folder.socket} is ready.\n`,
      stderr: "",
    });
    const bench = await runToExit(["bench"], { env });
    expect(bench).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--url") });
  });
});

describe.skipIf(lacksSystemFaults())("from its first moment", () => {
  test("a socket is no more open than its mode", async () => {
    using folder = new SocketFolder();
    const trace = folder.file("trace");
    const calls = "--trace=bind,umask,chmod,fchmod,fchmodat";
    await using node = await NodeProcess.startWith(
      ["serve", "--data", folder.file("data"), ...folder.flags()],
      {
        // The node keeps the id that it was started with, so that it can be stopped.
        under: [find("strace")!, "-D", "-f", calls, "-o", trace],
      },
    );
    expect(await node.stop()).toBe(0);
    const ending = new RegExp(`^${node.pid} +\\+{3} exited`, "m");
    await until(async () => ending.test(await Bun.file(trace).text()));
    const lines = readFileSync(trace, "utf8").split("\n");
    const bound = lines.findIndex((line) => line.includes("bind(") && line.includes("AF_UNIX"));
    const masks = lines.slice(0, bound).filter((line) => line.includes("umask("));
    expect(bound).toBeGreaterThan(0);
    expect(masks.at(-1)).toContain("umask(0117)");
    expect(lines.filter((line) => line.includes("chmod"))).toEqual([]);
  });
});

describe("what is in the place of the socket at the start:", () => {
  test("the socket of a killed node is replaced", async () => {
    using folder = new SocketFolder();
    await using killed = await folder.start();
    await killed.kill9();
    expect(existsSync(folder.socket)).toBeTrue();
    await using node = await folder.start();
    expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
    expect(await node.stop()).toBe(0);
    expect(existsSync(folder.socket)).toBeFalse();
  });

  test("the socket of a living node is not, and the node goes on", async () => {
    using folder = new SocketFolder();
    await using node = await folder.start();
    expect(await folder.refusal()).toContain(`Another process answers at --unix-socket ${folder.socket}`);
    expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
  });

  test.each([
    ["a file", (path: string) => writeFileSync(path, "theirs")],
    ["a folder", (path: string) => mkdirSync(path)],
    ["a link to nowhere", (path: string) => symlinkSync("nowhere", path)],
  ])("%s stays, and the start is refused", async (_what, put) => {
    using folder = new SocketFolder();
    put(folder.socket);
    expect(await folder.refusal()).toMatch(/--unix-socket .*no socket/);
    expect(readdirSync(folder.path).sort()).toEqual(["data", "onefold.sock"]);
  });

  test.each([
    ["a folder that is not there", "none/onefold.sock", /its folder is not there/],
    ["a name that is too long", "x".repeat(100), /107 bytes/],
  ])("%s is a refusal that names the flag", async (_what, name, reason) => {
    using folder = new TempFolder();
    const args = ["serve", "--data", folder.file("data"), "--host", "none"];
    const { exitCode, stderr } = await runToExit([...args, "--unix-socket", folder.file(name)]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^onefold: --unix-socket [^\n]+\.\n$/);
    expect(stderr).toMatch(reason);
  });
});

describe("what has come into the place of the socket meanwhile", () => {
  test("is somebody else's, and is left when the node stops", async () => {
    using folder = new SocketFolder();
    await using node = await NodeProcess.start({ flags: ["--unix-socket", folder.socket] });
    await Bun.$`rm ${folder.socket}`;
    writeFileSync(folder.socket, "theirs");
    expect(await node.stop()).toBe(0);
    expect(readFileSync(folder.socket, "utf8")).toBe("theirs");
  });
});
