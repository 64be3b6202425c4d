/** The Elysia app: one plugin per resource, one place for errors, the limits that hold for every socket. */

import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import type { Admission } from "./admission.ts";
import { docsRoutes } from "./docs.ts";
import { errorHandler } from "./errors.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED } from "./keyed-requests.ts";
import { metricsRoutes } from "./metrics.ts";
import { GAP_HEADER, LINK_HEADER } from "./models/media-types.ts";
import type { OriginPolicy } from "./origins.ts";
import { publishRoutes } from "./publish.ts";
import type { Services } from "./services.ts";
import { statsRoutes } from "./stats.ts";
import { topicRoutes } from "./topics.ts";
import { withWebhookHandshake } from "./webhook-handshake.ts";

/** More than any frame we send; what counts as too slow is decided before it is reached. */
const SOCKET_BUFFER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bun's own limit answers 413 without a problem document, so it is out of the way: the routes that read a body hold it
 * to its limit. What comes after the answer is read and thrown away; closing at once would often lose the answer.
 */
const BODY_BYTES_UNLIMITED = Number.MAX_SAFE_INTEGER;

export interface AppOptions {
  /** Whether it is listened to with TLS. */
  readonly isTls: boolean;
}

export function makeApp(services: Services, { isTls }: AppOptions) {
  const { bodyBytesMax, idleSeconds, socketIdleSeconds } = services.limits;
  const app = new Elysia({
    // Not for development: there an error of ours is answered with a page that shows the code.
    serve: {
      reusePort: false,
      maxRequestBodySize: BODY_BYTES_UNLIMITED,
      development: false,
      idleTimeout: idleSeconds,
    },
    // Elysia looks for the path from the 11th character on, which in `http://hub/ws/stats` is `/stats`; or from the 7th,
    // where `https://` has not ended yet. So over TLS a host of one or two letters does not find the sockets.
    handler: { standardHostname: isTls },
    websocket: {
      idleTimeout: socketIdleSeconds,
      maxPayloadLength: bodyBytesMax,
      backpressureLimit: SOCKET_BUFFER_BYTES_MAX,
      perMessageDeflate: false,
    },
  });
  const answerTo = errorHandler(services, () => app.routes);
  app.wrap((handle) => {
    const inner = withWebhookHandshake(services, answerTo, handle as unknown as Handle);
    return services.turns.wrap(leavingAtTheEnd(services.admission, inner));
  });
  if (services.admission.rates !== undefined) app.onAfterHandle(rateHeaders(services.admission));
  if (services.origins.hasAny) app.use(crossOriginHeaders(services.origins));
  return app
    .onError(answerTo)
    .onBeforeHandle(({ request, route }) => services.admission.admit(request, route))
    .use(resourceRoutes(services))
    .use(docsRoutes({ makeRoutes: () => resourceRoutes(services), limits: services.limits, isTls }));
}

type Handle = (request: Request) => Response | Promise<Response>;

/** However a request ends, what its admission took is given back: answered, thrown, or its client gone. */
function leavingAtTheEnd(admission: Admission, handle: Handle): Handle {
  return (request) => {
    let answer: Response | Promise<Response> | undefined;
    try {
      answer = handle(request);
      return answer;
    } finally {
      const leave = (): void => admission.leave(request);
      if (answer instanceof Promise) void answer.then(leave, leave);
      else leave();
    }
  };
}

/** Tells each caller whose rate is limited what is left of it. */
function rateHeaders(admission: Admission) {
  return ({
    request,
    responseValue,
  }: {
    readonly request: Request;
    readonly responseValue: unknown;
  }): void => {
    if (!(responseValue instanceof Response)) return;
    for (const [name, value] of Object.entries(admission.rateHeaders(request)))
      responseValue.headers.set(name, value);
  };
}

/** Extensions of a CloudEvent may have any name: a page sends these in structured mode. */
const ALLOWED_HEADERS = [
  ...["authorization", "content-type", "content-encoding", "last-event-id", IDEMPOTENCY_KEY],
  ...["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-dataschema"],
] as const;

/** What lets the pages of origins that were named read the answers, and ask before they send. */
function crossOriginHeaders(origins: OriginPolicy) {
  return cors({
    origin: ({ headers }) => origins.isNamed(headers.get("origin") ?? ""),
    methods: ["GET", "HEAD", "POST"],
    allowedHeaders: [...ALLOWED_HEADERS],
    exposeHeaders: [
      "retry-after",
      "ratelimit",
      "ratelimit-policy",
      "www-authenticate",
      LINK_HEADER,
      GAP_HEADER,
      IDEMPOTENCY_REPLAYED,
    ],
    credentials: false,
    maxAge: 3_600,
  });
}

/** What the OpenAPI document describes. */
function resourceRoutes(services: Services) {
  return new Elysia()
    .use(publishRoutes(services))
    .use(statsRoutes(services))
    .use(topicRoutes(services))
    .use(eventRoutes(services))
    .use(healthRoutes(services))
    .use(metricsRoutes(services));
}

export type App = ReturnType<typeof makeApp>;
