/** The events of the load: text of fixed width in which only digits change, so that making one costs a few bytes. */

export const TOPICS = 8;

/** `~` becomes the topic's digit; each run of `#` (a multiple of three) the last digits of the event's number. */
const TEMPLATE =
  '{"topic":"orders-~","event_id":"7f3c2a10-5b7e-4c1d-9e2f-############","timestamp":"2026-01-15T09:26:53.###Z",' +
  '"source":"checkout","payload":{"order":"#########","amount":129.9,"currency":"EUR","items":3}}';

const ID_DIGITS = 12;
const ZERO = 48;

export const EVENT_BYTES = TEMPLATE.length;

const TOPIC_PLACE = TEMPLATE.indexOf("~");
/** For each three digits of a number, the last three first, where in the template they stand. */
const GROUP_PLACES = Array.from({ length: ID_DIGITS / 3 }, (_, group) =>
  Int32Array.from(
    [...TEMPLATE.matchAll(/#+/g)].flatMap(({ index, 0: run }) => {
      const place = index + run.length - 3 * (group + 1);
      return place < index ? [] : [place];
    }),
  ),
);

/** The text of 000 to 999, one after the other. */
const THREE_DIGITS = Buffer.from(
  Array.from({ length: 1_000 }, (_, i) => String(i).padStart(3, "0")).join(""),
);

/** An event's text before and after the number in its id, for generators that cannot share this code. */
export function eventAroundNumber(): [before: string, after: string] {
  const [before = "", after = ""] = TEMPLATE.split("#".repeat(ID_DIGITS));
  return [before, after.replaceAll("#", "0")];
}

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
  for (const places of GROUP_PLACES) {
    const next = Math.floor(rest / 1_000);
    const digits = (rest - next * 1_000) * 3;
    for (let i = 0; i < places.length; i++) {
      const at = offset + places[i]!;
      bytes[at] = THREE_DIGITS[digits]!;
      bytes[at + 1] = THREE_DIGITS[digits + 1]!;
      bytes[at + 2] = THREE_DIGITS[digits + 2]!;
    }
    rest = next;
  }
  bytes[offset + TOPIC_PLACE] = ZERO + (number % TOPICS);
}
