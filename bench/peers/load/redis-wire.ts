/** A Lua script in Redis: topic, id and text of each event are its arguments. */

import type { Wire } from "../../load/wire.ts";
import { EventEnvelope, partBytes } from "./event-envelope.ts";
import { arrayHead, bulk, IntegerReader } from "./resp-frames.ts";

const ARGUMENTS_PER_EVENT = 3;

const ONE_EVENT = (["topic", "event_id", "event"] as const)
  .map((name) => bulk(`{${name}}`, partBytes(name)))
  .join("");

export class RedisWire implements Wire {
  readonly greeting = "";
  readonly requestBytes: number;
  readonly #head: Buffer;
  readonly #event = new EventEnvelope(ONE_EVENT);
  readonly #reader = new IntegerReader();

  constructor(
    scriptSha: string,
    private readonly eventsPerCall: number,
  ) {
    const words = ["EVALSHA", scriptSha, "0"];
    const head = arrayHead(words.length + ARGUMENTS_PER_EVENT * eventsPerCall);
    this.#head = Buffer.from(head + words.map((word) => bulk(word, word.length)).join(""), "latin1");
    this.requestBytes = this.#head.length + eventsPerCall * this.#event.byteLength;
  }

  write(target: Buffer, offset: number, nextNumber: () => number): void {
    let at = offset + this.#head.copy(target, offset);
    for (let i = 0; i < this.eventsPerCall; i++) {
      this.#event.write(target, at, nextNumber());
      at += this.#event.byteLength;
    }
  }

  read(chunk: Buffer, onAnswer: () => void): undefined {
    this.#reader.read(chunk, onAnswer);
  }
}
