/** Which scope each route asks for. A route that is not listed here is let to nobody. */

import type { Scope } from "../access/principal.ts";

/** Scopes of which one is enough. */
export type Permission = readonly Scope[];

/** For what says nothing of events or topics. */
export const ANYONE: Permission = [];

/** By method and route; a WebSocket begins as a GET. */
export const PERMISSIONS: Readonly<Record<string, Permission>> = {
  "POST /publish": ["publish"],
  "GET /ws/publish": ["publish"],
  "GET /stats": ["subscribe"],
  "GET /ws/stats": ["subscribe"],
  "GET /stats/stream": ["subscribe"],
  "GET /topics": ["subscribe"],
  "GET /events": ["subscribe"],
  "GET /ws/events": ["subscribe"],
  "GET /events/stream": ["subscribe"],
  "GET /events/:topic/:event_id": ["subscribe"],
  "GET /conflicts": ["subscribe"],
  "GET /metrics": ["subscribe", "admin"],
  "GET /health": ANYONE,
  "GET /health/ready": ANYONE,
  "GET /health/live": ANYONE,
};

/** Pages and documents that say how to speak with the node, and hold nothing that it was told. */
const OPEN_FOLDERS = ["/docs"] as const;

/** @returns undefined for a route that nobody may use. */
export function permissionOf(method: string, route: string): Permission | undefined {
  // A browser asks with OPTIONS whether it may ask; that holds no credentials and runs no route.
  if (method === "OPTIONS") return ANYONE;
  const asked = method === "HEAD" ? "GET" : method;
  if (asked === "GET" && OPEN_FOLDERS.some((path) => route === path || route.startsWith(`${path}/`)))
    return ANYONE;
  const key = `${asked} ${route}`;
  return Object.hasOwn(PERMISSIONS, key) ? PERMISSIONS[key] : undefined;
}
