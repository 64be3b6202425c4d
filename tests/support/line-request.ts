/** A body of NDJSON that a test sends bit by bit, over a connection of its own. */

import type { Counters, Problem } from "./contract.ts";
import type { NodeProcess } from "./node-process.ts";
import { RawSocket } from "./raw-socket.ts";

export const LINES_TYPE = "application/x-ndjson";

/** What an interrupted stream is answered with. */
export interface StreamProblem extends Problem, Counters {
  readonly committed_lines: number;
  readonly line?: number;
}

/** Events of one topic, one a line, with ids from `first` on. */
export function linesOf(count: number, { first = 0, topic = "lines", payload = "" } = {}): string {
  let text = "";
  for (let i = first; i < first + count; i++)
    text += `{"topic":"${topic}","event_id":"e${i}","payload":{"n":${i},"text":"${payload}"}}\n`;
  return text;
}

/** Sends lines in one go. */
export function postLines(
  node: NodeProcess,
  lines: string | Uint8Array,
  { query = "", headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return node.post(lines, { query, headers: { "content-type": LINES_TYPE, ...headers } });
}

export class LineRequest implements Disposable {
  private constructor(readonly socket: RawSocket) {}

  static async open(node: NodeProcess, headers: readonly string[] = []): Promise<LineRequest> {
    const socket = await RawSocket.connect(node.port);
    const head = [
      "POST /publish HTTP/1.1",
      `host: localhost:${node.port}`,
      `content-type: ${LINES_TYPE}`,
      "transfer-encoding: chunked",
      ...headers,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    return new LineRequest(socket);
  }

  /** Resolves when the operating system has taken it. */
  async send(part: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(part as Uint8Array);
    await this.socket.writeAll(
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]),
    );
  }

  end(): Promise<Response> {
    this.socket.write("0\r\n\r\n");
    return this.socket.readResponse();
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}
