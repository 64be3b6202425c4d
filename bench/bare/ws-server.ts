/** The limit for /ws/publish: a bare Bun WebSocket that parses each frame and answers; keeps and checks nothing. */

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("a WebSocket is expected", { status: 426 }),
  websocket: {
    message(socket, text) {
      const { events } = JSON.parse(text as string) as { events: unknown[] };
      socket.send(`{"type":"ack","count":${events.length}}`);
    },
  },
});
console.log(`ready on http://127.0.0.1:${server.port}`);
