/** Plays a stream of server-sent events: reads for a while, cuts it, and resumes it at once where it was. */

import { Connection } from "./connection.ts";
import type { StreamCase } from "./fuzz-case.ts";
import { takeAnswer } from "./http-answer.ts";
import { FuzzViolation } from "./judge.ts";
import { barrier, type Target } from "./players.ts";

/** Questions that the node answers while a stream is read: whatever it has to tell by then has been told. */
const BARRIERS = 2;

const TYPES = { events: ["events", "gap", "error"], stats: ["snapshot", "delta", "error"] } as const;

/** What was told so far, over all connections. */
class Told {
  /** Where to resume. */
  id: string | undefined;
  #seq: number | undefined;

  constructor(
    private readonly target: Target,
    private readonly streamCase: StreamCase,
  ) {
    this.#seq = streamCase.after;
  }

  /** One block, without the empty line that ends it. */
  block(text: string): void {
    const { channel } = this.streamCase;
    let id: string | undefined;
    for (const line of text.split("\n")) {
      if (line.startsWith("id: ")) id = line.slice("id: ".length);
      else if (line.startsWith("data: ")) this.#frame(line.slice("data: ".length));
      else if (line !== ":" && !/^retry: \d+$/.test(line))
        throw new FuzzViolation(`A line of a stream that is ${JSON.stringify(line)}`);
    }
    if (id !== undefined && !/^[\w-]{24,28}$/.test(id)) throw new FuzzViolation(`The id ${id} on ${channel}`);
    this.id = id ?? this.id;
  }

  #frame(text: string): void {
    const { channel } = this.streamCase;
    this.target.judge.leaks(text);
    const frame = JSON.parse(text) as { type: string; events?: readonly { seq: number; topic: string }[] };
    if (!(TYPES[channel] as readonly string[]).includes(frame.type))
      throw new FuzzViolation(`A frame of the type ${frame.type} on ${channel}`);
    if (frame.type === "error") this.target.judge.problem(text);
    for (const { seq, topic } of frame.events ?? []) this.#event(seq, topic);
  }

  /** None twice; and where every topic is told and the beginning is known, none is left out. */
  #event(seq: number, topic: string): void {
    const { patterns } = this.streamCase;
    const before = this.#seq;
    const isNext = before === undefined || (patterns === undefined ? seq === before + 1 : seq > before);
    if (!isNext) throw new FuzzViolation(`The event ${seq} after ${before}`);
    if (patterns !== undefined && !patterns.some((pattern) => covers(pattern, topic)))
      throw new FuzzViolation(`An event of ${JSON.stringify(topic)}, which is not among ${patterns}`);
    this.#seq = seq;
  }
}

function covers(pattern: string, topic: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
}

export async function playStream(streamCase: StreamCase, target: Target): Promise<void> {
  const told = new Told(target, streamCase);
  for (let connections = streamCase.reconnects + 1; connections > 0; connections--) {
    const resume = told.id === undefined ? "" : `last-event-id: ${told.id}\r\n`;
    using connection = await Connection.to(target.port);
    connection.write(Buffer.from(`${streamCase.head}${resume}\r\n`, "latin1"));
    if (streamCase.reads) await read(connection, told, target);
    // Perhaps before there is an answer: the node must not mind either.
    else if (connections % 2 === 0) await connection.changed();
  }
}

async function read(connection: Connection, told: Told, target: Target): Promise<void> {
  await opened(connection, target);
  let content = "";
  const take = (): void => {
    content += takeChunks(connection);
    const blocks = content.split("\n\n");
    content = blocks.pop()!;
    for (const block of blocks) told.block(block);
  };
  for (let left = BARRIERS; left > 0; left--) {
    await barrier(target.port, target.authorization);
    take();
  }
}

async function opened(connection: Connection, { judge }: Target): Promise<void> {
  for (;;) {
    const changed = connection.changed();
    const end = connection.received.indexOf("\r\n\r\n");
    if (end >= 0) {
      const head = connection.received.toString("latin1", 0, end);
      if (head.startsWith("HTTP/1.1 200 ") && /^content-type: text\/event-stream\r?$/im.test(head)) {
        connection.take(end + 4);
        judge.saw("stream");
        return;
      }
      const answer = takeAnswer(connection, "GET");
      if (answer !== undefined) throw new FuzzViolation(`No stream: ${judge.http("GET", answer)?.code}`);
    }
    if (connection.hasEnded) throw new FuzzViolation("The connection ended instead of a stream");
    await changed;
  }
}

/** Whole chunks that are there, as text: the node writes whole lines. */
function takeChunks(connection: Connection): string {
  let text = "";
  for (;;) {
    const { received } = connection;
    const lineEnd = received.indexOf("\r\n");
    if (lineEnd < 0) return text;
    const line = received.toString("latin1", 0, lineEnd);
    if (!/^[\da-f]+$/i.test(line)) throw new FuzzViolation(`A chunk of ${JSON.stringify(line)} bytes`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size + 2;
    if (received.length < end) return text;
    text += received.toString("utf8", lineEnd + 2, lineEnd + 2 + size);
    connection.take(end);
    if (size === 0) return text;
  }
}
