/** examples/feed.html in a real browser: its own EventSource resumes, and shows every event once. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, openWatchedPage, type Watched } from "../support/browser.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { example } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const FLAGS = ["--allow-origins", "null"];

/** A topic may have any name; as HTML this one would make a heading. */
const TOPIC = "<h2>orders</h2>";

let browser: Browser;
const isSkipped = isMissing("chromium");
beforeAll(async () => {
  if (!isSkipped) browser = await launchBrowser();
});
afterAll(() => browser?.close());

async function open(query: string): Promise<Watched> {
  const watched = await openWatchedPage(browser);
  await watched.page.goto(`${pathToFileURL(example("feed.html"))}?${query}`);
  return watched;
}

function state(page: Page, text: string | RegExp): Promise<void> {
  return page.locator("#state").filter({ hasText: text }).waitFor();
}

function count(page: Page, events: number): Promise<void> {
  return page.getByText(`${events} events`, { exact: true }).waitFor();
}

function seqs(page: Page): Promise<string[]> {
  return page.locator("#events tr td:first-child").allInnerTexts();
}

describe.skipIf(isSkipped)("examples/feed.html", () => {
  test("opened as a file, shows each event once, over lost connections and restarts of the node", async () => {
    using folder = new TempFolder();
    let node = await NodeProcess.start({ data: folder.path, flags: FLAGS });
    await using proxy = await CuttingProxy.to(node.port);
    try {
      await node.publish({ topic: TOPIC, event_id: "first", payload: { total: 42 } });
      const { page } = await open(`node=${proxy.url}&after=0`);
      await state(page, "live");
      await count(page, 1);
      await page.getByRole("row", { name: `1 ${TOPIC} first {"total":42}`, exact: true }).waitFor();
      let published = 1;
      for (let round = 0; round < 3; round++) {
        proxy.cut();
        await state(page, "trying again");
        await node.publish(Array.from({ length: 10 }, () => ({ event_id: String(++published) })));
        await count(page, published);
        if (round === 2) break;
        await (round === 0 ? node.stop() : node.kill9());
        await node[Symbol.asyncDispose]();
        node = await NodeProcess.start({ data: folder.path, flags: FLAGS });
        proxy.retarget(node.port);
        await node.publish({ event_id: String(++published) });
        await count(page, published);
      }
      expect(await seqs(page)).toEqual(Array.from({ length: published }, (_, i) => String(published - i)));
      expect(await page.locator("h2").count()).toBe(0);
      // The address is the one that the page was opened with: what resumes is the header, which the browser sends.
      expect(proxy.requests.length).toBeGreaterThanOrEqual(4);
      for (const request of proxy.requests) expect(request).toStartWith("GET /events/stream?after=0 ");
    } finally {
      await node[Symbol.asyncDispose]();
    }
  });

  test("that was told nothing before its connection was lost misses nothing either", async () => {
    await using node = await NodeProcess.start({ flags: FLAGS });
    await using proxy = await CuttingProxy.to(node.port);
    const { page } = await open(`node=${proxy.url}`);
    await state(page, /^live$/);
    proxy.cut();
    await node.publish({ event_id: "meanwhile" });
    await count(page, 1);
    await page.getByRole("row", { name: "1 default meanwhile null", exact: true }).waitFor();
  });
});

describe.skipIf(isSkipped)("examples/feed.html, for whom it is", () => {
  test("shows the topics that it was given, and says so when the node does not understand them", async () => {
    await using node = await NodeProcess.start({ flags: FLAGS });
    await node.publish([
      { topic: "only.a", event_id: "1" },
      { topic: "others", event_id: "1" },
    ]);
    const { page } = await open(`node=${node.url}&after=0&topics=only.*`);
    await count(page, 1);
    await page.getByRole("row", { name: "1 only.a 1 null", exact: true }).waitFor();
    const bad = await open(`node=${node.url}&topics=a*b`);
    await state(bad.page, /^the node refused the stream \(422: topics must be a topic, or a prefix/);
  });

  test("brings the token of its fragment, and says why it is not let in", async () => {
    using folder = new TempFolder();
    const create = ["token", "create", "--data", folder.path, "--scope", "subscribe"];
    const token = (await runToExit(create)).stdout.trim();
    const limits = ["--max-connections-per-address", "2"];
    await using closed = await NodeProcess.start({ data: folder.path, flags: [...FLAGS, ...limits] });
    const refused = await open(`node=${closed.url}`);
    await state(refused.page, "the node refused the stream (401: Credentials are required here.)");
    const pages = [
      await open(`node=${closed.url}#token=${token}`),
      await open(`node=${closed.url}#token=${token}`),
    ];
    for (const { page } of pages) await state(page, /^live$/);
    const third = await open(`node=${closed.url}#token=${token}`);
    await state(third.page, /^no stream \(429: .+\); trying again$/);
    await pages[0]!.page.close();
    await state(third.page, /^live$/);
    expect(await third.page.locator("body").textContent()).not.toContain(token);
  });
});
