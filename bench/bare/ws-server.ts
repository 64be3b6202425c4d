/** The limit for /ws/publish: a bare Bun WebSocket that parses each frame and answers; keeps and checks nothing. */

import { serveWebSocket } from "./web-socket.ts";

serveWebSocket((text) => {
  const { events } = JSON.parse(text) as { events: unknown[] };
  return `{"type":"ack","count":${events.length}}`;
});
