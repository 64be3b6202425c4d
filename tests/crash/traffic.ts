/** What publishers send while nodes are killed: new events, repeated ones, and some whose payload has changed. */

import type { OutgoingBatch, OutgoingEvent } from "../support/publisher.ts";
import type { SeededRandom } from "../support/seeded-random.ts";

const BATCH_EVENTS_MAX = 20;

/** Repeats reach back so far, and now and then to any event at all: the latest are looked up elsewhere than the rest. */
const RECENT_EVENTS = 200;

const LARGE_TEXT = 3_000;

/** One event in so many has a large payload, so that the log grows long enough to be copied back. */
const LARGE_EVERY = 16;

/** The payload's variant: 0 is what is sent first, any other one makes a conflict with it. */
const VARIANTS = 3;

export interface Attempt {
  /** An event of its own: whether it is stored tells whether this attempt was. */
  readonly marker: OutgoingEvent;
  /** The marker is among them. */
  readonly events: OutgoingBatch;
}

export class Traffic {
  #newest = 0;
  #attempts = 0;
  duplicatesSent = 0;
  conflictsSent = 0;

  constructor(private readonly random: SeededRandom) {}

  next(): Attempt {
    const length = 1 + this.random.below(BATCH_EVENTS_MAX);
    return this.#attempt(Array.from({ length }, () => this.#event()));
  }

  /** The same events once more, after an attempt whose fate is not known. */
  again({ marker, events }: Attempt): Attempt {
    const same = events.filter((event) => event !== marker);
    this.duplicatesSent += same.length;
    return this.#attempt(same);
  }

  #attempt(events: OutgoingBatch): Attempt {
    const marker = { topic: "attempts", event_id: `attempt-${++this.#attempts}`, payload: null };
    return { marker, events: [...events, marker] };
  }

  #event(): OutgoingEvent {
    const { random } = this;
    const isNew = this.#newest === 0 || random.below(5) < 3;
    if (isNew) return eventOf(++this.#newest, 0);
    const reach = random.below(8) === 0 ? this.#newest : Math.min(this.#newest, RECENT_EVENTS);
    const n = this.#newest - random.below(reach);
    const variant = random.below(3) === 0 ? 1 + random.below(VARIANTS - 1) : 0;
    if (variant === 0) this.duplicatesSent++;
    else this.conflictsSent++;
    return eventOf(n, variant);
  }
}

function eventOf(n: number, variant: number): OutgoingEvent {
  const text = n % LARGE_EVERY === 0 ? "x".repeat(LARGE_TEXT) : "ü".repeat(n % 50);
  return { topic: topicOf(n), event_id: `event-${n}`, payload: { n, variant, text } };
}

/** New topics keep coming, ever more slowly. */
function topicOf(n: number): string {
  return `crash.${n % (5 + Math.floor(Math.sqrt(n) / 4))}`;
}
