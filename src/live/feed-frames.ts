/** The frames of a feed of events, as text, and how large one may be. */

/** UTF-16 units from which on a frame ends; one event may be larger. */
export const FRAME_TEXT_MAX = 256 * 1024;

/** Events of one frame. */
export const FRAME_EVENTS_MAX = 2_000;

/** @param events the elements of a JSON array. */
export function eventsFrame(events: string): string {
  return `{"type":"events","events":[${events}]}`;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

export function gapFrame({ from, to }: Gap): string {
  return `{"type":"gap","from":${from},"to":${to}}`;
}
