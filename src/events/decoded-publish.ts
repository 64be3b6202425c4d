/** What a body or frame is decoded to, and the limits it is held to. */

import type { EventRecord } from "./event.ts";

export interface DecodeLimits {
  /** Events in one body or frame. */
  readonly eventsMax: number;
  /** UTF-16 units of one event's payload as it will be stored. */
  readonly eventBytesMax: number;
  /** Levels that a payload may nest; `PAYLOAD_DEPTH_MAX` unless said. */
  readonly depthMax?: number;
}

/**
 * How a text is to be read. `body` is what POST /publish takes as application/json, `frame` what /ws/publish takes, `lines`
 * a piece of a body of NDJSON. CloudEvents come structured, as a batch, in binary mode, or one in a frame.
 */
export const PUBLISH_FORMS = [
  "body",
  "frame",
  "lines",
  "cloud-event",
  "cloud-event-batch",
  "binary-cloud-event",
  "cloud-event-frame",
] as const;
export type PublishForm = (typeof PUBLISH_FORMS)[number];

/** Those that are taken whole or not at all. */
export type WholeForm = Exclude<PublishForm, "lines">;

/** Those that hold events as onefold itself has them, whole. */
export type NativeForm = "body" | "frame";

/** Those of CloudEvents 1.0. */
export type CloudEventForm = Extract<PublishForm, `${string}cloud-event${string}`>;

export interface DecodedPublish {
  readonly events: readonly EventRecord[];
  /** One event, sent bare and not in a list. */
  readonly isSingle: boolean;
  /** Whether the frame itself asks for a result per event. */
  readonly wantsResults: boolean;
  /** The frame's own `id` as JSON text, where it has one. */
  readonly frameId: string | undefined;
}
