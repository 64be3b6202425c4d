/** As much of the NATS text protocol as the bench needs: messages with headers out, messages in. */

const HEADER_START = "NATS/1.0\r\n";

export interface Message {
  readonly subject: string;
  readonly reply: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
}

/** `HPUB`. Lengths are of what is passed: placeholders in it must be as long as what they stand for. */
export function publishFrame(
  { subject, reply, headers, payload }: Message,
  extraBytes = { headers: 0, payload: 0 },
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${HEADER_START}${lines.join("")}\r\n`;
  const headBytes = head.length + extraBytes.headers;
  const totalBytes = headBytes + payload.length + extraBytes.payload;
  return `HPUB ${subject} ${reply} ${headBytes} ${totalBytes}\r\n${head}${payload}\r\n`;
}

export function greeting(inbox: string): string {
  const options = { verbose: false, pedantic: false, headers: true, lang: "onefold-bench", version: "1" };
  return `CONNECT ${JSON.stringify(options)}\r\nSUB ${inbox} 1\r\n`;
}

const LETTER_M = 77;
const LINE_END = "\r\n";
const LINE_END_BYTES = 2;

/** Takes what the server sends and hands out its messages. */
export class NatsReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * @returns `PONG` when it was pinged.
   * @throws Error for what the server calls an error.
   */
  read(chunk: Buffer, onMessage: (subject: string, payload: Buffer) => void): string | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let reply: string | undefined;
    let at = 0;
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd === -1) break;
      const line = bytes.toString("latin1", at, lineEnd);
      let end = lineEnd + LINE_END_BYTES;
      if (bytes[at] === LETTER_M) {
        const start = end;
        const payloadEnd = start + Number(line.slice(line.lastIndexOf(" ") + 1));
        end = payloadEnd + LINE_END_BYTES;
        if (end > bytes.length) break;
        onMessage(line.slice(4, line.indexOf(" ", 4)), bytes.subarray(start, payloadEnd));
      } else if (line === "PING") reply = `PONG${LINE_END}`;
      else if (line.startsWith("-ERR")) throw new Error(`NATS: ${line}`);
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
    return reply;
  }
}
