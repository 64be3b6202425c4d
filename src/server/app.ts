/** The Elysia app: one plugin per resource, one place for errors, the limits that hold for every socket. */

import { Elysia } from "elysia";
import { errorHandler } from "./errors.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { publishRoutes } from "./publish.ts";
import type { Services } from "./services.ts";
import { statsRoutes } from "./stats.ts";

/** A socket that has been silent for so long is pinged; one that does not answer is closed. */
const SOCKET_IDLE_SECONDS = 120;

/** More than any frame we send; what counts as too slow is decided before it is reached. */
const SOCKET_BUFFER_BYTES_MAX = 64 * 1024 * 1024;

/** What a body may exceed the limit by before the connection is cut without an answer. */
const BODY_SLACK_BYTES = 1024 * 1024;

export function makeApp(services: Services) {
  const { bodyBytesMax } = services.limits;
  const app = new Elysia({
    serve: { reusePort: false, maxRequestBodySize: bodyBytesMax + BODY_SLACK_BYTES },
    websocket: {
      idleTimeout: SOCKET_IDLE_SECONDS,
      maxPayloadLength: bodyBytesMax,
      backpressureLimit: SOCKET_BUFFER_BYTES_MAX,
      perMessageDeflate: false,
    },
  });
  return app
    .onError(errorHandler(services, () => app.routes))
    .use(publishRoutes(services))
    .use(statsRoutes(services))
    .use(eventRoutes(services))
    .use(healthRoutes(services));
}

export type App = ReturnType<typeof makeApp>;
