/** Without the right to its data, or without file handles: one sentence at the start, and no data lost while it runs. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TEST_TIMEOUT_MS, withDeadline } from "../support/deadline.ts";
import { expectHealthy, untilHealth } from "../support/health.ts";
import { executable, NodeProcess, runToExit } from "../support/node-process.ts";
import { asNobody, lacksAnotherUser, NOBODY, openToOthers } from "../support/other-user.ts";
import { find, isMissing } from "../support/prerequisites.ts";
import { Program } from "../support/program.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { lacksMounts, SmallDisk } from "../support/small-disk.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** A start that must end with 1 and one sentence. @returns the sentence. */
async function refusal(command: readonly string[]): Promise<string> {
  await using program = new Program(command);
  expect(await program.end()).toBe(1);
  expect(program.stdout).toBe("");
  expect(program.stderr).toMatch(/^onefold: [^\n]+\.\n$/);
  return program.stderr;
}

describe.skipIf(lacksAnotherUser())("a node that is not root", () => {
  /** A folder that others may enter, with the executable in it. */
  async function withFolder(
    run: (folder: TempFolder, serve: (data: string) => string[]) => Promise<void>,
  ): Promise<void> {
    using folder = new TempFolder();
    const program = openToOthers(folder);
    await run(folder, (data) => [...asNobody(), program, "serve", "--port", "0", "--data", data]);
  }

  test("without the right to enter the data folder, whatever the command", () =>
    withFolder(async (folder, serve) => {
      mkdirSync(folder.file("closed"), { mode: 0o700 });
      const data = folder.file("closed");
      const onefold = serve(data).slice(0, serve(data).indexOf("serve"));
      const reason = "(its folder may not be entered).\n";
      expect(await refusal([...onefold, "token", "list", "--data", data])).toBe(
        `onefold: The token file ${data}/onefold.tokens.json cannot be read ${reason}`,
      );
      for (const what of [data, `${data}/onefold.db`]) {
        expect(await refusal([...onefold, "verify", what])).toBe(
          `onefold: ${data}/onefold.db cannot be read ${reason}`,
        );
      }
    }));

  test("without the right to a port below 1024", () =>
    withFolder(async (folder, serve) => {
      chmodSync(folder.path, 0o777);
      expect(await refusal([...serve(folder.path), "--port", "80"])).toStartWith(
        "onefold: --port 80 is not permitted to this user: ",
      );
    }));

  test("without the right to make the data folder", () =>
    withFolder(async (folder, serve) => {
      expect(await refusal(serve(folder.file("data")))).toMatch(
        /data folder \S+ cannot be used \(.*permission/i,
      );
      expect(readdirSync(folder.path)).toEqual(["onefold"]);
    }));

  test("without the right to write into the data folder", () =>
    withFolder(async (folder, serve) => {
      mkdirSync(folder.file("data"));
      expect(await refusal(serve(folder.file("data")))).toMatch(/data folder \S+ cannot be used/);
      expect(readdirSync(folder.file("data"))).toEqual([]);
    }));

  test("without the right to write to the database file", () =>
    withFolder(async (folder, serve) => {
      const data = folder.file("data");
      await using first = await NodeProcess.start({ data });
      expect(await first.stop()).toBe(0);
      for (const name of ["", ...readdirSync(data)]) chownSync(join(data, name), NOBODY, NOBODY);
      chmodSync(`${data}/onefold.db`, 0o444);
      expect(await refusal(serve(data))).toMatch(
        /onefold\.db cannot be opened: the database file is read-only/,
      );
    }));

  test("without the right to write to the lock file, which would be no lock", () =>
    withFolder(async (folder, serve) => {
      const data = folder.file("data");
      await using first = await NodeProcess.start({ data });
      expect(await first.stop()).toBe(0);
      for (const name of ["", "/onefold.db"]) chownSync(`${data}${name}`, NOBODY, NOBODY);
      chmodSync(`${data}/onefold.db.lock`, 0o644);
      expect(await refusal(serve(data))).toBe(
        `onefold: The lock file ${data}/onefold.db.lock is read-only to this user: give it to whom the node runs as.\n`,
      );
    }));
});

test.skipIf(lacksMounts())("a file system that is read-only ends the start with one sentence", async () => {
  using disk = new SmallDisk(4);
  const serve = [executable(), "serve", "--port", "0", "--data", disk.path];
  {
    await using node = await NodeProcess.start({ data: disk.path });
    expect(await node.stop()).toBe(0);
  }
  disk.makeReadOnly();
  expect(await refusal(serve)).toMatch(/cannot be (?:used|opened).*read-?only/i);
});

describe.skipIf(isMissing("prlimit"))("out of file handles", () => {
  const openHandles = (node: NodeProcess): number => readdirSync(`/proc/${node.pid}/fd`).length;

  /** @returns how many it may have from now on: a few more than it has. */
  function limitHandles(node: NodeProcess): number {
    const limit = openHandles(node) + 10;
    const limited = Bun.spawnSync([
      find("prlimit")!,
      "--pid",
      String(node.pid),
      `--nofile=${limit}:${limit}`,
    ]);
    expect(limited.success).toBeTrue();
    return limit;
  }

  /** Opens connections until no more of them take a handle of the node's. */
  async function takeAllHandles(node: NodeProcess, limit: number): Promise<RawSocket[]> {
    const sockets: RawSocket[] = [];
    const taking = (async (): Promise<void> => {
      while (openHandles(node) < limit) sockets.push(await RawSocket.connect(node.port));
    })();
    await withDeadline(taking, () => `${openHandles(node)} handles to become ${limit}`);
    return sockets;
  }

  test("who is connected goes on publishing and following; others get in once there are handles again", async () => {
    await using node = await NodeProcess.start();
    using channel = await openPublishChannel(node.wsUrl);
    using feed = await TestSocket.open(`${node.wsUrl}/ws/stats`);
    await node.publish({ event_id: "0" });
    await node.page();
    const limit = limitHandles(node);
    const sockets = await takeAllHandles(node, limit);
    await untilHealth(node, ({ status, checks }) => {
      const isTold = checks.open_files_reason === "the node is out of file handles";
      return isTold && status === "unhealthy";
    });
    const events = Array.from({ length: 2_000 }, (_, i) => ({
      event_id: String(i),
      payload: "x".repeat(500),
    }));
    for (let i = 0; i < 20; i++) {
      channel.send({ type: "publish", events: events.map((event) => ({ ...event, topic: `t${i}` })) });
      expect(await channel.next()).toMatchObject({ type: "ack", unique_processed: events.length });
    }
    feed.send({ type: "ping" });
    await feed.until(({ type }) => type === "pong");
    for (const socket of sockets) socket[Symbol.dispose]();
    await untilHealth(node, ({ checks }) => checks.open_files_reason === undefined);
    await expectHealthy(node);
    expect((await node.stats()).unique_processed).toBe(1 + 20 * events.length);
    expect((await node.page("?limit=10")).count).toBe(10);
  });

  test("a token that is revoked is out all the same, however many connections wait", async () => {
    using folder = new TempFolder();
    const data = folder.path;
    const create = ["token", "create", "--data", data, "--scope", "publish,subscribe", "--name"];
    const [revoked, kept] = [await runToExit([...create, "a"]), await runToExit([...create, "b"])];
    await using node = await NodeProcess.start({ data });
    using feed = await TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${revoked.stdout.trim()}`);
    using other = await TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${kept.stdout.trim()}`);
    await node.stats(`?access_token=${kept.stdout.trim()}`);
    const sockets = await takeAllHandles(node, limitHandles(node));
    // More than there are handles for: they take whatever becomes free.
    for (let i = 0; i < 100; i++) sockets.push(await RawSocket.connect(node.port));
    expect((await runToExit(["token", "revoke", "a", "--data", data])).exitCode).toBe(0);
    expect((await feed.closed).code).toBe(4401);
    other.send({ type: "ping" });
    await other.until(({ type }) => type === "pong");
    for (const socket of sockets) socket[Symbol.dispose]();
  });
});
