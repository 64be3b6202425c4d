/** `POST /publish` over HTTP/1.1: one event, or an array of them. */

import { EventText } from "../../load/event-text.ts";
import type { Wire } from "../../load/wire.ts";

const HEAD_END = "\r\n\r\n";
const OK = "HTTP/1.1 200 ";

export class HttpWire implements Wire {
  readonly greeting = "";
  readonly requestBytes: number;
  readonly #request: EventText;
  #rest: Buffer = Buffer.alloc(0);

  constructor({ host, pathname }: URL, eventsPerRequest: number) {
    const body = eventsPerRequest === 1 ? { head: "", tail: "" } : { head: "[", tail: "]" };
    const { byteLength } = new EventText(eventsPerRequest, body);
    const head = [
      `POST ${pathname} HTTP/1.1`,
      `Host: ${host}`,
      "Content-Type: application/json",
      `Content-Length: ${byteLength}`,
    ].join("\r\n");
    this.#request = new EventText(eventsPerRequest, { head: head + HEAD_END + body.head, tail: body.tail });
    this.requestBytes = this.#request.byteLength;
  }

  write(target: Buffer, offset: number, nextNumber: () => number): void {
    this.#request.write(nextNumber).copy(target, offset);
  }

  read(chunk: Buffer, onAnswer: () => void): undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const headEnd = bytes.indexOf(HEAD_END, at);
      if (headEnd === -1) break;
      const head = bytes.toString("latin1", at, headEnd);
      if (!head.startsWith(OK)) throw new Error(`a request was refused: ${bytes.toString("utf8", at)}`);
      const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
      if (length === undefined) throw new Error(`an answer has no length: ${head}`);
      const end = headEnd + HEAD_END.length + Number(length);
      if (end > bytes.length) break;
      onAnswer();
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
