/** Credentials over their life: before there are any, while they last, and when they are over. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { TOKEN_FILE } from "../../src/access/token-file.ts";
import type { Stats } from "../support/contract.ts";
import { TEST_TIMEOUT_MS, withDeadline } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** Makes a token in a data folder. @returns its text. */
async function createToken(data: string, ...flags: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runToExit(["token", "create", "--data", data, ...flags]);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function statusOf(node: NodeProcess, path: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(node.url + path, { headers });
  await response.bytes();
  return response.status;
}

/** Asks again and again until the status is the one that is wanted; a node follows the token file by looking at it. */
async function untilStatus(node: NodeProcess, wanted: number, token?: string): Promise<void> {
  const ask = async (): Promise<void> => {
    while ((await statusOf(node, "/stats", token)) !== wanted);
  };
  await withDeadline(ask(), () => `GET /stats to answer ${wanted}`);
}

describe("without credentials", () => {
  test.each(["127.0.0.1", "localhost", "::1"])("a node listens on %s and lets everybody in", async (host) => {
    await using node = await NodeProcess.start({ flags: ["--host", host] });
    expect((await node.publish({ event_id: "1" })).unique_processed).toBe(1);
    // A client that has a token for other nodes is no worse off than one that has none.
    expect(await statusOf(node, "/stats", "some.other.token")).toBe(200);
  });

  test.each(["0.0.0.0", "::", "192.0.2.1", "onefold.example"])(
    "a node refuses to listen on %s, names both ways out, and leaves nothing behind",
    async (host) => {
      using folder = new TempFolder();
      const data = join(folder.path, "data");
      const { exitCode, stderr } = await runToExit(["serve", "--port", "0", "--host", host, "--data", data]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`Listening on ${host} would let anybody do anything`);
      expect(stderr).toContain("onefold token create");
      expect(stderr).toContain("--allow-anonymous publish,subscribe");
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(await Bun.file(join(data, "onefold.db")).exists()).toBe(false);
    },
  );

  test("what is allowed in so many words is allowed on any address, and nothing else is", async () => {
    await using node = await NodeProcess.start({
      flags: ["--host", "0.0.0.0", "--allow-anonymous", "publish"],
    });
    const url = node.url.replace("0.0.0.0", "127.0.0.1");
    const publish = { method: "POST", body: '{"event_id":"1"}' };
    expect((await fetch(`${url}/publish`, publish)).status).toBe(200);
    const refused = await fetch(`${url}/stats`);
    // There may be credentials that allow more: that nobody brought any is what is wrong.
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 401,
      body: { code: "unauthorized", detail: "Credentials are required here." },
    });
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="onefold"');
  });
});

