/** Whether the node lives, whether it is ready, and why not. */

import { Elysia } from "elysia";
import { VERSION } from "../version.ts";
import type { Services } from "./services.ts";

export function healthRoutes(services: Services) {
  const isReady = (): boolean => services.ledger.isReady;
  return new Elysia()
    .get("/health", () => answer(services, isReady()))
    .get("/health/ready", () => answer(services, isReady()))
    .get("/health/live", () => answer(services, true));
}

function answer({ ledger, clock }: Services, isHealthy: boolean): Response {
  const body = {
    status: isHealthy ? "healthy" : "unhealthy",
    uptime_seconds: (clock.now() - clock.startedAt) / 1_000,
    version: VERSION,
    checks: { storage: ledger.state, waiting_publishes: ledger.waiting },
  };
  return Response.json(body, { status: isHealthy ? 200 : 503 });
}
