/** The routes as the app itself lists them, made with nothing behind them. */

import { SETTINGS } from "../../src/config/settings.ts";
import { makeApp } from "../../src/server/app.ts";
import type { Services } from "../../src/server/services.ts";

export interface Route {
  /** `WS` for a socket. */
  readonly method: string;
  /** With parameters like `:topic`. */
  readonly path: string;
}

/** As a node is set by default, as far as the documents tell. */
const LIMITS = {
  bodyBytesMax: SETTINGS.maxBodyBytes.default,
  eventsMax: SETTINGS.maxEvents.default,
  inflightMax: SETTINGS.maxInflight.default,
  patternsMax: SETTINGS.maxPatterns.default,
  readingBytesMax: 1,
};

function appWithNothingBehind() {
  const admission = { admit: () => {}, leave: () => {} };
  const turns = { wrap: <Handle>(handle: Handle): Handle => handle };
  const services = { limits: LIMITS, hub: { board: {} }, origins: { hasAny: false }, admission, turns };
  return makeApp(services as unknown as Services, { isTls: false });
}

export function routesOfApp(): Route[] {
  return appWithNothingBehind().routes.map(({ method, path }) => ({ method, path }));
}

/** What a node with the usual limits answers under this address, for what needs nothing behind: a document. */
export async function documentOfApp(path: "/docs/json" | "/docs/asyncapi.json"): Promise<string> {
  const response = await appWithNothingBehind().handle(new Request(`http://localhost${path}`));
  if (response.status !== 200) throw new Error(`Expected ${path}, got ${response.status}`);
  return response.text();
}
