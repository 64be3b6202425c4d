/** `/ws/publish`, as onefold and the SQLite server take it. */

import { EventText } from "../../load/event-text.ts";
import { FrameReader, frameHead, upgradeRequest } from "../../load/ws-frames.ts";
import type { Wire } from "./wire.ts";

const ACK = Buffer.from('{"type":"ack"');
const HELLO = Buffer.from('{"type":"hello"');

const BODY = { head: '{"type":"publish","events":[', tail: "]}" };

export class WsWire implements Wire {
  readonly greeting: string;
  readonly requestBytes: number;
  readonly #frame: EventText;
  readonly #reader = new FrameReader();

  constructor(url: URL, eventsPerFrame: number) {
    this.greeting = upgradeRequest(url);
    const head = frameHead(new EventText(eventsPerFrame, BODY).byteLength).toString("latin1");
    this.#frame = new EventText(eventsPerFrame, { head: head + BODY.head, tail: BODY.tail });
    this.requestBytes = this.#frame.byteLength;
  }

  write(target: Buffer, offset: number, nextNumber: () => number): void {
    this.#frame.write(nextNumber).copy(target, offset);
  }

  read(chunk: Buffer, onAnswer: () => void): undefined {
    this.#reader.read(chunk, (bytes, start, end) => {
      if (startsWith(bytes, start, ACK)) onAnswer();
      else if (!startsWith(bytes, start, HELLO)) {
        throw new Error(`a frame was not acknowledged: ${bytes.toString("utf8", start, end)}`);
      }
    });
  }
}

function startsWith(bytes: Buffer, start: number, prefix: Buffer): boolean {
  return bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0;
}
