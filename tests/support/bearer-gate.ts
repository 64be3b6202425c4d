/** Stands before a node and lets through what brings one token in its `Authorization` header, requests and sockets alike. */

export class BearerGate implements Disposable {
  refused = 0;
  readonly #server: Bun.Server<WebSocket>;

  constructor(nodeUrl: string, token: string) {
    this.#server = Bun.serve<WebSocket>({
      port: 0,
      fetch: async (request, server) => {
        if (request.headers.get("authorization") !== `Bearer ${token}`) {
          this.refused++;
          return Response.json({ detail: "Not without a token." }, { status: 401 });
        }
        const { pathname, search } = new URL(request.url);
        const target = `${nodeUrl}${pathname}${search}`;
        if (request.headers.has("upgrade")) {
          const data = new WebSocket(target.replace("http", "ws"));
          server.upgrade(request, { data });
          return undefined;
        }
        const { method, headers } = request;
        const body = method === "GET" ? undefined : await request.text();
        const response = await fetch(target, { method, headers, ...(body !== undefined && { body }) });
        return new Response(await response.text(), response);
      },
      websocket: {
        open: (socket) => {
          socket.data.onmessage = ({ data }) => void socket.send(String(data));
        },
        message: (socket, message) => socket.data.send(message),
        close: (socket) => socket.data.close(),
      },
    });
  }

  get url(): string {
    return this.#server.url.origin;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}
