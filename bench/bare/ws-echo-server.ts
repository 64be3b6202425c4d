/** What a WebSocket of Bun can take at all: each text frame goes back as it came. */

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("a WebSocket is expected", { status: 426 }),
  websocket: {
    message(socket, text) {
      socket.send(text);
    },
  },
});
console.log(`ready on http://127.0.0.1:${server.port}`);
