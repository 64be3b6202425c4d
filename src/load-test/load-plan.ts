/** Which events a load test sends: so many, of which so many are duplicates, with ids that no other run has. */

export interface LoadShape {
  /** Events in all, duplicates among them. */
  readonly events: number;
  /** Fewer than `events`. */
  readonly duplicates: number;
  /** Events in one body or frame. */
  readonly batch: number;
  readonly topics: readonly string[];
  /** Makes the ids unique. */
  readonly runId: string;
}

export interface Batch {
  /** A JSON array of events. */
  readonly text: string;
  readonly count: number;
}

/** A duplicate repeats one of so many events before it, as a retry does. */
const RECENT_EVENTS = 1_000;

/** A prime, so that the choice among the recent ones wanders. */
const STRIDE = 7_919;

/** Duplicates are spread evenly and repeat their event to the byte: none of them is a conflict. */
export function* batchesOf(shape: LoadShape): Generator<Batch, undefined> {
  for (let start = 0; start < shape.events; start += shape.batch) {
    const count = Math.min(shape.batch, shape.events - start);
    const events = Array.from({ length: count }, (_, i) => eventText(shape, numberAt(shape, start + i)));
    yield { text: `[${events.join(",")}]`, count };
  }
}

/** The number of the event at this place: a new one, or that of a recent one again. */
function numberAt({ events, duplicates }: LoadShape, place: number): number {
  const duplicatesBefore = Math.floor((place * duplicates) / events);
  const uniqueBefore = place - duplicatesBefore;
  const isDuplicate = Math.floor(((place + 1) * duplicates) / events) > duplicatesBefore;
  return isDuplicate
    ? uniqueBefore - 1 - ((place * STRIDE) % Math.min(uniqueBefore, RECENT_EVENTS))
    : uniqueBefore;
}

function eventText({ topics, runId }: LoadShape, number: number): string {
  return JSON.stringify({
    topic: topics[number % topics.length],
    event_id: `${runId}-${number}`,
    source: "onefold bench",
    payload: { order: number, amount: (number % 10_000) / 100, currency: "EUR" },
  });
}
