/** The page at /docs/channels in a real browser: every channel and what goes over it, without a script and without anybody else. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { AsyncApiJudge } from "../support/async-api.ts";
import { launchBrowser, openWatchedPage, type Watched } from "../support/browser.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** For whoever wants to look. */
const screenshot = (name: string): string => join(tmpdir(), `onefold-channels-${name}.png`);

const SCREENS = [
  { name: "wide", width: 1_280, height: 1_600, colorScheme: "light" },
  { name: "phone", width: 360, height: 1_600, colorScheme: "dark" },
] as const;

type Screen = (typeof SCREENS)[number];

/** Whether the page keeps within the screen, and follows its colours. */
async function shownOn(page: Watched["page"], { name, width, height, colorScheme }: Screen) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme });
  await page.screenshot({ path: screenshot(name) });
  // Text, because these are the page's own objects and not those of the tests.
  const shown: unknown = await page.evaluate("document.documentElement.scrollWidth");
  const colour: unknown = await page.evaluate("getComputedStyle(document.body).backgroundColor");
  return { width: shown, isDark: colour === "rgb(22, 24, 27)" };
}

describe.skipIf(isMissing("chromium"))("the page at /docs/channels", () => {
  let node: NodeProcess;
  let browser: Browser;
  let watched: Watched;
  let judge: AsyncApiJudge;
  beforeAll(async () => {
    [node, browser] = await Promise.all([NodeProcess.start(), launchBrowser()]);
    judge = new AsyncApiJudge(await node.getText("/docs/asyncapi.json"));
    watched = await openWatchedPage(browser);
    await watched.page.goto(`${node.url}/docs/channels`);
  });
  afterAll(async () => {
    await browser?.close();
    await node?.[Symbol.asyncDispose]();
  });

  test("shows every channel, with all that is sent and received there, and its examples", async () => {
    for (const [name, { address }] of Object.entries(judge.document.channels)) {
      const section = watched.page.locator(`section#${name}`);
      expect(await section.locator(".address code").textContent()).toBe(address);
      const shown = await section.locator("details.message > summary > strong").allInnerTexts();
      const messages = [...judge.messages(name, "sent"), ...judge.messages(name, "received")];
      expect([...new Set(shown)].sort()).toEqual([...new Set(messages.map(({ title }) => title))].sort());
      const examples = (await section.locator("pre").allTextContents()).map(
        (text) => JSON.parse(text) as unknown,
      );
      for (const { examples: expected } of messages)
        for (const { payload } of expected) expect(examples).toContainEqual(payload);
      for (const parameter of Object.keys(judge.queryOf(name)))
        expect(await section.locator("table.fields").first().textContent()).toContain(parameter);
    }
  });

  test("shows every close code", async () => {
    const shown = await watched.page.locator("#close-codes tbody th").allInnerTexts();
    const codes = judge.document.channels.publish!["x-close-codes"]!.map(({ code }) => String(code));
    expect(shown).toEqual(codes);
  });

  test("opens what is folded at a click, and has no link that leads nowhere", async () => {
    const { page } = watched;
    const folded = page.locator("details.message:not([open])").first();
    const summary = await folded.locator("summary").elementHandle();
    await summary!.click();
    expect(await summary!.evaluate((element) => element.parentElement!.hasAttribute("open"))).toBeTrue();
    const targets = await page
      .locator('a[href^="#"]')
      .evaluateAll((links) => links.map((link) => link.getAttribute("href")!));
    expect(targets.length).toBeGreaterThan(10);
    for (const target of new Set(targets))
      expect({ target, found: await page.locator(target).count() }).toEqual({ target, found: 1 });
  });

  test("is reached from /docs, and leads back", async () => {
    const { page } = await openWatchedPage(browser);
    await page.goto(`${node.url}/docs`);
    await page.locator('a[href="/docs/channels"]').first().waitFor();
    await page.goto(`${node.url}/docs/channels`);
    await page.locator('header a[href="/docs"]').click();
    await page.locator(".opblock").first().waitFor();
    await page.close();
  });

  test.each(SCREENS.map((screen) => [screen.name, screen] as const))(
    "has nothing that goes beyond the screen: %s",
    async (_, screen) => {
      const shown = await shownOn(watched.page, screen);
      expect(shown).toEqual({ width: screen.width, isDark: screen.colorScheme === "dark" });
    },
  );

  test("asked nobody but the node, ran no script, and had nothing to complain about", async () => {
    expect(await watched.page.locator("script").count()).toBe(0);
    expect(watched.requests.filter(({ origin }) => origin !== node.url).map(String)).toEqual([]);
    expect(watched.complaints).toEqual([]);
  });
});
