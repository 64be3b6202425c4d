/** Whether the node lives, whether it is ready, and why not. */

import { Elysia } from "elysia";
import { VERSION } from "../version.ts";
import { HEALTH_OPERATION, LIVE_OPERATION, READY_OPERATION } from "./documentation/health.ts";
import type { Health } from "./models/health.ts";
import type { Services } from "./services.ts";

export function healthRoutes(services: Services) {
  const isReady = (): boolean => services.ledger.isReady;
  return new Elysia()
    .get("/health", () => answer(services, isReady()), { detail: HEALTH_OPERATION })
    .get("/health/ready", () => answer(services, isReady()), { detail: READY_OPERATION })
    .get("/health/live", () => answer(services, true), { detail: LIVE_OPERATION });
}

function answer({ ledger, clock }: Services, isHealthy: boolean): Response {
  const body: Health = {
    status: isHealthy ? "healthy" : "unhealthy",
    uptime_seconds: (clock.now() - clock.startedAt) / 1_000,
    version: VERSION,
    checks: {
      storage: ledger.state,
      ...(ledger.storageFault !== undefined && { storage_reason: ledger.storageFault }),
      waiting_publishes: ledger.waiting,
    },
  };
  const headers = { "content-type": "application/json" };
  return Response.json(body, { status: isHealthy ? 200 : 503, headers });
}
