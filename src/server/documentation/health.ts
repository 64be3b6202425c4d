/** The health routes as the OpenAPI document has them. */

import { VERSION } from "../../version.ts";
import type { Health } from "../models/health.ts";
import { type Examples, jsonAnswer, type Operation, TAGS } from "./operation.ts";

const HEALTHY = {
  healthy: {
    summary: "Ready",
    value: {
      status: "healthy",
      uptime_seconds: 12.345,
      version: VERSION,
      checks: { storage: "ready", waiting_publishes: 0 },
    } satisfies Health,
  },
} satisfies Examples;

const UNHEALTHY = {
  unhealthy: {
    summary: "Starting",
    value: {
      status: "unhealthy",
      uptime_seconds: 0.05,
      version: VERSION,
      checks: { storage: "starting", waiting_publishes: 0 },
    } satisfies Health,
  },
  failing: {
    summary: "The disk is full",
    value: {
      status: "unhealthy",
      uptime_seconds: 86_400.5,
      version: VERSION,
      checks: { storage: "failing", storage_reason: "the disk is full", waiting_publishes: 0 },
    } satisfies Health,
  },
} satisfies Examples;

const READINESS = {
  200: jsonAnswer("Health", "Publishes are taken.", HEALTHY),
  503: jsonAnswer("Health", "Publishes are not stored; `checks` says why.", UNHEALTHY),
};

export const HEALTH_OPERATION: Operation = {
  operationId: "getHealth",
  summary: "Is the node healthy?",
  description: "The same as `/health/ready`.",
  tags: [TAGS.health.name],
  responses: READINESS,
};

export const READY_OPERATION: Operation = {
  operationId: "getReadiness",
  summary: "Does the node store publishes?",
  description:
    "Not while it starts, while its storage fails, while it is out of file handles, and once it shuts down.",
  tags: [TAGS.health.name],
  responses: READINESS,
};

export const LIVE_OPERATION: Operation = {
  operationId: "getLiveness",
  summary: "Does the node live?",
  description: "Answers 200 as long as the process answers at all.",
  tags: [TAGS.health.name],
  responses: { 200: jsonAnswer("Health", "It lives.", HEALTHY) },
};
