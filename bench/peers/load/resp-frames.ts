/** As much of Redis' protocol (RESP) as the load needs: commands out, integers in. */

export function command(parts: readonly string[]): string {
  return `${arrayHead(parts.length)}${parts.map((part) => bulk(part, part.length)).join("")}`;
}

export function arrayHead(length: number): string {
  return `*${length}\r\n`;
}

/** @param bytes Of what is sent in the end, where `text` holds placeholders. */
export function bulk(text: string, bytes: number): string {
  return `$${bytes}\r\n${text}\r\n`;
}

const COLON = 58;
const LINE_END = "\r\n";

/** Takes what the server sends and hands out the integers. */
export class IntegerReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Error for any other answer. */
  read(chunk: Buffer, onInteger: (value: number) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd === -1) break;
      if (bytes[at] !== COLON) throw new Error(`Redis: ${bytes.toString("latin1", at, lineEnd)}`);
      onInteger(Number(bytes.toString("latin1", at + 1, lineEnd)));
      at = lineEnd + LINE_END.length;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
