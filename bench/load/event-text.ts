/** The events of the load: text of fixed width in which only digits change, so that making one costs a few bytes. */

export const TOPICS = 8;

/** `~` becomes the topic's digit; each run of `#` the last digits of the event's number. */
const TEMPLATE =
  '{"topic":"orders-~","event_id":"7f3c2a10-5b7e-4c1d-9e2f-############","timestamp":"2026-01-15T09:26:53.###Z",' +
  '"source":"checkout","payload":{"order":"########","amount":129.9,"currency":"EUR","items":3}}';

const ID_DIGITS = 12;
const ZERO = 48;

export const EVENT_BYTES = TEMPLATE.length;

const TOPIC_PLACE = TEMPLATE.indexOf("~");
/** Pairs of a place in the template and the digit that stands there, counted from the last. */
const DIGIT_PLACES = [...TEMPLATE.matchAll(/#+/g)].flatMap(({ index, 0: run }) =>
  Array.from(run, (_, i) => [index + i, run.length - 1 - i] as const),
);
const PLACES = Int32Array.from(DIGIT_PLACES, ([place]) => place);
const DIGITS = Int32Array.from(DIGIT_PLACES, ([, digit]) => digit);

/** An event's text before and after the number in its id, for generators that cannot share this code. */
export function eventAroundNumber(): [before: string, after: string] {
  const [before = "", after = ""] = TEMPLATE.split("#".repeat(ID_DIGITS));
  return [before, after.replaceAll("#", "0")];
}

const scratch = new Uint8Array(ID_DIGITS);

/** Text made of `count` events between `head` and `tail`, rewritten in place for each frame or body. */
export class EventText {
  readonly #bytes: Buffer;
  readonly #offset: number;

  constructor(
    private readonly count: number,
    { head, tail }: { head: string; tail: string },
  ) {
    this.#bytes = Buffer.from(head + Array(count).fill(TEMPLATE).join(",") + tail, "latin1");
    this.#offset = head.length;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** @param nextNumber Gives the number of each event; the same number is the same event, to the byte. */
  write(nextNumber: () => number): Buffer {
    for (let i = 0; i < this.count; i++) {
      writeNumber(this.#bytes, this.#offset + i * (EVENT_BYTES + 1), nextNumber());
    }
    return this.#bytes;
  }
}

function writeNumber(bytes: Uint8Array, offset: number, number: number): void {
  let rest = number;
  for (let i = 0; i < ID_DIGITS; i++) {
    const next = Math.floor(rest / 10);
    scratch[i] = ZERO + rest - next * 10;
    rest = next;
  }
  for (let i = 0; i < PLACES.length; i++) bytes[offset + PLACES[i]!] = scratch[DIGITS[i]!]!;
  bytes[offset + TOPIC_PLACE] = ZERO + (number % TOPICS);
}
