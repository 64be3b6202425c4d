/** A real browser, without a window, that goes nowhere by itself. */

import { type Browser, chromium, type Page } from "playwright-core";
import { find } from "./prerequisites.ts";

/** Whatever a browser does by itself on the network is off, so that what is seen there comes from the page. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: find("chromium")!, args: ARGUMENTS });
}

/** What a page asked the network for, and what it complained about. */
export interface Watched {
  readonly page: Page;
  readonly requests: URL[];
  readonly complaints: string[];
}

export async function openWatchedPage(browser: Browser): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 1_600 } });
  const requests: URL[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(new URL(request.url())));
  page.on("websocket", (socket) => requests.push(new URL(socket.url())));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      complaints.push(`console: ${message.text()}`);
  });
  return { page, requests, complaints };
}
