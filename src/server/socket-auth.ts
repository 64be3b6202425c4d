/** The `auth` frame: fresh credentials on a socket that is open, so that it may stay so. Any socket takes it. */

import { type Problem, problem } from "../problem.ts";

const NOT_AN_AUTH_FRAME = problem(
  "invalid_frame",
  "An `auth` frame holds a `token`, which is a text, and nothing else.",
);

/** A token and what stands around it. */
const AUTH_FRAME_LENGTH_MAX = 16 * 1024;

export type AuthFrame = { readonly token: string } | { readonly fault: Problem };

/** @returns undefined where the frame is another. */
export function authFrameOf(text: string): AuthFrame | undefined {
  // Cheap, since every frame of a publisher passes here.
  if (text.length > AUTH_FRAME_LENGTH_MAX || !text.includes('"auth"')) return undefined;
  const frame = objectOf(text);
  // A CloudEvent may have that type as well.
  if (frame?.type !== "auth" || Object.hasOwn(frame, "specversion")) return undefined;
  const others = Object.keys(frame).filter((name) => name !== "type" && name !== "token");
  if (others.length > 0 || typeof frame.token !== "string") return { fault: NOT_AN_AUTH_FRAME };
  return { token: frame.token };
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What `Date` can hold; beyond it there is no need to tell for how long. */
const TIME_MAX_MS = 8.64e15;

/** @param expiresAt milliseconds since 1970, or `Infinity`. */
export function authAnswer(expiresAt: number): string {
  const until = expiresAt <= TIME_MAX_MS ? JSON.stringify(new Date(expiresAt).toISOString()) : "null";
  return `{"type":"auth","expires_at":${until}}`;
}
