/** A process that reads the whole log from its first event on, again and again, and says how fast. */

export const DOORS = ["/ws/events", "/events/stream", "/events"] as const;
export type Door = (typeof DOORS)[number];

export interface LogReaderOptions {
  /** Of the server, `http://host:port`. */
  readonly url: string;
  readonly door: Door;
  /** The log is read up to this event. */
  readonly until: number;
  readonly seconds: number;
}

export interface LogReaderResult {
  readonly events: number;
  readonly seconds: number;
}

const SEQ = '{"seq":';

/** Checks that events come one after the other, from 1 on. */
class EventOrder {
  last = 0;

  /** @throws Error where one is missing, or comes twice. */
  take(text: string): void {
    let count = 0;
    let at = text.indexOf(SEQ);
    if (at < 0) return;
    const first = Number.parseInt(text.slice(at + SEQ.length, at + SEQ.length + 16), 10);
    let lastAt = at;
    for (; at >= 0; at = text.indexOf(SEQ, at + SEQ.length)) {
      count++;
      lastAt = at;
    }
    const last = Number.parseInt(text.slice(lastAt + SEQ.length, lastAt + SEQ.length + 16), 10);
    if (first !== this.last + 1 || last !== this.last + count)
      throw new Error(`${count} events from ${first} to ${last} came after ${this.last}`);
    this.last = last;
  }
}

async function readSocket(url: string, until: number, order: EventOrder): Promise<void> {
  const done = Promise.withResolvers<void>();
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/events?after=0`);
  socket.onmessage = ({ data }) => {
    try {
      order.take(data as string);
    } catch (error) {
      done.reject(error);
    }
    if (order.last >= until) done.resolve();
  };
  socket.onclose = ({ code }) => done.reject(new Error(`the socket was closed with ${code}`));
  await done.promise;
  socket.onclose = null;
  socket.close();
}

async function readStream(url: string, until: number, order: EventOrder): Promise<void> {
  const gone = new AbortController();
  const response = await fetch(`${url}/events/stream?after=0`, { signal: gone.signal });
  if (!response.ok) throw new Error(`the stream was answered ${response.status}`);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body!) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n\n");
    order.take(text.slice(0, Math.max(end, 0)));
    rest = text.slice(Math.max(end, 0));
    if (order.last >= until) break;
  }
  gone.abort();
}

async function readPages(url: string, until: number, order: EventOrder): Promise<void> {
  let after = "0";
  while (order.last < until) {
    const response = await fetch(`${url}/events?limit=10000&after=${after}`);
    if (!response.ok) throw new Error(`a page was answered ${response.status}`);
    const text = await response.text();
    order.take(text);
    after = String(order.last);
  }
}

const READ: Record<Door, typeof readPages> = {
  "/ws/events": readSocket,
  "/events/stream": readStream,
  "/events": readPages,
};

async function run({ url, door, until, seconds }: LogReaderOptions): Promise<LogReaderResult> {
  const startedAt = performance.now();
  let events = 0;
  do {
    const order = new EventOrder();
    await READ[door](url, until, order);
    events += order.last;
  } while (performance.now() - startedAt < seconds * 1_000);
  return { events, seconds: (performance.now() - startedAt) / 1_000 };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as LogReaderOptions)));
process.exit(0);
