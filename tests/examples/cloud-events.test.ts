/** examples/cloud-events.mjs: what it sends twice is counted once, and what it reads is what it sent. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { example } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const command = (node: NodeProcess): string[] => ["node", example("cloud-events.mjs"), node.url];

test("orders are processed, then duplicates, and read back with their extensions", async () => {
  await using node = await NodeProcess.start();
  await using program = new Program(command(node));
  await program.until(() => program.lines.length === 6);
  expect(program.lines).toEqual([
    "shop.order.paid 1001 of /checkout: processed",
    "shop.order.paid 1002 of /checkout: processed",
    "shop.order.paid 1001 of /checkout: duplicate",
    "shop.order.paid 1002 of /checkout: duplicate",
    'read 1001: {"amount":49.9}',
    'read 1002: {"amount":5}',
  ]);
  const { events } = await node.page("?topic=shop.order.paid");
  expect(events).toMatchObject([{ attributes: { priority: 5 } }, { event_id: "1002" }]);
});

test("a node that asks for a token is brought one, and what it refuses is told without it", async () => {
  using folder = new TempFolder();
  const create = [
    "token",
    "create",
    "--data",
    folder.path,
    "--scope",
    "publish,subscribe",
    "--topics",
    "shop.*",
  ];
  const token = (await runToExit(create)).stdout.trim();
  await using node = await NodeProcess.start({ data: folder.path });
  await using trusted = new Program(command(node), { ONEFOLD_TOKEN: token });
  await trusted.until(() => trusted.lines.length === 6);
  await using stranger = new Program(command(node), { ONEFOLD_TOKEN: "onefold_wrong_token" });
  await stranger.until(() => stranger.stderr.includes("\n"));
  expect(stranger.stderr).toStartWith("refused with 401: ");
  expect(stranger.stderr).not.toContain("wrong_token");
});
