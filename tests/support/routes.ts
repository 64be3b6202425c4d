/** The routes as the app itself lists them, made with nothing behind them. */

import { makeApp } from "../../src/server/app.ts";
import type { Services } from "../../src/server/services.ts";

export interface Route {
  /** `WS` for a socket. */
  readonly method: string;
  /** With parameters like `:topic`. */
  readonly path: string;
}

export function routesOfApp(): Route[] {
  const limits = { bodyBytesMax: 1, readingBytesMax: 1, eventsMax: 1, inflightMax: 1 };
  const services = { limits, hub: { board: {} }, origins: { hasAny: false }, admission: {} };
  const app = makeApp(services as unknown as Services, { isTls: false });
  return app.routes.map(({ method, path }) => ({ method, path }));
}
