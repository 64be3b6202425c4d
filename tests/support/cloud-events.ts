/** CloudEvents as they are sent over HTTP. */

import type { NodeProcess } from "./node-process.ts";

export const STRUCTURED = "application/cloudevents+json";
export const BATCH = "application/cloudevents-batch+json";

/** The attributes that every CloudEvent has. */
export const REQUIRED = { specversion: "1.0", id: "a", source: "/s", type: "t" };

/** The headers of binary mode. */
export const inHeaders = (attributes: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));

export interface Sent {
  /** The content type; null for none. */
  readonly type: string | null;
  /** A value as JSON, text and bytes as they stand. */
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export function sendCloudEvents(node: NodeProcess, { type, body, headers = {} }: Sent): Promise<Response> {
  const typed: Record<string, string> = type === null ? {} : { "content-type": type };
  const sent = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  // Bun names a type of its own for a text, and none for bytes.
  const bytes = typeof sent === "string" ? Buffer.from(sent) : sent;
  return fetch(`${node.url}/publish`, { method: "POST", headers: { ...typed, ...headers }, body: bytes });
}
