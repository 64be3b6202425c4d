/** What a WebSocket of Bun can take at all: each text frame goes back as it came. */

import { serveWebSocket } from "./web-socket.ts";

serveWebSocket((text) => text);
