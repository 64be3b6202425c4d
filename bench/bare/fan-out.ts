/**
 * The limit for /ws/stats: a bare Bun WebSocket server that publishes a frame natively, of one size, at one interval.
 * It counts the milliseconds since 1970, as if an event came with each, so that a frame says what it tells of.
 */

interface Options {
  readonly intervalMs: number;
  readonly frameBytes: number;
}

const { intervalMs, frameBytes } = JSON.parse(process.argv[2] ?? "") as Options;
const EPOCH = crypto.randomUUID();
const CHANNEL = "stats";

let revision = 0;
let received = Date.now();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (server.upgrade(request)) return undefined;
    start();
    return new Response("started");
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.send(
        `{"type":"snapshot","epoch":"${EPOCH}","revision":${revision},"received":${received},"topics":{}}`,
      );
      socket.subscribe(CHANNEL);
    },
    message() {},
  },
});

function tick(): void {
  const now = Date.now();
  const head = `{"type":"delta","epoch":"${EPOCH}","from":${revision},"revision":${++revision},"received":${now - received},"topics":{},"filling":"`;
  received = now;
  server.publish(CHANNEL, `${head.padEnd(frameBytes - 2, ".")}"}`, false);
}

/** At fixed moments: Bun's own interval begins anew when everything has been sent. */
function start(): void {
  const startedAt = performance.now();
  let ticks = 0;
  const next = (): void => {
    const now = performance.now();
    ticks = Math.max(ticks + 1, Math.ceil((now - startedAt) / intervalMs));
    setTimeout(
      () => {
        tick();
        next();
      },
      startedAt + ticks * intervalMs - now,
    );
  };
  next();
}

console.log(`ready on http://127.0.0.1:${server.port}`);
