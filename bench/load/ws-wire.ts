/** `/ws/publish`: frames of the events that are handed in, an acknowledgement or an echo for each. */

import type { EventText } from "./event-text.ts";
import type { Wire } from "./wire.ts";
import { FrameReader, upgradeRequest } from "./ws-frames.ts";

const ACK = Buffer.from('{"type":"ack"');
const HELLO = Buffer.from('{"type":"hello"');
const ECHO = Buffer.from('{"type":"publish"');

export class WsWire implements Wire {
  readonly greeting: string;
  readonly isGreetingAnswered = true;
  readonly requestBytes: number;
  readonly #answer: Buffer;
  readonly #reader = new FrameReader();

  /**
   * @param frame may be shared by connections of one process.
   * @param isEcho What is sent comes back, in place of an acknowledgement.
   */
  constructor(
    url: URL,
    private readonly frame: EventText,
    isEcho = false,
  ) {
    this.greeting = upgradeRequest(url);
    this.requestBytes = frame.byteLength;
    this.#answer = isEcho ? ECHO : ACK;
  }

  write(target: Buffer, offset: number, nextNumber: () => number): void {
    this.frame.write(nextNumber).copy(target, offset);
  }

  read(chunk: Buffer, onAnswer: () => void): undefined {
    this.#reader.read(chunk, (bytes, start, end) => {
      if (startsWith(bytes, start, this.#answer)) onAnswer();
      else if (!startsWith(bytes, start, HELLO)) {
        throw new Error(`a frame was not acknowledged: ${bytes.toString("utf8", start, end)}`);
      }
    });
  }
}

function startsWith(bytes: Buffer, start: number, prefix: Buffer): boolean {
  return bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0;
}
