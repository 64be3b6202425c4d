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
  const hasBody = method !== "HEAD" && status !== 304 && status >= 200;
  if (headers.get("transfer-encoding") !== undefined) throw new Error("An answer without a length");
  const length = hasBody ? Number(headers.get("content-length") ?? 0) : 0;
  if (received.length < headEnd + 4 + length) return undefined;
  connection.take(headEnd + 4);
  return { status, headers, body: connection.take(length) };
}
