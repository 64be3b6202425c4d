/** An event with parts of it repeated around it, as protocols want its topic or its id beside it. Of fixed size. */

import { EventText } from "../../load/event-text.ts";

const event = new EventText(1, { head: "", tail: "" });

/** What `{topic}`, `{event_id}` and `{event}` in a template stand for: places in an event's text. */
const PARTS = {
  topic: placeOf("topic"),
  event_id: placeOf("event_id"),
  event: { start: 0, end: event.byteLength },
} as const;

type PartName = keyof typeof PARTS;

interface Place {
  readonly start: number;
  readonly end: number;
}

export class EventEnvelope {
  readonly #bytes: Buffer;
  readonly #places: readonly (Place & { readonly at: number })[];

  constructor(template: string) {
    const places: (Place & { at: number })[] = [];
    let text = "";
    for (const piece of template.split(/(\{[a-z_]+\})/)) {
      const name = /^\{([a-z_]+)\}$/.exec(piece)?.[1];
      if (name === undefined) text += piece;
      else if (name in PARTS) {
        const part = PARTS[name as PartName];
        places.push({ ...part, at: text.length });
        text += " ".repeat(part.end - part.start);
      } else throw new Error(`an event has no part ${piece}`);
    }
    this.#bytes = Buffer.from(text, "latin1");
    this.#places = places;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  write(target: Buffer, offset: number, number: number): void {
    const text = event.write(() => number);
    this.#bytes.copy(target, offset);
    for (const { at, start, end } of this.#places) text.copy(target, offset + at, start, end);
  }
}

export function partBytes(name: PartName): number {
  return PARTS[name].end - PARTS[name].start;
}

function placeOf(field: string): Place {
  const text = event.write(() => 0).toString("latin1");
  const opening = `"${field}":"`;
  const start = text.indexOf(opening) + opening.length;
  return { start, end: text.indexOf('"', start) };
}
