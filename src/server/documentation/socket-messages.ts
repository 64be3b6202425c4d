/** The messages that any channel may have, as the AsyncAPI document has them. */

import { problem } from "../../problem.ts";
import type { AuthAnswer, AuthFrame, ErrorFrame, PingFrame, PongFrame } from "../models/socket-frames.ts";
import type { Message } from "./channel.ts";

/** The problem's own lists may not be changed; a frame's may. */
const refusedEvent = (): Omit<ErrorFrame, "type"> => ({
  ...problem("invalid_event", "1 place in 2 events is invalid; nothing was stored."),
  errors: [{ pointer: "/events/1/event_id", detail: "is required" }],
  error_count: 1,
});

export const SOCKET_MESSAGES = {
  error: {
    title: "Error",
    summary: "A frame was refused, or the socket is about to be closed.",
    model: "ErrorFrame",
    correlation: "frameId",
    examples: [
      {
        name: "invalid",
        summary: "The answer to a frame with an event that is invalid",
        payload: { type: "error", frame: 3, id: 8, ...refusedEvent() } satisfies ErrorFrame,
      },
      {
        name: "expired",
        summary: "Before the socket is closed with 4401",
        payload: {
          type: "error",
          ...(problem("unauthorized", "The credentials have expired.") as Omit<ErrorFrame, "type">),
        } satisfies ErrorFrame,
      },
    ],
  },
  auth: {
    title: "Credentials",
    summary: "Fresh credentials for a socket that is open.",
    model: "AuthFrame",
    examples: [
      {
        name: "token",
        summary: "A token of this node",
        payload: { type: "auth", token: "of_…" } satisfies AuthFrame,
      },
    ],
  },
  authorized: {
    title: "Credentials accepted",
    summary: "Until when the socket may stay open.",
    model: "AuthAnswer",
    examples: [
      {
        name: "forever",
        summary: "They do not expire",
        payload: { type: "auth", expires_at: null } satisfies AuthAnswer,
      },
      {
        name: "until",
        summary: "They do",
        payload: { type: "auth", expires_at: "2026-01-31T13:00:00.000Z" } satisfies AuthAnswer,
      },
    ],
  },
  ping: {
    title: "Ping",
    summary: "Are you there?",
    model: "PingFrame",
    examples: [{ name: "ping", summary: "Always the same", payload: { type: "ping" } satisfies PingFrame }],
  },
  pong: {
    title: "Pong",
    summary: "Yes.",
    model: "PongFrame",
    examples: [{ name: "pong", summary: "Always the same", payload: { type: "pong" } satisfies PongFrame }],
  },
} satisfies Record<string, Message>;
