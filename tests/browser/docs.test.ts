/** The page at /docs in a real browser: it shows every route, publishes a real event, and asks nobody but the node. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchBrowser, openWatchedPage, type Watched } from "../support/browser.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { OpenApiJudge } from "../support/open-api.ts";
import { isMissing } from "../support/prerequisites.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** For whoever wants to look. */
const SCREENSHOT = join(tmpdir(), "onefold-docs.png");

describe.skipIf(isMissing("chromium"))("the page at /docs", () => {
  let node: NodeProcess;
  let browser: Browser;
  let watched: Watched;
  beforeAll(async () => {
    [node, browser] = await Promise.all([NodeProcess.start(), launchBrowser()]);
    watched = await openWatchedPage(browser);
    await watched.page.goto(`${node.url}/docs`);
    await watched.page.locator(".opblock").first().waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.[Symbol.asyncDispose]();
  });

  test("shows every route, with what it does", async () => {
    const { operations } = new OpenApiJudge(await node.getText("/docs/json"));
    const shown = await watched.page.locator(".opblock-summary").allInnerTexts();
    // The page breaks long paths with zero-width spaces.
    const found = shown.map((text) => text.replaceAll("\u200b", "").split(/\s+/).join(" "));
    const expected = operations.map(
      ({ method, path, operation }) => `${method.toUpperCase()} ${path} ${operation.summary}`,
    );
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  test("shows every route's parameters, answers and examples without an error of its own", async () => {
    const { page } = watched;
    for (const block of await page.locator(".opblock").all()) {
      const control = block.locator(".opblock-summary-control");
      await control.click();
      await block.locator(".responses-table .example").first().waitFor();
      expect(await page.locator(".errors-wrapper").count()).toBe(0);
      await control.click();
    }
    await page.locator(".models-control").click();
    await page.getByText("ConflictPage", { exact: true }).waitFor();
    expect(await page.locator(".errors-wrapper").count()).toBe(0);
  });

  test("publishes a real event, which the node then counts", async () => {
    const publish = watched.page.locator("#operations-Publishing-publish");
    await publish.locator(".opblock-summary-control").click();
    await publish.locator(".try-out__btn").click();
    await publish.locator("textarea").fill('{"topic":"tried-out","event_id":"1"}');
    await publish.locator(".btn.execute").click();
    const answer = publish.locator(".live-responses-table .response");
    await answer.waitFor();
    expect(await answer.locator(".response-col_status").textContent()).toStartWith("200");
    expect(await answer.locator(".highlight-code").first().textContent()).toContain('"processed"');
    await watched.page.screenshot({ path: SCREENSHOT, fullPage: true });
    const stats = await node.stats();
    expect(stats).toMatchObject({ received: 1, unique_processed: 1, topic_count: 1 });
    expect(Object.keys(stats.topics)).toEqual(["tried-out"]);
  });

  test("asked nobody but the node, and had nothing to complain about", () => {
    expect(watched.requests.length).toBeGreaterThanOrEqual(6);
    expect(watched.requests.map(({ pathname }) => pathname)).toContain("/publish");
    expect(watched.requests.filter(({ origin }) => origin !== node.url).map(String)).toEqual([]);
    expect(watched.complaints).toEqual([]);
  });

  test("would be caught asking somebody else, or running a script from within the page", async () => {
    const other = await openWatchedPage(browser);
    await other.page.goto(`${node.url}/docs`);
    await other.page.evaluate(`{
      const image = document.createElement("img");
      image.src = "http://elsewhere.invalid/image.png";
      const script = document.createElement("script");
      script.textContent = "document.title = 'inline'";
      document.body.append(image, script);
    }`);
    expect(await other.page.title()).not.toBe("inline");
    const policy = /Content Security Policy/;
    expect(other.complaints.filter((complaint) => policy.test(complaint)).length).toBeGreaterThanOrEqual(2);
    await other.page.close();
  });
});
