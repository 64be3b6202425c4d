/** examples/live.html in a real browser: it shows what the node has counted, also after a lost connection. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { launchBrowser, openWatchedPage } from "../support/browser.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { example } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** A topic may have any name; as HTML this one would make a heading. */
const TOPIC = "<h2>orders</h2>";

describe.skipIf(isMissing("chromium"))("examples/live.html", () => {
  let node: NodeProcess;
  let browser: Browser;
  beforeAll(async () => {
    [node, browser] = await Promise.all([
      NodeProcess.start({ flags: ["--allow-origins", "null"] }),
      launchBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await node?.[Symbol.asyncDispose]();
  });

  const open = async (query: string) => {
    const watched = await openWatchedPage(browser);
    await watched.page.goto(`${pathToFileURL(example("live.html"))}?${query}`);
    return watched;
  };

  test("opened as a file, shows totals and topics as they move, and goes on after a lost connection", async () => {
    await using proxy = await CuttingProxy.to(node.port);
    const { page, requests } = await open(`node=${proxy.wsUrl}`);
    await page.getByText("live", { exact: true }).waitFor();
    const event = { topic: TOPIC, event_id: "1", payload: 1 };
    await node.publish([event, event, { ...event, payload: 2 }]);
    await page.getByRole("row", { name: `${TOPIC} 3 1 2 1`, exact: true }).waitFor();
    await page.getByRole("row", { name: "all 3 1 2 1", exact: true }).waitFor();
    proxy.cut();
    await page.getByText("trying again").waitFor();
    await node.publish([event, { ...event, topic: "payments" }]);
    await page.getByRole("row", { name: "all 5 2 3 1", exact: true }).waitFor();
    await page.getByRole("row", { name: `${TOPIC} 4 1 3 1`, exact: true }).waitFor();
    await page.getByRole("row", { name: "payments 1 1 0 0", exact: true }).waitFor();
    expect(await page.locator("h2").count()).toBe(0);
    expect(proxy.requests[0]).not.toContain("epoch=");
    expect(proxy.requests[1]).toMatch(/epoch=[^&]+&revision=\d+/);
    const hosts = requests.filter(({ protocol }) => protocol !== "file:").map(({ host }) => host);
    expect([...new Set(hosts)]).toEqual([new URL(proxy.wsUrl).host]);
  });

  test("shows only the topics it was given, and says so when the node does not understand them", async () => {
    await node.publish([
      { topic: "only.a", event_id: "1" },
      { topic: "others", event_id: "1" },
    ]);
    const { page } = await open(`node=${node.wsUrl}&topics=only.*`);
    await page.getByRole("row", { name: "all 1 1 0 0", exact: true }).waitFor();
    expect(await page.locator("#topics tr").allInnerTexts()).toEqual([expect.stringContaining("only.a")]);
    const bad = await open(`node=${node.wsUrl}&topics=a*b`);
    await bad.page.getByText("closed with 4400").waitFor();
  });

  test("brings the token of its fragment, in no address, and says why it is not let in", async () => {
    using folder = new TempFolder();
    const tokens: string[] = [];
    for (const scope of ["subscribe", "publish"]) {
      const create = ["token", "create", "--data", folder.path, "--scope", scope];
      tokens.push((await runToExit(create)).stdout.trim());
    }
    await using closed = await NodeProcess.start({
      data: folder.path,
      flags: ["--allow-origins", "null", "--max-connections-per-address", "1"],
    });
    const refused = await open(`node=${closed.wsUrl}`);
    await refused.page.getByText("the node refused the connection (closed with 4401: ").waitFor();
    const other = await open(`node=${closed.wsUrl}#token=${tokens[1]}`);
    await other.page.getByText("the node refused the connection (closed with 4403: ").waitFor();
    const { page, requests } = await open(`node=${closed.wsUrl}#token=${tokens[0]}`);
    await page.getByText("live", { exact: true }).waitFor();
    expect(requests.filter(({ protocol }) => protocol === "ws:").join()).not.toContain(tokens[0]!);
    const second = await open(`node=${closed.wsUrl}#token=${tokens[0]}`);
    await second.page.getByText(/^no connection \(closed with 4429: .+\); trying again$/).waitFor();
    await page.close();
    await second.page.getByText("live", { exact: true }).waitFor();
    expect(await second.page.locator("body").textContent()).not.toContain(tokens[0]!);
  });
});
