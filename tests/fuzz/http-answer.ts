/** Takes whole HTTP answers off a connection, with as little trust in them as they deserve. */

import type { Connection } from "./connection.ts";

export interface HttpAnswer {
  readonly status: number;
  /** As they came, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** The next answer, or undefined when it is not there whole. @throws Error when it is none. */
export function takeAnswer(connection: Connection, method: string): HttpAnswer | undefined {
  const { received } = connection;
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = received.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (!(status >= 100)) throw new Error(`An answer that begins with ${JSON.stringify(statusLine)}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  if (status === 100) {
    connection.take(headEnd + 4);
    return takeAnswer(connection, method);
  }
  if (method !== "HEAD" && headers.get("content-type") === "text/event-stream") {
    // It never ends: what has been let in is all there is to see, and the connection is good for nothing else.
    connection.take(received.length);
    return { status, headers: new Map([...headers, ["connection", "close"]]), body: Buffer.alloc(0) };
  }
  const hasBody = method !== "HEAD" && status !== 304 && status >= 200;
  if (hasBody && headers.get("transfer-encoding") === "chunked") {
    const body = chunksOf(received, headEnd + 4);
    if (body === undefined) return undefined;
    connection.take(body.end);
    return { status, headers, body: body.content };
  }
  if (hasBody && !headers.has("content-length")) {
    // To HTTP/1.0 a large answer comes without its length: it is whole when the connection has ended.
    if (!connection.hasEnded) return undefined;
    connection.take(headEnd + 4);
    return { status, headers, body: connection.take(received.length - headEnd - 4) };
  }
  const length = hasBody ? Number(headers.get("content-length")) : 0;
  if (received.length < headEnd + 4 + length) return undefined;
  connection.take(headEnd + 4);
  return { status, headers, body: connection.take(length) };
}

/** The content of a body in chunks, and where it ends; undefined when it is not there whole. @throws Error when it is none. */
function chunksOf(bytes: Buffer, start: number): { content: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString("latin1", at, lineEnd);
    if (!/^[\da-f]+$/i.test(line)) throw new Error(`A chunk of ${JSON.stringify(line)} bytes`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    if (size === 0) return { content: Buffer.concat(chunks), end };
    at = end;
  }
}

/** Whether it is the answer of an earlier request with the same key. */
export function isReplayed({ headers }: HttpAnswer): boolean {
  return headers.get("idempotency-replayed") === "true";
}
