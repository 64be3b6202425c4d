/** The channel of publishers at a server, and the frames that go over it. */

import type { EventShape } from "./event-text.ts";
import { EventText } from "./event-text.ts";
import { frameHead } from "./ws-frames.ts";

/** @param url of the server, `http://host:port`. */
export function publishChannelUrl(url: string): string {
  return `${url.replace("http", "ws")}/ws/publish`;
}

/** WebSocket frames, each one publish of so many events. */
export function publishFrames(eventsPerFrame: number, shape?: EventShape): EventText {
  const text = { head: '{"type":"publish","events":[', tail: "]}" };
  const { byteLength } = new EventText(eventsPerFrame, text, shape);
  const head = frameHead(byteLength).toString("latin1") + text.head;
  return new EventText(eventsPerFrame, { head, tail: text.tail }, shape);
}
