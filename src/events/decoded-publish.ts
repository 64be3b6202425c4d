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

/** `body` is what POST /publish takes as application/json, `frame` what /ws/publish takes. */
export type PublishForm = "body" | "frame";

export interface DecodedPublish {
  readonly events: readonly EventRecord[];
  /** One event, sent bare and not in a list. */
  readonly isSingle: boolean;
  /** Whether the frame itself asks for a result per event. */
  readonly wantsResults: boolean;
  /** The frame's own `id` as JSON text, where it has one. */
  readonly frameId: string | undefined;
}
