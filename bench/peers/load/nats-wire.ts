/** JetStream: one event a message, its id in `Nats-Msg-Id`, the acknowledgement on a subject of its own. */

import type { Wire } from "../../load/wire.ts";
import { EventEnvelope, partBytes } from "./event-envelope.ts";
import { greeting, NatsReader, publishFrame } from "./nats-frames.ts";

const ACK = Buffer.from('{"stream":');

/** Acknowledgements are told apart by the last digits of the message's ordinal. */
const INBOX = "inbox";
const ORDINAL_DIGITS = 6;
const ORDINALS = 10 ** ORDINAL_DIGITS;

export class NatsWire implements Wire {
  readonly greeting: string;
  readonly requestBytes: number;
  readonly #message: EventEnvelope;
  readonly #ordinalPlace: number;
  readonly #inbox: string;
  readonly #reader = new NatsReader();
  #sent = 0;
  #answered = 0;

  /** @param name Of the connection: its acknowledgements must not go to another. */
  constructor(subject: string, name: string) {
    this.#inbox = `${INBOX}.${name}.`;
    this.greeting = greeting(`${this.#inbox}*`);
    const placeholders = { event_id: "{event_id}", event: "{event}" };
    const frame = publishFrame(
      {
        subject: `${subject}.{topic}`,
        reply: this.#inbox + "0".repeat(ORDINAL_DIGITS),
        headers: { "Nats-Msg-Id": placeholders.event_id },
        payload: placeholders.event,
      },
      {
        headers: partBytes("event_id") - placeholders.event_id.length,
        payload: partBytes("event") - placeholders.event.length,
      },
    );
    this.#message = new EventEnvelope(frame);
    this.requestBytes = this.#message.byteLength;
    const topicShift = partBytes("topic") - "{topic}".length;
    this.#ordinalPlace = frame.indexOf(this.#inbox) + this.#inbox.length + topicShift;
  }

  write(target: Buffer, offset: number, nextNumber: () => number): void {
    this.#message.write(target, offset, nextNumber());
    target.write(ordinalText(this.#sent++), offset + this.#ordinalPlace, "latin1");
  }

  read(chunk: Buffer, onAnswer: () => void): string | undefined {
    return this.#reader.read(chunk, (subject, payload) => {
      if (payload.compare(ACK, 0, ACK.length, 0, ACK.length) !== 0) throw new Error(`NATS: ${payload}`);
      if (subject !== this.#inbox + ordinalText(this.#answered++)) {
        throw new Error(`NATS acknowledged out of order: ${subject}`);
      }
      onAnswer();
    });
  }
}

function ordinalText(ordinal: number): string {
  return String(ordinal % ORDINALS).padStart(ORDINAL_DIGITS, "0");
}
