/** What subscribers send, whatever they are subscribed to: frames and patterns. */

import { faultOfPattern } from "../events/topic-pattern.ts";
import { refuse } from "../problem.ts";

/** UTF-16 units of answers to its own frames that a subscriber does not read, while it goes on sending them. */
export const UNREAD_ANSWER_TEXT_MAX = 1024 * 1024;

/** Frames of a subscriber are short: a long one is refused unread. */
const SUBSCRIBER_FRAME_MAX = 512 * 1_024;

export function parseFrame(text: string): Record<string, unknown> {
  if (text.length > SUBSCRIBER_FRAME_MAX)
    refuse("body_too_large", `A frame may have ${SUBSCRIBER_FRAME_MAX} bytes here.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("malformed_json", "The frame could not be parsed as JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("invalid_frame", "A frame must be a JSON object.");
  return value as Record<string, unknown>;
}

export function faultsOfPatterns(patterns: readonly string[], patternsMax: number): string[] {
  if (patterns.length > patternsMax) return [`may hold ${patternsMax} patterns`];
  return patterns.flatMap((pattern) => faultOfPattern(pattern) ?? []);
}
