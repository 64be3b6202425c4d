/** examples/live.html in a real browser: the page shows what the node has counted, also after a lost connection. */

import { expect, test } from "bun:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { NodeProcess } from "../support/node-process.ts";
import { example } from "./languages.ts";

test("x", async () => {
  await using node = await NodeProcess.start();
  await using proxy = await CuttingProxy.to(node.port);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const page = await browser.newPage();
  await page.goto(`${pathToFileURL(example("live.html"))}?node=${proxy.wsUrl}`);
  await page.getByText("live", { exact: true }).waitFor();
  await node.publish([
    { topic: "<b>orders</b>", event_id: "1" },
    { topic: "<b>orders</b>", event_id: "1" },
  ]);
  await page.getByRole("row", { name: "<b>orders</b> 2 1 1 0" }).waitFor();
  await page.getByRole("row", { name: "all 2 1 1 0" }).waitFor();
  proxy.cut();
  await page.getByText("trying again").waitFor();
  await node.publish([{ topic: "payments", event_id: "1" }]);
  await page.getByRole("row", { name: "all 3 2 1 0" }).waitFor();
  await page.getByRole("row", { name: "payments 1 1 0 0" }).waitFor();
  expect(proxy.requests[1]).toContain("revision=");
  await browser.close();
});
