/** Whether the node lives, whether it is ready, and why not. */

import { Elysia } from "elysia";
import { VERSION } from "../version.ts";
import { HEALTH_OPERATION, LIVE_OPERATION, READY_OPERATION } from "./documentation/health.ts";
import type { Health } from "./models/health.ts";
import { isOutOfFiles } from "./process-figures.ts";
import type { Services } from "./services.ts";

export function healthRoutes(services: Services) {
  return new Elysia()
    .get("/health", () => answerReadiness(services), { detail: HEALTH_OPERATION })
    .get("/health/ready", () => answerReadiness(services), { detail: READY_OPERATION })
    .get("/health/live", () => answer(services, true, isOutOfFiles()), { detail: LIVE_OPERATION });
}

function answerReadiness(services: Services): Response {
  const isFull = isOutOfFiles();
  return answer(services, services.ledger.isReady && !isFull, isFull);
}

function answer({ ledger, clock }: Services, isHealthy: boolean, isFull: boolean): Response {
  const body: Health = {
    status: isHealthy ? "healthy" : "unhealthy",
    uptime_seconds: (clock.now() - clock.startedAt) / 1_000,
    version: VERSION,
    checks: {
      storage: ledger.state,
      ...(ledger.storageFault !== undefined && { storage_reason: ledger.storageFault }),
      ...(isFull && { open_files_reason: "the node is out of file handles" }),
      waiting_publishes: ledger.waiting,
    },
  };
  const headers = { "content-type": "application/json" };
  return Response.json(body, { status: isHealthy ? 200 : 503, headers });
}
