/** The events of the load: text of fixed width in which only digits change, so that making one costs a few bytes. */

/** What the events of a load look like. */
export interface EventShape {
  readonly topics: number;
  readonly payload: "small" | "large";
  /** As onefold itself has events, unless said. */
  readonly format?: "native" | "cloudevents";
}

export const SMALL_EVENTS: EventShape = { topics: 8, payload: "small" };

/** So many lines make an event of 10 kB. */
const LARGE_LINES = 187;

const LINE = '{"sku":"EU-40417-B","quantity":2,"price":12.95,"tax":7}';

/** The topics' digits are as many as the last of them needs. */
function templateOf({ topics, payload, format = "native" }: EventShape): string {
  const lines = payload === "small" ? "" : `,"lines":[${Array(LARGE_LINES).fill(LINE).join(",")}]`;
  // `~` becomes a digit of the topic; each run of `#` (a multiple of three) the last digits of the event's number.
  const topic = `orders-${"~".repeat(String(topics - 1).length)}`;
  const id = "7f3c2a10-5b7e-4c1d-9e2f-############";
  const time = "2026-01-15T09:26:53.###Z";
  const content = `{"order":"#########","amount":129.9,"currency":"EUR","items":3${lines}}`;
  return format === "native"
    ? `{"topic":"${topic}","event_id":"${id}","timestamp":"${time}","source":"checkout","payload":${content}}`
    : `{"specversion":"1.0","type":"${topic}","source":"checkout","id":"${id}","time":"${time}","datacontenttype":"application/json","data":${content}}`;
}

const ID_DIGITS = 12;
const ZERO = 48;

/** The text of 000 to 999, one after the other. */
const THREE_DIGITS = Buffer.from(
  Array.from({ length: 1_000 }, (_, i) => String(i).padStart(3, "0")).join(""),
);

/** For generators that cannot share this code: the event for `printf`, given its topic and, three times, its number. */
export function eventFormat(shape: EventShape): string {
  return templateOf(shape).replace(/~+|#+/g, (run) => `%0${run.length}d`);
}

export function eventBytesOf(shape: EventShape): number {
  return templateOf(shape).length;
}

export interface TextFrame {
  readonly head: string;
  readonly tail: string;
  /** One character between two events; a comma unless said. */
  readonly between?: string;
}

/** Text made of `count` events between `head` and `tail`, rewritten in place for each frame or body. */
export class EventText {
  readonly #bytes: Buffer;
  readonly #offset: number;
  readonly #stride: number;
  readonly #topicPlace: number;
  readonly #topicDigits: number;
  /** For each three digits of a number, the last three first, where in the event they stand. */
  readonly #groupPlaces: readonly Int32Array[];

  constructor(
    private readonly count: number,
    { head, tail, between = "," }: TextFrame,
    private readonly shape: EventShape = SMALL_EVENTS,
  ) {
    const template = templateOf(shape);
    this.#bytes = Buffer.from(head + Array(count).fill(template).join(between) + tail, "latin1");
    this.#offset = head.length;
    this.#stride = template.length + 1;
    this.#topicPlace = template.indexOf("~");
    this.#topicDigits = template.lastIndexOf("~") + 1 - this.#topicPlace;
    this.#groupPlaces = groupPlacesIn(template);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** @param nextNumber Gives the number of each event; the same number is the same event, to the byte. */
  write(nextNumber: () => number): Buffer {
    for (let i = 0; i < this.count; i++) this.#writeNumber(this.#offset + i * this.#stride, nextNumber());
    return this.#bytes;
  }

  #writeNumber(offset: number, number: number): void {
    const bytes = this.#bytes;
    let rest = number;
    for (const places of this.#groupPlaces) {
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
    let topic = number % this.shape.topics;
    for (let i = this.#topicDigits - 1; i >= 0; i--) {
      bytes[offset + this.#topicPlace + i] = ZERO + (topic % 10);
      topic = Math.floor(topic / 10);
    }
  }
}

function groupPlacesIn(template: string): Int32Array[] {
  return Array.from({ length: ID_DIGITS / 3 }, (_, group) =>
    Int32Array.from(
      [...template.matchAll(/#+/g)].flatMap(({ index, 0: run }) => {
        const place = index + run.length - 3 * (group + 1);
        return place < index ? [] : [place];
      }),
    ),
  );
}