describe("a token", () => {
  test("that is made while a node runs closes the node to everybody else, and one that is revoked lets nobody in", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.path });
    expect(await statusOf(node, "/stats")).toBe(200);
    const open = await Promise.all([
      openPublishChannel(node.wsUrl),
      TestSocket.open(`${node.wsUrl}/ws/stats?interval=20`),
    ]);
    const token = await createToken(folder.path, "--scope", "subscribe", "--name", "reader");
    await untilStatus(node, 401);
    for (const socket of open) expect((await socket.closed).code).toBe(4401);
    expect(await statusOf(node, "/stats", token)).toBe(200);
    expect((await runToExit(["token", "revoke", "reader", "--data", folder.path])).exitCode).toBe(0);
    await untilStatus(node, 401, token);
    expect(await statusOf(node, "/stats")).toBe(401);
    await node.stop();
    // With its last token gone it is no open node, also after a restart, and may listen anywhere.
    await using again = await NodeProcess.start({ data: folder.path, flags: ["--host", "0.0.0.0"] });
    expect((await fetch(`${again.url.replace("0.0.0.0", "127.0.0.1")}/stats`)).status).toBe(401);
  });

  test("that is revoked closes its open sockets within a second, with 4401, and no others", async () => {
    using folder = new TempFolder();
    const [gone, kept] = await Promise.all(
      ["gone", "kept"].map((name) =>
        createToken(folder.path, "--scope", "publish,subscribe", "--name", name),
      ),
    );
    await using node = await NodeProcess.start({ data: folder.path });
    const socketsOf = (token: string) => [
      openPublishChannel(node.wsUrl, { headers: { authorization: `Bearer ${token}` } }),
      TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${token}`),
    ];
    const closing = await Promise.all(socketsOf(gone!));
    const staying = await Promise.all(socketsOf(kept!));
    await runToExit(["token", "revoke", "gone", "--data", folder.path]);
    const revokedAt = performance.now();
    for (const socket of closing) {
      expect((await socket.closed).code).toBe(4401);
      // The command has ended before the clock is read, so the node may already have looked.
      expect(performance.now() - revokedAt).toBeLessThan(1_000);
    }
    staying[0]!.send({ event_id: "1" });
    expect(await staying[0]!.next()).toMatchObject({ type: "ack" });
    expect(staying.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    for (const socket of staying) socket.close();
  });
});

test("a body that is still arriving when its token is revoked is not stored", async () => {
  using folder = new TempFolder();
  const token = await createToken(folder.path, "--scope", "publish", "--name", "slow");
  const reader = await createToken(folder.path, "--scope", "subscribe");
  await using node = await NodeProcess.start({ data: folder.path });
  const body = '{"event_id":"late"}';
  using socket = await RawSocket.connect(node.port);
  socket.write(
    `POST /publish HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n{`,
  );
  // What came before it has been admitted by the time that another is answered.
  expect(await statusOf(node, "/stats", reader)).toBe(200);
  await runToExit(["token", "revoke", "slow", "--data", folder.path]);
  await untilStatus(node, 401, token);
  socket.write(body.slice(1));
  expect((await socket.readResponse()).status).toBe(401);
  expect(((await (await fetch(`${node.url}/stats?access_token=${reader}`)).json()) as Stats).received).toBe(
    0,
  );
});

test("a token stands in no log, no answer, and no file but as a hash", async () => {
  using folder = new TempFolder();
  const token = await createToken(folder.path, "--scope", "publish", "--name", "silent");
  // The secret may have underscores of its own.
  const secret = token.slice(token.indexOf("_", "onefold_".length) + 1);
  await using node = await NodeProcess.start({ data: folder.path });
  const answers: string[] = [];
  for (const [path, authorization] of [
    [`/stats?access_token=${token}`, ""],
    [`/publish?access_token=${token}&results=perhaps`, ""],
    ["/stats", `Bearer ${token}`],
    ["/stats", `Bearer ${token}x`],
    ["/stats", `Bearer ${token} ${token}`],
    ["/stats", `Basic ${token}`],
  ] as const) {
    const headers: Record<string, string> = authorization === "" ? {} : { authorization };
    const response = await fetch(node.url + path, { headers });
    answers.push(JSON.stringify([...response.headers]), await response.text());
  }
  using socket = await openPublishChannel(node.wsUrl, { headers: { authorization: `Bearer ${token}` } });
  for (const frame of [
    `{"type":"auth","token":"${secret}"}`,
    `{"type":"auth","tokn":"${secret}"}`,
    `auth ${secret}`,
  ]) {
    socket.send(frame);
    answers.push(await socket.nextText());
  }
  expect(answers.filter((answer) => answer.includes(secret))).toEqual([]);
  await node.stop();
  expect(node.output).not.toContain(secret);
  const stored = await Bun.$`grep -rlF ${secret} ${folder.path}`.nothrow().text();
  expect(stored).toBe("");
  expect(await Bun.file(join(folder.path, TOKEN_FILE)).text()).toContain('"silent"');
});

describe("the first token", () => {
  test("is made and printed once, is good for everything, and not made again", async () => {
    using folder = new TempFolder();
    const flags = ["--first-token", "print"];
    let token = "";
    {
      await using node = await NodeProcess.start({ data: folder.path, flags });
      token = /shown only now: (onefold_\S+)/.exec(node.output)?.[1] ?? "";
      expect(await statusOf(node, "/stats")).toBe(401);
      expect(await statusOf(node, "/stats", token)).toBe(200);
      expect(await statusOf(node, "/metrics", token)).toBe(200);
      using channel = await openPublishChannel(node.wsUrl, { headers: { authorization: `Bearer ${token}` } });
      channel.send({ event_id: "1" });
      expect(await channel.next()).toMatchObject({ type: "ack", unique_processed: 1 });
      await node.stop();
    }
    await runToExit(["token", "revoke", "first", "--data", folder.path]);
    await using again = await NodeProcess.start({ data: folder.path, flags });
    expect(again.output).not.toContain("onefold_");
    expect(await statusOf(again, "/stats", token)).toBe(401);
  });
});

describe("a socket whose credentials expire", () => {
  test("is closed with 4401; one that has sent fresh ones is not", async () => {
    await using node = await NodeProcess.start(WEB_TOKEN_NODE);
    // A token is good for some seconds more than it says, for clocks that differ.
    const dying = webToken({ seconds: -3 });
    const sockets = await Promise.all(
      [0, 1].flatMap(() => [
        openPublishChannel(node.wsUrl, { headers: { authorization: `Bearer ${dying}` } }),
        TestSocket.open(`${node.wsUrl}/ws/stats?access_token=${dying}`),
      ]),
    );
    const [renewedChannel, renewedFeed, channel, feed] = sockets as [
      TestSocket,
      TestSocket,
      TestSocket,
      TestSocket,
    ];
    const fresh = webToken({ seconds: 600 });
    await renewedFeed.next();
    for (const socket of [renewedChannel, renewedFeed]) {
      socket.send({ type: "auth", token: fresh });
      const answer = (await socket.next()) as unknown as { type: string; expires_at: string };
      expect(answer.type).toBe("auth");
      expect(Date.parse(answer.expires_at)).toBeGreaterThan(Date.now() + 500_000);
    }
    for (const socket of [channel, feed]) {
      expect((await socket.closed).code).toBe(4401);
      const told = await socket.until(({ type }) => type === "error");
      expect(told.at(-1)).toMatchObject({ code: "unauthorized", detail: "The credentials have expired." });
    }
    renewedChannel.send({ event_id: "1" });
    expect(await renewedChannel.next()).toMatchObject({ type: "ack", frame: 1 });
    expect(renewedFeed.isClosed).toBe(false);
    for (const socket of [renewedChannel, renewedFeed]) socket.close();
  });

  test("keeps what it had when what it sends is refused, and takes on the topics of what is accepted", async () => {
    await using node = await NodeProcess.start(WEB_TOKEN_NODE);
    const headers = { authorization: `Bearer ${webToken({ topics: ["a"] })}` };
    using channel = await openPublishChannel(node.wsUrl, { headers });
    using feed = await TestSocket.open(`${node.wsUrl}/ws/stats?interval=20`, { headers });
    await feed.next();
    for (const token of ["nonsense", webToken({ seconds: -60 }), webToken({ scope: "admin" })]) {
      channel.send({ type: "auth", token });
      const { frame, status } = await channel.next();
      expect({ frame, isRefused: status === 401 || status === 403 }).toEqual({
        frame: undefined!,
        isRefused: true,
      });
    }
    channel.send({ topic: "a", event_id: "1" });
    expect(await channel.next()).toMatchObject({ type: "ack", frame: 1 });
    expect(Object.keys((await feed.next()).topics)).toEqual(["a"]);
    const wider = webToken({ topics: ["a", "b"] });
    for (const socket of [channel, feed]) socket.send({ type: "auth", token: wider });
    expect(await channel.next()).toMatchObject({ type: "auth" });
    channel.send({ topic: "b", event_id: "1" });
    expect(await channel.next()).toMatchObject({ type: "ack", frame: 2 });
    const told = await feed.until(({ topics }) => topics !== undefined && "b" in topics);
    expect(told.map(({ type }) => type)).toContain("snapshot");
  });
});
