/** The `auth` frame: fresh credentials on a socket that is open, so that it may stay so. Any socket takes it. */

import { refuse } from "../problem.ts";

/** A token and what stands around it. */
const AUTH_FRAME_LENGTH_MAX = 16 * 1024;

/** @returns the token, or undefined where the frame is another. @throws ProblemError `invalid_frame` */
export function tokenOfAuthFrame(text: string): string | undefined {
  // Cheap, since every frame of a publisher passes here.
  if (text.length > AUTH_FRAME_LENGTH_MAX || !text.includes('"auth"')) return undefined;
  const frame = objectOf(text);
  if (frame?.type !== "auth") return undefined;
  const others = Object.keys(frame).filter((name) => name !== "type" && name !== "token");
  if (others.length > 0 || typeof frame.token !== "string")
    refuse("invalid_frame", "An `auth` frame holds a `token`, which is a text, and nothing else.");
  return frame.token;
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** @param expiresAt milliseconds since 1970, or `Infinity`. */
export function authAnswer(expiresAt: number): string {
  const until = Number.isFinite(expiresAt) ? JSON.stringify(new Date(expiresAt).toISOString()) : "null";
  return `{"type":"auth","expires_at":${until}}`;
}
