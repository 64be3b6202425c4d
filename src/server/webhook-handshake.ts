/**
 * The handshake of webhooks (CloudEvents HTTP 1.1 Web Hooks, 4): who wants to deliver asks with OPTIONS, and is told that
 * it may, and how often. Consent is given to whoever may publish, so a request brings the credentials of its deliveries.
 *
 * It comes before the routes: for all of them OPTIONS is what browsers ask with, and that brings no credentials.
 */

import { refuse } from "../problem.ts";
import { type Failure, pathOf } from "./errors.ts";
import type { Services } from "./services.ts";

const ROUTE = "/publish";
const ORIGIN_HEADER = "webhook-request-origin";

/** A name of hosts; a comma or a space would be of two headers. */
const ORIGIN = /^[!-+\--~]{1,255}$/;

const SECONDS_PER_MINUTE = 60;

type Handle = (request: Request) => Response | Promise<Response>;

/** @param answerTo makes an answer of what was thrown. */
export function withWebhookHandshake(
  services: Services,
  answerTo: (failure: Failure) => Response,
  handle: Handle,
): Handle {
  return (request) => {
    if (request.method !== "OPTIONS" || !request.headers.has(ORIGIN_HEADER) || pathOf(request) !== ROUTE)
      return handle(request);
    return consent(services, request).catch((error: unknown) => answerTo({ code: "", error, request }));
  };
}

async function consent({ admission }: Services, request: Request): Promise<Response> {
  await admission.admit(request, ROUTE, "POST");
  const { meter } = admission.callerOf(request);
  const origin = request.headers.get(ORIGIN_HEADER)!;
  if (!ORIGIN.test(origin))
    refuse("invalid_parameter", "WebHook-Request-Origin must be the name of the system that delivers.");
  const perSecond = meter?.eventsPerSecond ?? Number.POSITIVE_INFINITY;
  const perMinute = Number.isFinite(perSecond) ? String(Math.floor(perSecond * SECONDS_PER_MINUTE)) : "*";
  return new Response(null, {
    headers: {
      allow: "POST",
      "webhook-allowed-origin": origin,
      "webhook-allowed-rate": perMinute,
      ...admission.rateHeaders(request),
    },
  });
}
