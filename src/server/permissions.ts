/** Which scope each route asks for. A route that is not listed here is let to nobody. */

import { SCOPES, type Scope } from "../access/principal.ts";

/** `anyone` is for what says nothing of events or topics. */
export type Permission = Scope | "anyone";

/** By method and route; a WebSocket begins as a GET. */
export const PERMISSIONS: Readonly<Record<string, Permission>> = {
  "POST /publish": "publish",
  "GET /ws/publish": "publish",
  "GET /stats": "subscribe",
  "GET /ws/stats": "subscribe",
  "GET /topics": "subscribe",
  "GET /events": "subscribe",
  "GET /events/:topic/:event_id": "subscribe",
  "GET /conflicts": "subscribe",
  "GET /metrics": "subscribe",
  "GET /health": "anyone",
  "GET /health/ready": "anyone",
  "GET /health/live": "anyone",
};

/** Pages and documents that say how to speak with the node, and hold nothing that it was told. */
const OPEN_FOLDERS = ["/docs"] as const;

/** @returns undefined for a route that nobody may use. */
export function permissionOf(method: string, route: string): Permission | undefined {
  // A browser asks with OPTIONS whether it may ask; that holds no credentials and runs no route.
  if (method === "OPTIONS") return "anyone";
  const asked = method === "HEAD" ? "GET" : method;
  if (asked === "GET" && OPEN_FOLDERS.some((path) => route === path || route.startsWith(`${path}/`)))
    return "anyone";
  const key = `${asked} ${route}`;
  return Object.hasOwn(PERMISSIONS, key) ? PERMISSIONS[key] : undefined;
}

export function isScope(permission: Permission): permission is Scope {
  return (SCOPES as readonly string[]).includes(permission);
}
