/** A bare WebSocket server of Bun, whatever its answers are: it says on stdout where it listens. */

/** @param answer What goes back for the text of a frame. */
export function serveWebSocket(answer: (text: string) => string): void {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response("a WebSocket is expected", { status: 426 }),
    websocket: {
      message(socket, text) {
        socket.send(answer(text as string));
      },
    },
  });
  console.log(`ready on http://127.0.0.1:${server.port}`);
}
